package node

import (
	"github.com/traffik-io/traffik/actor"
	"github.com/traffik-io/traffik/node/internal/driver"
	"github.com/traffik-io/traffik/node/ownership"
	"github.com/traffik-io/traffik/transport"
)

// spare is how many more members are ranked for a partition than it has copies, so that those who died since are
// replaced at once.
const spare = 2

// startDriver makes what agrees on ownership with the other nodes, and runs it.
func (n *Node) startDriver() (err error) {
	n.charges = &charges{node: n, parts: make([]chargesOf, n.cfg.partitions)}
	n.routes = make(routes, n.cfg.partitions)
	n.driver, err = driver.New(driver.Config{
		Self: ownership.UID(n.id.UID), Partitions: n.cfg.partitions, Replicas: n.cfg.Replicas, Sync: n.cfg.Replication == Sync,
		MaxLag: n.cfg.ReplicationLag, Actors: n.actors, IDs: n.charges, Link: n.ownershipLink, Now: n.now, Logger: n.log,
	})
	if err != nil {
		return err
	}
	n.begin(n.driver.Run)
	return nil
}

// newActors makes the actors whose partitions the driver serves, moves and copies.
func (n *Node) newActors() (err error) {
	n.actors, err = actor.New(actor.Config{
		Partitions: n.cfg.partitions, MaxKeys: n.cfg.MaxKeys, Now: n.now, Registry: n.registry,
		Track: true, Mode: actor.Redirect, Changed: func(m actor.Mutation) uint64 { return n.driver.Changed(m) },
	})
	return err
}

// tellDriver tells the driver what the view says: who is a full member, and in which order they should own what. A lite
// node is told of its own state too, so that it knows when it leaves, and that it then has nothing to hand over.
func (n *Node) tellDriver(v *view) (told <-chan struct{}) {
	states := map[State]ownership.MemberState{Joining: ownership.Joining, Active: ownership.Active, Leaving: ownership.Leaving}
	var members []ownership.Member
	for _, p := range v.members {
		if p.meta.role == Full || p == v.self {
			members = append(members, ownership.Member{UID: ownership.UID(p.meta.uid), State: states[p.meta.state]})
		}
	}
	return n.driver.SetView(members, newRanks(v))
}

// ranks is the ring of a view, by UID. It implements ownership.Ring.
type ranks struct {
	uids  []ownership.UID
	depth int
}

func newRanks(v *view) *ranks {
	ranked := v.ring.AppendRanked(nil, 0)
	r := &ranks{depth: len(ranked)}
	r.uids = make([]ownership.UID, 0, v.ring.Partitions()*r.depth)
	for p := range v.ring.Partitions() {
		ranked = v.ring.AppendRanked(ranked[:0], p)
		for _, i := range ranked {
			r.uids = append(r.uids, ownership.UID(v.owners[i].meta.uid))
		}
	}
	return r
}

// Rank implements ownership.Ring.
func (r *ranks) Rank(p uint32) []ownership.UID {
	i := int(p) * r.depth
	return r.uids[i : i+r.depth : i+r.depth]
}

// ownershipLink is the link that ownership messages to a node take; nil if its address is not known.
func (n *Node) ownershipLink(to ownership.UID, bulk bool) driver.Caller {
	id := transport.UID(to)
	if p := n.view.Load().find(id); p != nil && p.link != nil && !bulk {
		return p.link
	}
	if l := n.links.get(id, bulk); l != nil {
		return l
	}
	return nil
}
