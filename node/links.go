package node

import (
	"context"
	"sync"
	"time"

	"github.com/traffik-io/traffik/transport"
)

// links are those beside the one to each member: for state, which must not delay hits, and to members that are gone
// from the view, because a claim asks those too. They are opened when needed, and closed when idle.
type links struct {
	cfg transport.Config

	mu     sync.Mutex // guards what follows
	open   map[linkTo]*openLink
	known  map[transport.UID]knownPeer
	closed bool
}

type linkTo struct {
	uid  transport.UID
	bulk bool
}

type openLink struct {
	*transport.Link
	used time.Time
}

type knownPeer struct {
	name, addr string
	gone       time.Time // zero while it is in the view
}

const (
	idleLink   = 30 * time.Second
	forgetPeer = time.Minute // after which a member that is gone is not asked any more
)

func newLinks(cfg transport.Config) *links {
	return &links{cfg: cfg, open: map[linkTo]*openLink{}, known: map[transport.UID]knownPeer{}}
}

// note remembers where a member listens.
func (l *links) note(m *meta) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known[m.uid] = knownPeer{name: m.name, addr: m.clusterAddr}
}

// gone notes that a member is not in the view any more.
func (l *links) gone(uid transport.UID, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k, ok := l.known[uid]; ok {
		k.gone = now
		l.known[uid] = k
	}
}

// get returns the link, nil if there is no way to that process.
func (l *links) get(uid transport.UID, bulk bool) *transport.Link {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, ok := l.known[uid]
	if !ok || l.closed {
		return nil
	}
	to := linkTo{uid, bulk}
	o := l.open[to]
	if o == nil {
		link, err := transport.NewLink(l.cfg, k.addr, transport.Identity{UID: uid, Name: k.name})
		if err != nil {
			return nil // the member's own link could not be made either, which was logged
		}
		o = &openLink{Link: link}
		l.open[to] = o
	}
	o.used = time.Now()
	return o.Link
}

// tidy closes links that are idle, and forgets members that are gone.
func (l *links) tidy(now time.Time) {
	l.mu.Lock()
	var idle []*openLink
	for to, o := range l.open {
		if now.Sub(o.used) > idleLink {
			idle = append(idle, o)
			delete(l.open, to)
		}
	}
	for uid, k := range l.known {
		if !k.gone.IsZero() && now.Sub(k.gone) > forgetPeer {
			delete(l.known, uid)
		}
	}
	l.mu.Unlock()
	for _, o := range idle {
		_ = o.Close(closed)
	}
}

// close closes all links, and lets nobody open more.
func (l *links) close(ctx context.Context) {
	l.mu.Lock()
	open := l.open
	l.open, l.closed = nil, true
	l.mu.Unlock()
	for _, o := range open {
		_ = o.Close(ctx)
	}
}
