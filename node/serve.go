package node

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/traffik-io/traffik/actor"
	"github.com/traffik-io/traffik/internal/ablate"
	"github.com/traffik-io/traffik/node/internal/driver"
	"github.com/traffik-io/traffik/strategy"
	"github.com/traffik-io/traffik/transport"
)

// handler answers what other nodes ask. It never decides for a key that this node does not own.
type handler Node

// ServeHit implements transport.Handler.
func (h *handler) ServeHit(r *transport.HitRequest, reply transport.Responder) {
	n := (*Node)(h)
	now := n.now()
	n.driver.Awake(now)
	n.serveHit(r, reply, now)
}

// serveHit decides a hit of another node if its partition is served here.
func (n *Node) serveHit(r *transport.HitRequest, reply transport.Responder, now strategy.Time) {
	p := n.partition(r.Hi)
	switch n.driver.Mode(p) {
	case driver.Redirect:
		reply.Answer(n.disowned(p))
		return
	case driver.Park:
		if !n.park(p, r, reply) {
			reply.Answer(unowned()) // it is asked again soon
		}
		return
	}
	if err := r.Hit.Validate(); err != nil {
		reply.Answer(&transport.HitResponse{Status: transport.Failed, Code: codeInvalid, Text: err.Error()})
		return
	}
	t := n.turn()
	*t = turn{node: n, op: r.Op, reply: reply, id: r.ID, partition: p}
	if (r.Op == transport.Hit || r.Op == transport.Refund) && !ablate.Dedup {
		t.dedup = n.origins.of(reply.Peer().UID, r.ID)
		if verdict, response := t.dedup.accept(r.ID, r.SettledBelow, reply); verdict != first {
			n.turns.Put(t)
			n.repeat(p, verdict, response, reply)
			return
		}
	}
	n.actors.Tell(actor.Key{Hi: r.Hi, Lo: r.Lo}, actor.Request{Op: actorOp(r.Op), Hit: r.Hit, Charged: r.Charged, Note: t.noter()}, now, t)
}

// parkedHit is a hit of another node that waits until its partition is served, here or elsewhere.
type parkedHit struct {
	node  *Node
	r     transport.HitRequest
	reply transport.Responder
}

// park keeps a hit. It is remembered as accepted only when it is decided: what it is then may have moved here.
func (n *Node) park(p int, r *transport.HitRequest, reply transport.Responder) bool {
	h := &parkedHit{n, *r, reply}
	h.r.Own()
	return n.driver.Park(p, h)
}

// Resume implements driver.Parked.
func (h *parkedHit) Resume(late bool) {
	if late {
		h.reply.Answer(unowned())
		return
	}
	h.node.serveHit(&h.r, h.reply, h.node.now())
}

// repeat answers a hit of partition p that was sent before.
func (n *Node) repeat(p int, v dedupVerdict, response *transport.HitResponse, reply transport.Responder) {
	switch v {
	case decided: // maybe by the owner before this one, whose copies are not those of this one
		again := &repeated{n, p, response, reply}
		if n.driver.AwaitAll(p, again) {
			again.Copied(true)
		}
	case stale:
		reply.Answer(&transport.HitResponse{Status: transport.Failed, Code: codeStale, Text: "its id is settled"})
	case full:
		n.counters.overloaded.Add(1)
		reply.Answer(&transport.HitResponse{Status: transport.Overloaded})
	}
}

// repeated is the answer to a hit that was charged before.
type repeated struct {
	node      *Node
	partition int
	response  *transport.HitResponse
	reply     transport.Responder
}

// Copied implements driver.Waiter.
func (r *repeated) Copied(ok bool) {
	switch {
	case !ok:
		r.response = r.node.disowned(r.partition)
	case r.node.driver.Slept(r.node.now()):
		r.response = unowned()
	}
	r.reply.Answer(r.response)
}

// disowned is the answer of a node that does not serve partition p: it names who does, as far as it knows.
func (n *Node) disowned(p int) *transport.HitResponse {
	v := n.view.Load()
	_, term := n.driver.Owner(p)
	res := &transport.HitResponse{Status: transport.NotOwner, Term: term.N, Owner: &transport.Owner{}}
	if owner := n.route(v, p); owner != nil && owner != v.self {
		*res.Owner = transport.Owner{UID: owner.meta.uid, Addr: owner.meta.clusterAddr}
	}
	return res
}

