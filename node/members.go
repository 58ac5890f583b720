package node

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/vmihailenco/msgpack/v5"
	"golang.org/x/sync/errgroup"

	"github.com/traffik-io/traffik/node/internal/driver"
	"github.com/traffik-io/traffik/node/ownership"
	"github.com/traffik-io/traffik/transport"
)

// Kinds of control messages between nodes, as they agree on them.
const (
	kindStatus = 1 // driver.Kind is 2, kindRefused 3
	kindOwner  = 4 // driver.FlowKind is 5
)

// askAtOnce is how many members are asked at a time.
const askAtOnce = 64

// statusTimeout bounds how long Members waits for what the others tell.
const statusTimeout = 500 * time.Millisecond

// Members lists the live members of the cluster by name, as this node sees it. Each is asked for how many keys it holds
// and partitions it serves; one that does not tell within half a second, or within ctx, has Keys -1, and the partitions
// that it should own in place of those that it does.
func (n *Node) Members(ctx context.Context) []Member {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	v := n.view.Load()
	owned := map[*peer]int{}
	for i, count := range v.ring.Owned() {
		owned[v.owners[i]] = count
	}
	all := make([]Member, len(v.members))
	var asked errgroup.Group
	asked.SetLimit(askAtOnce)
	for i, p := range v.members {
		m := p.meta
		all[i] = Member{
			Name: m.name, UID: m.uid.String(), State: m.state, Role: m.role, HTTPAddr: m.httpAddr, GossipAddr: p.gossipAddr,
			ClusterAddr: m.clusterAddr, Version: m.version, Partitions: owned[p], Assigned: owned[p], Keys: n.actors.Keys(), Self: p == v.self,
		}
		if p == v.self {
			all[i].Partitions = int(n.driver.Serving())
			continue
		}
		all[i].Keys = -1
		if p.link != nil {
			asked.Go(func() error {
				tellOf(ctx, p, &all[i])
				return nil
			})
		}
	}
	_ = asked.Wait() // none fails: who does not tell has -1
	return all
}

// tellOf asks a member for its keys and partitions. One of a version that does not tell its partitions keeps those of
// this node's view.
func tellOf(ctx context.Context, p *peer, m *Member) {
	b, err := p.link.Call(ctx, kindStatus, nil)
	if err != nil {
		return
	}
	d := msgpack.NewDecoder(bytes.NewReader(b))
	fields, err := d.DecodeArrayLen()
	if err != nil || fields < 1 {
		return
	}
	if keys, err := d.DecodeInt64(); err == nil {
		m.Keys = keys
	}
	if fields < 2 {
		return
	}
	if partitions, err := d.DecodeInt64(); err == nil {
		m.Partitions = int(partitions)
	}
}

// ServeCall implements transport.Handler.
func (h *handler) ServeCall(kind uint8, body []byte, reply transport.CallResponder) {
	switch kind {
	case kindStatus:
		h.status(reply)
	case kindOwner:
		(*Node)(h).tellOwner(body, reply)
	case kindRefused:
		(*Node)(h).testify(body, reply)
	case driver.Kind:
		h.driver.Receive(ownership.UID(reply.Peer().UID), body, reply.Result, reply.Fail)
	case driver.FlowKind:
		h.driver.ReceiveChanges(ownership.UID(reply.Peer().UID), body, reply.Result, reply.Fail)
	default:
		reply.Unsupported()
	}
}

func (h *handler) status(reply transport.CallResponder) {
	var b bytes.Buffer
	e := msgpack.NewEncoder(&b)
	if err := errors.Join(e.EncodeArrayLen(2), e.EncodeInt(h.actors.Keys()), e.EncodeInt(h.driver.Serving())); err != nil {
		reply.Fail(err.Error())
		return
	}
	reply.Result(b.Bytes())
}

// counters of what is rare enough to be counted by everybody together.
type counters struct {
	overloaded, unreachable, degraded, redirected, retried atomic.Int64
}

// Stats is a snapshot of a node for metrics.
type Stats struct {
	Keys        int64 // that this node holds
	Overloaded  int64 // hits answered ErrOverloaded since the start
	Unreachable int64 // hits that no owner answered in time
	Repeated    int64 // hits and checks that this node refused because their owner had just refused the like
	Redirected  int64 // answers of nodes that did not own the key
	Retried     int64 // attempts that brought no answer
	Members     map[State]int
	InFlight    map[string]int // hits that other nodes have not answered yet, by member

	Serving int64 // partitions that this node serves
	Parked  int64 // partitions whose hits it keeps, while they are handed over or claimed
	Behind  int64 // partitions that it serves, and of which some copy lacks charges
	In, Out int64 // partitions handed over to this node, and by it, since the start
	Claimed int64 // partitions that it took over because nobody served them
	Taken   int64 // partitions that others took over from it
	Lost    int64 // partitions that it took over without any copy, though another node had owned them: their counters are lost, or behind a split

	Backups         int64         // partitions of which it keeps a copy for another node
	UnderReplicated int64         // partitions that it owns with fewer complete copies than Config.Replicas; all, of a node alone
	ReplicationLag  time.Duration // age of the oldest charge here that not all copies hold; 0 if there is none
	Handoffs        Handoffs      // how long partitions took that it handed over

	HealthScore   int         // of memberlist: 0 is fine; above, this process is too slow to be sure who is alive
	Degraded      int64       // answers of the unreachable policy
	OnUnreachable Unreachable // the policy
}

// Handoffs tells how long partitions took to be handed over.
type Handoffs struct {
	Count   uint64
	Sum     time.Duration
	Buckets []Bucket
}

// Bucket counts what took at most so long, what took less included.
type Bucket struct {
	AtMost time.Duration
	Count  uint64
}

func newHandoffs(h *driver.Handoffs) Handoffs {
	s := Handoffs{Count: h.Count, Sum: h.Sum, Buckets: make([]Bucket, len(h.Buckets))}
	for i, n := range h.Buckets {
		s.Buckets[i] = Bucket{driver.HandoffBounds[i], n}
	}
	return s
}

// Stats returns a snapshot.
func (n *Node) Stats() Stats {
	v := n.view.Load()
	s := Stats{
		Keys: n.actors.Keys(), Overloaded: n.counters.overloaded.Load(), Unreachable: n.counters.unreachable.Load(),
		Repeated: n.denials.answered.Load(), Redirected: n.counters.redirected.Load(), Retried: n.counters.retried.Load(),
		Members: map[State]int{}, InFlight: map[string]int{},
	}
	d := n.driver.Stats()
	s.Serving, s.Parked, s.Behind = d.Serving, d.Parked, d.Behind
	s.In, s.Out, s.Claimed, s.Taken, s.Lost = d.In, d.Out, d.Claimed, d.Taken, d.Lost
	s.Backups, s.UnderReplicated, s.ReplicationLag, s.Handoffs = d.Backups, d.UnderReplicated, d.Lag, newHandoffs(&d.Handoffs)
	s.HealthScore, s.Degraded, s.OnUnreachable = n.gossip.list.GetHealthScore(), n.counters.degraded.Load(), n.cfg.OnUnreachable
	for _, p := range v.members {
		s.Members[p.meta.state]++
		if p.link != nil {
			s.InFlight[p.meta.name] += p.link.Stats().InFlight
		}
	}
	return s
}
