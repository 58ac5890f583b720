package node

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/traffik-io/traffik/actor"
	"github.com/traffik-io/traffik/internal/ablate"
	"github.com/traffik-io/traffik/node/internal/driver"
	"github.com/traffik-io/traffik/strategy"
	"github.com/traffik-io/traffik/transport"
)

const (
	// attemptTimeout is for how long one attempt waits for its answer, before the view is asked again who the
	// owner is. A waiting hit waits as long as it may.
	attemptTimeout = 50 * time.Millisecond
	// attemptTrips is how many round trips an attempt waits at least: one there, two of the owner to the copies, as one
	// may be under way, and as much again.
	attemptTrips = 6
	// maxHops bounds how often in a row a hit is sent on by nodes that do not own its key. Where the owner has changed
	// more often than that since this node heard of it, who should own the key is asked next.
	maxHops = 4
	// pause is the longest wait, drawn at random, before an attempt that nobody asked for.
	pause = 20 * time.Millisecond
)

// errNobody is why a hit could not even be sent.
var errNobody = errors.New("no full member is alive")

// forward asks the owner of partition p on another node, until it answers or the budget is used up, and puts the answer
// into a. Every attempt of a hit has the same id, so that it is charged once however often it is sent.
func (n *Node) forward(ctx context.Context, p int, k actor.Key, asked *actor.Request, now strategy.Time, a *answer) {
	ids, r := n.ids, newHitRequest(k, asked)
	if r.Hit.MaxWait > 0 {
		ids = n.waits
	}
	r.ID = ids.begin()
	defer ids.end(r.ID)
	patience := now + micros(r.Hit.MaxWait)
	deadline := patience + micros(n.cfg.Timeout)
	hops, astray, last := 0, false, errNobody
	for target := n.route(n.view.Load(), p); ; now = n.now() {
		if r.Budget = duration(deadline - now); r.Budget <= 0 || ctx.Err() != nil {
			break
		}
		if r.Hit.MaxWait > 0 { // what it has waited elsewhere counts
			r.Hit.MaxWait = max(duration(patience-now), 0)
		}
		if target == nil {
			if !sleep(ctx, min(rand.N(pause), r.Budget)) {
				break
			}
			if v := n.view.Load(); astray {
				target = n.heir(v, p)
			} else {
				target = n.route(v, p)
			}
			continue
		}
		if target.link == nil { // this node, meanwhile
			if last = n.decideLate(ctx, p, r, a); last == nil {
				if errors.Is(a.Err, errNotCopied) || errors.Is(a.Err, errSuspended) { // it may be charged here: nobody else is asked
					n.unreached(ctx, r, a.Err, a)
				}
				return
			}
			*a, target = answer{}, nil
			continue
		}
		r.SettledBelow = ids.settledBelow()
		var response transport.HitResponse
		err := n.attempt(ctx, target, r, now, &response)
		switch {
		case err == nil && response.Status == transport.NotOwner && hops < maxHops:
			hops++
			n.counters.redirected.Add(1)
			target = n.redirected(p, target, &response)
			continue
		case err == nil && response.Status != transport.NotOwner:
			ablate.Tell(ctx, response.Term)
			if astray {
				n.routes.learn(p, response.Term, target.meta.uid)
			}
			n.answered(&response, r, target, a)
			return
		case errors.Is(err, transport.ErrOverloaded):
			n.counters.overloaded.Add(1)
			n.unreached(ctx, r, fmt.Errorf("%w: too many hits are in flight to %s", ErrOverloaded, target.meta.name), a)
			return
		case err == nil:
			err = fmt.Errorf("%s and the nodes it names disown the key", target.meta.name)
		}
		last = err
		n.routes.forget(p)
		n.counters.retried.Add(1)
		target, hops, astray = nil, 0, !astray
	}
	n.unreached(ctx, r, last, a)
}

// newHitRequest is r for another node.
func newHitRequest(k actor.Key, r *actor.Request) *transport.HitRequest {
	return &transport.HitRequest{Op: ops[r.Op], Hi: k.Hi, Lo: k.Lo, Hit: r.Hit, Charged: r.Charged}
}