// unowned is the answer of a node that knows nobody who decides at the moment.
func unowned() *transport.HitResponse {
	return &transport.HitResponse{Status: transport.NotOwner, Owner: &transport.Owner{}}
}

// turn brings the answer of an actor back to the node that asked.
type turn struct {
	node      *Node
	op        transport.Op
	reply     transport.Responder
	dedup     *dedup // nil if the request consumes nothing
	id        uint64
	partition int
	noted     bool                  // response is there, and remembered
	again     []transport.Responder // of the same hit, sent again before it was decided
	response  transport.HitResponse
}

// Reply implements actor.Replier.
func (t *turn) Reply(a actor.Answer) {
	if !t.noted {
		t.fill(&a)
	}
	if t.node.driver.Await(t.partition, a.Seq, t) {
		t.finish(a.Err == nil)
	}
}

// noter is t, if what it asks for charges.
func (t *turn) noter() actor.Noter {
	if t.dedup == nil {
		return nil
	}
	return t
}

// Note implements actor.Noter: the id of a hit is on record whenever its charge is, so that they travel together.
func (t *turn) Note(seq uint64, a actor.Answer) {
	t.fill(&a)
	t.noted = true
	t.again = t.dedup.decided(t.id, &t.response)
	t.node.charges.add(t.partition, charge{seq, t.dedup, t.id})
}

// AppendID implements driver.Identified.
func (t *turn) AppendID(b []byte) []byte {
	floor := t.dedup.floor.Load() // once: it may be raised meanwhile
	if t.id < floor {
		return b
	}
	b = t.dedup.appendHead(b, floor, 1)
	b = binary.AppendUvarint(b, t.id)
	return appendSized(b, &t.response)
}

// Copied implements driver.Waiter.
func (t *turn) Copied(ok bool) {
	if !ok { // whether the charge survives is unknown: the origin asks the next owner
		t.response = *t.node.disowned(t.partition)
	}
	t.finish(ok)
}

// fill makes the response.
func (t *turn) fill(a *actor.Answer) {
	r := &t.response
	*r = transport.HitResponse{Status: transport.Decided, Decision: a.Decision}
	switch {
	case errors.Is(a.Err, actor.ErrNotServing):
		*r = *t.node.disowned(t.partition)
	case errors.Is(a.Err, actor.ErrOverloaded):
		r.Status = transport.Overloaded
		t.node.counters.overloaded.Add(1)
	case a.Err != nil:
		r.Status, r.Code, r.Text = transport.Failed, codeOf(a.Err), a.Err.Error()
	case t.op == transport.Refund:
		r.Status = transport.Refunded
	case t.op == transport.Stat && a.Stat == nil:
		r.Status = transport.NoStat
	case t.op == transport.Stat:
		r.Status, r.Stat = transport.Told, a.Stat
	}
	r.Term = t.node.driver.Term(t.partition)
}

// finish sends the response.
func (t *turn) finish(final bool) {
	node, r := t.node, &t.response
	for _, reply := range t.conclude(final) {
		reply.Answer(r)
	}
	if t.dedup != nil && node.driver.Slept(node.now()) { // another may have answered since: it is asked, by the same id
		r = unowned()
	}
	t.reply.Answer(r)
	*t = turn{}
	node.turns.Put(t)
}

// conclude remembers the response if it is final, and returns who sent the hit again meanwhile. After another response
// the hit may be decided anew, unless it was charged: the charge is in the copy here, though maybe nowhere else, and its
// id is known for as long as that is.
func (t *turn) conclude(final bool) (again []transport.Responder) {
	switch {
	case t.dedup == nil || t.noted:
		return t.again
	case final:
		return t.dedup.decided(t.id, &t.response)
	}
	return t.dedup.forget(t.id)
}

// turn takes one from the pool.
func (n *Node) turn() *turn {
	if t, ok := n.turns.Get().(*turn); ok {
		return t
	}
	return new(turn)
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
