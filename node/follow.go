package node

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/traffik-io/traffik/transport"
)

// follow turns changes that gossip reports into views, until ctx ends. A node that leaves to a newer process of its name
// goes on: it has to hear that that one is active to hand anything over to it.
func (n *Node) follow(ctx context.Context) {
	for {
		select {
		case <-n.gossip.wake:
		case <-ctx.Done():
			return
		}
		n.mu.Lock()
		n.rebuildLocked()
		v := n.view.Load()
		n.mu.Unlock()
		if rival := v.rival(); rival != nil {
			n.fail(fmt.Errorf("the name %q belongs to a newer process at %s, started %s after this one",
				n.id.Name, rival.meta.clusterAddr, time.Duration(rival.meta.bootMillis-v.self.meta.bootMillis)*time.Millisecond))
		}
	}
}

// setState changes the state of this node, in its own view and in what it will announce. A node that leaves does not
// become active any more.
func (n *Node) setState(s State) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if (n.leaving || n.closing) && s == Active {
		return
	}
	changed := *n.self
	changed.state = s
	n.self = &changed
	if err := n.gossip.set(n.self); err != nil {
		n.log.Error("announcing own state", "err", err) // it fitted at the start, and states are of like length
	}
	n.rebuildLocked()
}

// rebuildLocked makes a view of all that gossip has reported. A view that lacks the latest would do harm where this node
// becomes active: it claims at once, and whoever it does not know of it does not ask.
func (n *Node) rebuildLocked() {
	for _, c := range n.gossip.take() {
		if n.leftUnseenLocked(c) {
			n.seeLocked()
		}
		n.applyLocked(c)
	}
	n.seeLocked()
}

// leftUnseenLocked reports whether c is the end of a member whose leave is in no view yet: it would pass as lost.
func (n *Node) leftUnseenLocked(c change) bool {
	known, seen := n.others[c.meta.uid], n.view.Load().find(c.meta.uid)
	return c.gone && known != nil && known.meta.state == Leaving && seen != nil && seen.meta.state != Leaving
}

// seeLocked makes a view of the members.
func (n *Node) seeLocked() {
	self := &peer{meta: n.self, gossipAddr: n.gossip.addr}
	old := n.view.Load()
	v := newView(old.ring, self, n.others)
	n.routes.keep(old, v)
	n.view.Store(v)
	n.countVanishedLocked()
	n.tellDriver(v)
}

// applyLocked brings one change into others.
func (n *Node) applyLocked(c change) {
	id := c.meta.uid
	if id == n.id.UID || n.alone {
		return
	}
	known := n.others[id]
	switch {
	case c.gone && known != nil:
		delete(n.others, id)
		n.departed[id] = departure{name: known.meta.name, at: time.Now(), left: known.meta.state == Leaving}
		n.noteFormerLocked(known, c.addr)
		n.links.gone(id, time.Now())
		n.proofs.drop(id)
		n.begin(func() { _ = known.link.Close(closed) })
		n.log.Info("member is gone", "member", c.meta.name, "uid", short(id), "addr", c.addr, "state", known.meta.state)
	case c.gone:
	case known != nil:
		if known.meta.state != c.meta.state {
			n.log.Info("member changed", "member", c.meta.name, "uid", short(id), "state", c.meta.state)
		}
		link := known.link
		if known.meta.clusterAddr != c.meta.clusterAddr {
			if link = n.newLink(c); link == nil {
				return
			}
			n.begin(func() { _ = known.link.Close(closed) })
		}
		n.others[id] = &peer{meta: c.meta, gossipAddr: c.addr, link: link}
		n.links.note(c.meta)
	default:
		link := n.newLink(c)
		if link == nil {
			return
		}
		n.others[id] = &peer{meta: c.meta, gossipAddr: c.addr, link: link}
		n.links.note(c.meta)
		delete(n.departed, id)
		delete(n.former, c.addr)
		n.log.Info("member joined", "member", c.meta.name, "uid", short(id), "addr", c.addr, "state", c.meta.state)
	}
}

// newLink returns a link to a member; nil, and a log line, if that cannot be.
func (n *Node) newLink(c change) *transport.Link {
	link, err := transport.NewLink(n.transport, c.meta.clusterAddr, transport.Identity{UID: c.meta.uid, Name: c.meta.name})
	if err != nil {
		n.log.Warn("ignoring a member", "member", c.meta.name, "addr", c.addr, "err", err)
		return nil
	}
	return link
}

// maxFormer bounds the addresses of former members that are tried again.
const maxFormer = 256

// noteFormerLocked remembers where a member was, unless it left on purpose.
func (n *Node) noteFormerLocked(p *peer, addr string) {
	if p.meta.state != Leaving && len(n.former) < maxFormer {
		n.former[addr] = time.Now()
	}
}

// formerPeers are the gossip addresses of members that are gone, for a day.
func (n *Node) formerPeers() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	maps.DeleteFunc(n.former, func(_ string, since time.Time) bool { return time.Since(since) > rememberPeer })
	return slices.Collect(maps.Keys(n.former))
}
