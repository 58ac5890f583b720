package node

import (
	"errors"
	"fmt"

	"github.com/traffik-io/traffik/actor"
	"github.com/traffik-io/traffik/strategy"
	"github.com/traffik-io/traffik/transport"
)

// handler answers what other nodes ask. It never decides for a key that this node does not own.
type handler Node

// ServeHit implements transport.Handler.
func (h *handler) ServeHit(r *transport.HitRequest, reply transport.Responder) {
	n := (*Node)(h)
	v := n.view.Load()
	p := v.ring.Partition(r.Hi)
	if owner := v.owner(p); owner != v.self {
		reply.Answer(disowned(owner))
		return
	}
	if err := r.Hit.Validate(); err != nil {
		reply.Answer(&transport.HitResponse{Status: transport.Failed, Code: codeInvalid, Text: err.Error()})
		return
	}
	t := n.turn()
	*t = turn{node: n, op: r.Op, reply: reply, id: r.ID}
	if r.Op == transport.Hit || r.Op == transport.Refund {
		t.dedup = n.origin(reply.Peer().UID)
		verdict, hit, response := t.dedup.accept(r.ID, r.SettledBelow, reply)
		if t.hit = hit; verdict != first {
			n.turns.Put(t)
			n.repeat(verdict, response, reply)
			return
		}
	}
	n.actors.Tell(actor.Key{Hi: r.Hi, Lo: r.Lo}, actor.Request{Op: actorOp(r.Op), Hit: r.Hit, Charged: r.Charged}, n.now(), t)
}

// repeat answers a hit that was sent before.
func (n *Node) repeat(v dedupVerdict, response *transport.HitResponse, reply transport.Responder) {
	switch v {
	case decided:
		reply.Answer(response)
	case stale:
		reply.Answer(&transport.HitResponse{Status: transport.Failed, Code: codeStale, Text: "its id is settled"})
	case full:
		n.counters.overloaded.Add(1)
		reply.Answer(&transport.HitResponse{Status: transport.Overloaded})
	}
}

// disowned is the answer of a node that is not the owner.
func disowned(owner *peer) *transport.HitResponse {
	res := &transport.HitResponse{Status: transport.NotOwner, Owner: &transport.Owner{}}
	if owner != nil {
		*res.Owner = transport.Owner{UID: owner.meta.uid, Addr: owner.meta.clusterAddr}
	}
	return res
}

// turn brings the answer of an actor back to the node that asked.
type turn struct {
	node     *Node
	op       transport.Op
	reply    transport.Responder
	dedup    *dedup // nil if the request consumes nothing
	hit      *remembered
	id       uint64
	response transport.HitResponse
	stat     strategy.Stat
}

// Reply implements actor.Replier.
func (t *turn) Reply(a actor.Answer) {
	r := &t.response
	*r = transport.HitResponse{Status: transport.Decided, Decision: a.Decision}
	switch {
	case errors.Is(a.Err, actor.ErrOverloaded):
		r.Status = transport.Overloaded
		t.node.counters.overloaded.Add(1)
	case a.Err != nil:
		r.Status, r.Code, r.Text = transport.Failed, codeOf(a.Err), a.Err.Error()
	case t.op == transport.Refund:
		r.Status = transport.Refunded
	case t.op == transport.Stat && !a.HasStat:
		r.Status = transport.NoStat
	case t.op == transport.Stat:
		t.stat = a.Stat
		r.Status, r.Stat = transport.Told, &t.stat
	}
	if t.dedup != nil {
		if a.Err == nil {
			t.dedup.answer(t.hit, r)
		} else {
			t.dedup.forget(t.id, t.hit, r)
		}
	}
	t.reply.Answer(r)
	node := t.node
	*t = turn{}
	node.turns.Put(t)
}

// turn takes one from the pool.
func (n *Node) turn() *turn {
	if t, ok := n.turns.Get().(*turn); ok {
		return t
	}
	return new(turn)
}

// origin returns what is remembered of the hits of another process.
func (n *Node) origin(u transport.UID) *dedup {
	if d, ok := n.origins.Load(u); ok {
		return d.(*dedup)
	}
	d, _ := n.origins.LoadOrStore(u, &dedup{})
	return d.(*dedup)
}

// Codes of failures, as nodes agree on them.
const (
	codeUnknown = iota
	codeInvalid
	codePanic
	codeNoRefund
	codeTooManyLimits
	codeClosed
	codeStale
)

var failures = []struct {
	code uint64
	err  error
}{
	{codeInvalid, ErrInvalid},
	{codePanic, actor.ErrPanic},
	{codeNoRefund, strategy.ErrNoRefund},
	{codeTooManyLimits, strategy.ErrTooManyLimits},
	{codeClosed, ErrClosed},
}

func codeOf(err error) uint64 {
	for _, f := range failures {
		if errors.Is(err, f.err) {
			return f.code
		}
	}
	return codeUnknown
}

// remoteError is the failure that another node answered with.
func remoteError(res *transport.HitResponse, by *peer) error {
	for _, f := range failures {
		if f.code == res.Code {
			return fmt.Errorf("%s answers: %s: %w", by.meta.name, res.Text, f.err)
		}
	}
	return fmt.Errorf("%w: %s answers: %s", ErrUnreachable, by.meta.name, res.Text)
}
