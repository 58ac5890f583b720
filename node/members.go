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
	"github.com/traffik-io/traffik/strategy"
	"github.com/traffik-io/traffik/transport"
)

// Kinds of control messages between nodes, as they agree on them.
const kindStatus = 1 // driver.Kind is 2, kindRefused 3

// askAtOnce is how many members are asked at a time.
const askAtOnce = 64

// statusTimeout bounds how long Members waits for what the others tell.
const statusTimeout = 500 * time.Millisecond

// Members lists the live members of the cluster by name, as this node sees it. Each is asked for how many keys it
// holds; one that does not tell within half a second, or within ctx, has Keys -1.
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
			ClusterAddr: m.clusterAddr, Version: m.version, Partitions: owned[p], Keys: n.actors.Keys(), Self: p == v.self,
		}
		if p.link != nil {
			asked.Go(func() error {
				all[i].Keys = keysOf(ctx, p)
				return nil
			})
		}
	}
	_ = asked.Wait() // none fails: who does not tell has -1
	return all
}

func keysOf(ctx context.Context, p *peer) int64 {
	b, err := p.link.Call(ctx, kindStatus, nil)
	if err != nil {
		return -1
	}
	d := msgpack.NewDecoder(bytes.NewReader(b))
	fields, err := d.DecodeArrayLen()
	if err != nil || fields < 1 {
		return -1
	}
	keys, err := d.DecodeInt64()
	if err != nil {
		return -1
	}
	return keys
}

// ServeCall implements transport.Handler.
func (h *handler) ServeCall(kind uint8, body []byte, reply transport.CallResponder) {
	switch kind {
	case kindStatus:
		h.status(reply)
	case kindRefused:
		(*Node)(h).testify(body, reply)
	case driver.Kind:
		h.driver.Receive(ownership.UID(reply.Peer().UID), body, reply.Result, reply.Fail)
	default:
		reply.Unsupported()
	}
}

func (h *handler) status(reply transport.CallResponder) {
	var b bytes.Buffer
	e := msgpack.NewEncoder(&b)
	if err := errors.Join(e.EncodeArrayLen(1), e.EncodeInt(h.actors.Keys())); err != nil {
		reply.Fail(err.Error())
		return
	}
	reply.Result(b.Bytes())
}

// Owner tells who decides for a key, as this node sees it. An empty scope is the default one.
func (n *Node) Owner(uid, key, scope string) Ownership {
	hi, _ := n.hasher.Key(uid, key, or(scope, strategy.DefaultScope))
	v := n.view.Load()
	o := Ownership{Partition: v.ring.Partition(hi)}
	// What this node has heard of others' terms may be old: a handoff between two others is no news here.
	owner := v.owner(o.Partition)
	if n.driver.Mode(o.Partition) == driver.Serve {
		owner = v.self
	}
	if owner != nil {
		o.Owner = owner.meta.name
	}
	for _, name := range v.ring.Ranked(o.Partition) {
		if name != o.Owner && len(o.Backups) < n.cfg.Replicas-1 {
			o.Backups = append(o.Backups, name)
		}
	}
	_, term := n.driver.Owner(o.Partition)
	o.Term = term.N
	return o
}

// counters of what is rare enough to be counted by everybody together.
type counters struct {
	overloaded, unreachable, redirected, retried atomic.Int64
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
	Lost    int64 // partitions that others took over from it
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
	s.In, s.Out, s.Claimed, s.Lost = d.In, d.Out, d.Claimed, d.Lost
	for _, p := range v.members {
		s.Members[p.meta.state]++
		if p.link != nil {
			s.InFlight[p.meta.name] += p.link.Stats().InFlight
		}
	}
	return s
}