// attempt sends r once.
func (n *Node) attempt(ctx context.Context, to *peer, r *transport.HitRequest, now strategy.Time, res *transport.HitResponse) error {
	limit := max(attemptTimeout, attemptTrips*to.link.RTT())
	if r.Hit.MaxWait > 0 {
		limit = r.Budget
	}
	if d, ok := ctx.Deadline(); limit == attemptTimeout && r.Hit.MaxWait == 0 && r.Budget >= limit && (!ok || time.Until(d) > limit) {
		// Whoever gives up earlier than that waits until the attempt is over.
		return to.link.DoInto(n.attempts.from(now), r, res)
	}
	ctx, cancel := context.WithTimeout(ctx, min(limit, r.Budget))
	defer cancel()
	return to.link.DoInto(ctx, r, res)
}

// redirected is who decides for p according to a node that was asked and does not; nil if that leads nowhere, so that
// it is tried again after a pause.
func (n *Node) redirected(p int, from *peer, response *transport.HitResponse) *peer {
	v := n.view.Load()
	to := response.Owner
	if to == nil || to.UID == (transport.UID{}) || to.UID == from.meta.uid {
		n.routes.forget(p)
		return nil
	}
	n.routes.learn(p, response.Term, to.UID)
	if next := v.find(to.UID); next != nil {
		return next
	}
	return nil
}

// decideLate decides r on this node, which owns the partition or is about to. The owner before it may have charged r
// without an answer: then that came here with the partition, by r's id. The error says that this node does not decide,
// and that a is of no use.
func (n *Node) decideLate(ctx context.Context, p int, r *transport.HitRequest, a *answer) error {
	limited, cancel := context.WithTimeout(ctx, r.Budget)
	defer cancel()
	if woken := make(wakes, 1); n.driver.Park(p, woken) {
		select {
		case <-woken:
		case <-limited.Done():
			return limited.Err()
		}
	}
	if n.driver.Mode(p) != driver.Serve {
		return actor.ErrNotServing
	}
	if res := n.origins.of(n.id.UID, r.ID).lookup(r.ID); res != nil {
		n.answered(res, r, n.view.Load().self, a)
		if a.forwarded = false; n.driver.Waits(p) && !n.awaitCopies(ctx, p, n.actors.Seq(p)) {
			a.Err = errNotCopied
		}
		return nil
	}
	n.decide(limited, p, actor.Key{Hi: r.Hi, Lo: r.Lo}, &actor.Request{Op: actorOp(r.Op), Hit: r.Hit, Charged: r.Charged}, n.now(), a)
	if errors.Is(a.Err, actor.ErrNotServing) || a.Err != nil && limited.Err() != nil && !errors.Is(a.Err, errSuspended) {
		return a.Err
	}
	return nil
}

// wakes is a caller that waits until a partition is not parked any more.
type wakes chan struct{}

// Resume implements driver.Parked.
func (w wakes) Resume(bool) { w <- struct{}{} }

// answered turns the response of another node into the answer a.
func (n *Node) answered(res *transport.HitResponse, r *transport.HitRequest, by *peer, a *answer) {
	a.forwarded = true
	switch res.Status {
	case transport.Decided:
		a.Decision = res.Decision
		a.Decision.Owner = by.meta.name
	case transport.Told:
		a.Stat = res.Stat
		a.Stat.Key, a.Stat.Owner = r.Hit.Key, by.meta.name
	case transport.NoStat, transport.Refunded:
	case transport.Overloaded:
		n.counters.overloaded.Add(1)
		a.Err = fmt.Errorf("%w: %s refuses more", ErrOverloaded, by.meta.name)
	default:
		a.Err = remoteError(res, by)
	}
}

func actorOp(op transport.Op) actor.Op {
	for i, o := range ops {
		if o == op {
			return actor.Op(i)
		}
	}
	return actor.OpHit
}
