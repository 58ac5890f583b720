package node

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/traffik-io/traffik/transport"
)

// follow turns changes that gossip reports into views, until ctx ends.
func (n *Node) follow(ctx context.Context) {
	for {
		select {
		case <-n.gossip.wake:
		case <-ctx.Done():
			return
		}
		n.mu.Lock()
		for _, c := range n.gossip.take() {
			n.applyLocked(c)
		}
		n.rebuildLocked()
		rival := n.view.Load().rival()
		n.mu.Unlock()
		if rival != nil {
			n.fail(fmt.Errorf("the name %q belongs to a newer process at %s, started %s after this one",
				n.id.Name, rival.meta.clusterAddr, time.Duration(rival.meta.bootMillis-n.self.bootMillis)*time.Millisecond))
			return
		}
	}
}

// setState changes the state of this node, in its own view and in what it will announce.
func (n *Node) setState(s State) {
	n.mu.Lock()
	defer n.mu.Unlock()
	changed := *n.self
	changed.state = s
	n.self = &changed
	if err := n.gossip.set(n.self); err != nil {
		n.log.Error("announcing own state", "err", err) // it fitted at the start, and states are of like length
	}
	n.rebuildLocked()
}

func (n *Node) rebuildLocked() {
	self := &peer{meta: n.self, gossipAddr: n.gossip.addr}
	v := newView(n.view.Load().ring, self, n.others)
	n.view.Store(v)
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
		n.origins.Delete(id)
		n.former[c.addr] = time.Now()
		n.links.gone(id, time.Now())
		n.proofs.drop(id)
		n.begin(func() { _ = known.link.Close(closed) })
		n.log.Info("member is gone", "member", c.meta.name, "uid", short(id), "addr", c.addr, "state", known.meta.state)
	case c.gone:
	case known != nil:
		if known.meta.state != c.meta.state {
			n.log.Info("member changed", "member", c.meta.name, "uid", short(id), "state", c.meta.state)
		}
		n.others[id] = &peer{meta: c.meta, gossipAddr: c.addr, link: known.link}
	default:
		link, err := transport.NewLink(n.transport, c.meta.clusterAddr, transport.Identity{UID: id, Name: c.meta.name})
		if err != nil {
			n.log.Warn("ignoring a member", "member", c.meta.name, "addr", c.addr, "err", err)
			return
		}
		n.others[id] = &peer{meta: c.meta, gossipAddr: c.addr, link: link}
		n.links.note(c.meta)
		delete(n.former, c.addr)
		n.log.Info("member joined", "member", c.meta.name, "uid", short(id), "addr", c.addr, "state", c.meta.state)
	}
}

// formerPeers are the gossip addresses of members that are gone, for a day.
func (n *Node) formerPeers() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	maps.DeleteFunc(n.former, func(_ string, since time.Time) bool { return time.Since(since) > rememberPeer })
	return slices.Collect(maps.Keys(n.former))
}
