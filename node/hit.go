package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/traffik-io/traffik/actor"
	"github.com/traffik-io/traffik/internal/ablate"
	"github.com/traffik-io/traffik/node/internal/driver"
	"github.com/traffik-io/traffik/strategy"
	"github.com/traffik-io/traffik/transport"
)

// Hit charges the cost of h if it fits, wherever its key is owned. Over the limit is a decision, not an error; the
// error wraps ErrInvalid, ErrOverloaded, ErrUnreachable or ErrClosed, or is that of ctx. A cost of 0 and an unlimited
// policy are allowed without asking anyone.
func (n *Node) Hit(ctx context.Context, h strategy.Hit) (strategy.Decision, error) {
	r, a := actor.Request{Op: actor.OpHit, Hit: h}, answer{}
	if n.cfg.Hooks.Decided == nil {
		n.ask(ctx, &r, &a)
	} else {
		n.observed(ctx, &r, &a)
	}
	return a.Decision, a.Err
}

// observed is ask for a hit that the hook is told of.
func (n *Node) observed(ctx context.Context, r *actor.Request, a *answer) {
	start := time.Now()
	n.ask(ctx, r, a)
	n.cfg.Hooks.Decided(Outcome{Decision: a.Decision, Err: a.Err, Forwarded: a.forwarded, Took: time.Since(start)})
}

// Check decides as Hit would and consumes nothing. It is best effort: another hit may come in between, and a refusal may be one that the owner has given for a hit before. Where the
// strategy keeps no statistics it allows.
func (n *Node) Check(ctx context.Context, h strategy.Hit) (strategy.Decision, error) {
	h.MaxWait = 0
	r, a := actor.Request{Op: actor.OpCheck, Hit: h}, answer{}
	n.ask(ctx, &r, &a)
	return a.Decision, a.Err
}

// Stat tells where the key of h stands under its policy; ok is false if the strategy keeps no statistics. The cost of
// h does not matter.
func (n *Node) Stat(ctx context.Context, h strategy.Hit) (st strategy.Stat, ok bool, err error) {
	h.MaxWait, h.Cost = 0, 1
	r, a := actor.Request{Op: actor.OpStat, Hit: h}, answer{}
	n.ask(ctx, &r, &a)
	return a.stat()
}

// Refund gives the cost of h back, which was charged by the decision of the instant charged: never above full, and
// never into a later window. The error wraps strategy.ErrNoRefund where that makes no sense.
func (n *Node) Refund(ctx context.Context, h strategy.Hit, charged strategy.Time) error {
	h.MaxWait = 0
	r, a := actor.Request{Op: actor.OpRefund, Hit: h, Charged: charged}, answer{}
	n.ask(ctx, &r, &a)
	hi, lo := n.hasher.Key(h.UID, h.Key, or(h.Scope, strategy.DefaultScope))
	n.denials.clear(actor.Key{Hi: hi, Lo: lo}, n.now()) // whatever became of it
	return a.Err
}

// answer is that of an actor, and which way it took.
type answer struct {
	actor.Answer
	forwarded bool
}

// stat is the answer to a stat.
func (a *answer) stat() (st strategy.Stat, ok bool, err error) {
	if a.Stat == nil {
		return st, false, a.Err
	}
	return *a.Stat, true, a.Err
}

// ask decides here or forwards, and puts the answer into a, which is zero. Answers are large, and go through many hands:
// so they are not returned but filled in, here and below. That also keeps stacks short: with a thousand callers they are
// more than the processor's cache holds.
func (n *Node) ask(ctx context.Context, r *actor.Request, a *answer) {
	if prepare(r, &a.Answer) {
		return
	}
	if n.stopped.Load() {
		a.Err = ErrClosed
		return
	}
	hi, lo := n.hasher.Key(r.Hit.UID, r.Hit.Key, r.Hit.Scope)
	k, p := actor.Key{Hi: hi, Lo: lo}, n.partition(hi)
	now := n.now()
	n.driver.Awake(now)
	if n.driver.Mode(p) == driver.Serve {
		switch n.decide(ctx, p, k, r, now, a); {
		case errors.Is(a.Err, errSuspended), errors.Is(a.Err, errNotCopied):
			n.unreached(ctx, newHitRequest(k, r), a.Err, a)
			return
		case !errors.Is(a.Err, actor.ErrNotServing):
			return
		}
		*a = answer{}
	}
	decides := r.Op == actor.OpHit || r.Op == actor.OpCheck
	if decides && n.denied(k, &r.Hit, now, a) {
		return
	}
	n.forward(ctx, p, k, r, now, a)
	if decides && a.forwarded && a.Err == nil {
		n.denials.learn(k, &r.Hit, &a.Decision, now)
	}
}

// denied answers h by what its owner has said before, if that still holds.
func (n *Node) denied(k actor.Key, h *strategy.Hit, now strategy.Time, a *answer) bool {
	x := n.denials.find(k, h, now)
	if x == nil {
		return false
	}
	n.denials.answered.Add(1)
	a.Decision = x.answer(now)
	return true
}

// prepare checks r and fills in its defaults. It is done with one that is wrong, and with one that consumes nothing,
// for which nobody has to be asked.
func prepare(r *actor.Request, a *actor.Answer) (done bool) {
	h := &r.Hit
	if err := h.Validate(); err != nil {
		a.Err = fmt.Errorf("%w: %w", ErrInvalid, err)
		return true
	}
	h.Scope = or(h.Scope, strategy.DefaultScope)
	if h.Cost == 0 || h.Policy.IsUnlimited() {
		if a.Decision = strategy.Allow(); r.Op == actor.OpStat {
			st := strategy.UnlimitedStat(h.Key)
			a.Stat = &st
		}
		return true
	}
	return false
}

// partition is that of a key with the hash's high word hi.
func (n *Node) partition(hi uint64) int { return n.view.Load().ring.Partition(hi) }

// decide asks the actor on this node. The error is actor.ErrNotServing if the partition is not, or not any more,
// served here, and errSuspended if that cannot be told.
func (n *Node) decide(ctx context.Context, p int, k actor.Key, r *actor.Request, now strategy.Time, a *answer) {
	if ablate.On {
		ablate.Tell(ctx, n.driver.Term(p))
	}
	n.actors.AskAt(ctx, k, r, now, &a.Answer)
	a.Err = localErr(a.Err)
	if a.Seq != 0 && n.driver.Waits(p) && !n.awaitCopies(ctx, p, a.Seq) {
		a.Err = errNotCopied
	}
	if errors.Is(a.Err, ErrOverloaded) {
		n.counters.overloaded.Add(1)
	}
	if changes := r.Op == actor.OpHit || r.Op == actor.OpRefund; changes && n.driver.Slept(n.now()) {
		*a = answer{Answer: actor.Answer{Err: errSuspended}}
	}
	if a.Decision.Owner = n.id.Name; a.Stat != nil {
		a.Stat.Owner = n.id.Name
	}
}

// errSuspended says that this process did not run for so long, while it decided, that another node may have taken over.
var errSuspended = errors.New("this process was suspended while it decided")

// errNotCopied says that a charge may be lost, because no copy holds it.
var errNotCopied = errors.New("no copy holds the charge in time")

// localErr says in this package's words why actors did not decide.
func localErr(err error) error {
	if errors.Is(err, actor.ErrClosed) {
		return ErrClosed
	}
	return err
}

// ops are the operations as transport numbers them.
var ops = [...]transport.Op{
	actor.OpHit: transport.Hit, actor.OpCheck: transport.Check, actor.OpStat: transport.Stat, actor.OpRefund: transport.Refund,
}
