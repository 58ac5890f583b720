package node

import (
	"bytes"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/traffik-io/traffik/actor"
	"github.com/traffik-io/traffik/strategy"
)

// denials are the refusals of other nodes that this node repeats by itself, so that a client that hammers at a limit
// costs its owner nothing. A refusal answers hits of the same state, policy and class that cost as much or more, from
// when the refused hit was sent until its wait is over, and never for longer than maxDenial: the wait began later, when
// the owner decided, so what is refused here would be refused there. To a hit that costs more the wait is only the least
// that it has to be.
//
// It is a table of fixed size: a refusal takes the place of the one of its bucket that ends first.
type denials struct {
	buckets  [maxDenials / denialWays]denialBucket
	answered atomic.Int64 // hits and checks that were refused by what an owner had said before
}

const (
	// maxDenials bounds the refusals that are kept, at some 200 bytes each.
	maxDenials = 7 * 4096
	denialWays = 7
	// maxDenial is how long a refusal may answer for its owner, and so how long what is given back or changed by other
	// nodes may go unnoticed.
	maxDenial = strategy.Time(time.Second / time.Microsecond)
)

// denialBucket holds what has the same low bits in its hash. It fills a cache line.
type denialBucket struct {
	cleared atomic.Int64 // of hits sent until then, no refusal is kept
	ways    [denialWays]atomic.Pointer[denial]
}

// denial is one refusal. It is immutable.
type denial struct {
	key         actor.Key
	policy      *strategy.Policy
	class       int64
	cost        int64
	sent, until strategy.Time
	decision    strategy.Decision
}

func (d *denials) bucket(k actor.Key) *denialBucket { return &d.buckets[k.Lo%uint64(len(d.buckets))] }

// find returns the refusal that answers h for the owner of k at now, nil if there is none.
func (d *denials) find(k actor.Key, h *strategy.Hit, now strategy.Time) *denial {
	b := d.bucket(k)
	for i := range b.ways {
		if x := b.ways[i].Load(); x != nil && x.key == k && now < x.until && h.Cost >= x.cost && h.MaxWait == 0 {
			if class, ok := h.Policy.Class(*h); ok && class == x.class && samePolicy(h.Policy, x.policy) {
				return x
			}
		}
	}
	return nil
}

func samePolicy(a, b *strategy.Policy) bool { return a == b || bytes.Equal(a.Encoded(), b.Encoded()) }

// answer is the refusal at now: as the owner said, with what is left of the wait.
func (x *denial) answer(now strategy.Time) strategy.Decision {
	passed := time.Duration(now-x.sent) * time.Microsecond
	a := x.decision
	a.Wait = left(a.Wait, passed)
	if len(a.Limits) > 0 {
		a.Limits = slices.Clone(a.Limits)
		for i := range a.Limits {
			a.Limits[i].Wait = left(a.Limits[i].Wait, passed)
		}
	}
	return a
}

// left is what is left of a wait.
func left(wait, passed time.Duration) time.Duration {
	if wait == strategy.Never || wait == 0 {
		return wait
	}
	return wait - passed
}

// learn keeps the refusal a of h, which was sent at that instant, if it holds.
func (d *denials) learn(k actor.Key, h *strategy.Hit, a *strategy.Decision, sent strategy.Time) {
	if a.Allowed || a.Queued || a.Degraded || h.MaxWait > 0 {
		return
	}
	class, ok := h.Policy.Class(*h)
	if !ok {
		return
	}
	x := &denial{key: k, policy: h.Policy, class: class, cost: h.Cost, sent: sent, until: sent + holdFor(a), decision: *a}
	x.decision.Limits = slices.Clone(a.Limits) // those of a are the caller's
	b := d.bucket(k)
	place := b.place(x)
	if place == nil {
		return
	}
	place.Store(x)
	if sent <= strategy.Time(b.cleared.Load()) { // after the store, lest whoever clears meanwhile misses it
		place.CompareAndSwap(x, nil)
	}
}

// holdFor is for how long a refusal may be repeated: while every limit that refused still does.
func holdFor(a *strategy.Decision) strategy.Time {
	hold := maxDenial
	shorten := func(v *strategy.Verdict) {
		if !v.Allowed && v.Wait != strategy.Never {
			hold = min(hold, strategy.Time(v.Wait/time.Microsecond))
		}
	}
	shorten(&a.Verdict)
	for i := range a.Limits {
		shorten(&a.Limits[i].Verdict)
	}
	return hold
}

// place is where x goes: in place of one that answers the like, or of the one that ends first. Nil if x answers nothing
// that another does not.
func (b *denialBucket) place(x *denial) *atomic.Pointer[denial] {
	var first *atomic.Pointer[denial]
	ends := strategy.Time(math.MaxInt64)
	for i := range b.ways {
		until := strategy.Time(math.MinInt64)
		if y := b.ways[i].Load(); y != nil {
			until = y.until
			if y.key == x.key && y.class == x.class && samePolicy(y.policy, x.policy) {
				if y.cost < x.cost && y.until > x.sent || y.cost == x.cost && y.until >= x.until {
					return nil
				}
				return &b.ways[i]
			}
		}
		if until < ends {
			first, ends = &b.ways[i], until
		}
	}
	return first
}

// clear drops what is known of k: something was given back at now.
func (d *denials) clear(k actor.Key, now strategy.Time) {
	b := d.bucket(k)
	for known := b.cleared.Load(); known < int64(now) && !b.cleared.CompareAndSwap(known, int64(now)); {
		known = b.cleared.Load()
	}
	for i := range b.ways {
		if x := b.ways[i].Load(); x != nil && x.key == k {
			b.ways[i].CompareAndSwap(x, nil)
		}
	}
}
