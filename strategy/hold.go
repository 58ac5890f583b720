package strategy

// Holder is an Algorithm whose refusals hold: after a refusal, no hit of the same class that costs as much or more is
// allowed before the wait is over, whatever else is charged in between. So a node that forwards hits may repeat a
// refusal without asking the owner again. What is given back, and another policy on the same key, end it early.
//
// Without it every hit is decided. CostBasedTokenBucket is none: cheap hits make it refill faster.
type Holder interface {
	// Class tells apart the hits of one key that are not held against the same amount, by what Decide reads of a hit
	// beside its cost, such as a tier. Where ok is false, a refusal of h does not hold.
	Class(h Hit) (class int64, ok bool)
}

// Class is that of h under all limits of its policy; ok is false unless the refusals of each of them hold and are not
// recorded, and it keeps statistics, so that what holds for a hit holds for a check.
func (p *Policy) Class(h Hit) (class int64, ok bool) {
	if !p.holds {
		return 0, false
	}
	for _, l := range p.limits {
		if l.algo == nil {
			continue
		}
		c, ok := l.algo.(Holder).Class(h)
		if !ok {
			return 0, false
		}
		class = class*classes + c
	}
	return class, true
}

// classes is more than the classes of one limit in practice, and odd, so that those of several limits stay apart.
const classes = 0x1fd0_8e3f_55a1

// holdsRefusals reports what of Policy.Class does not depend on the hit.
func (p *Policy) holdsRefusals() bool {
	for _, l := range p.limits {
		if l.algo == nil {
			continue
		}
		_, holds := l.algo.(Holder)
		_, tells := l.algo.(Statistician)
		if !holds || !tells {
			return false
		}
	}
	return !p.RecordsRefusals()
}

// Class implements Holder.
func (*window) Class(Hit) (class int64, ok bool) { return 0, true }

// Class implements Holder.
func (*slidingCounter) Class(Hit) (class int64, ok bool) { return 0, true }

// Class implements Holder.
func (*slidingLog) Class(Hit) (class int64, ok bool) { return 0, true }

// Class implements Holder.
func (*meter) Class(Hit) (class int64, ok bool) { return 0, true }

// Class implements Holder: tiers of one limit are decided alike.
func (t *tieredRate) Class(h Hit) (class int64, ok bool) { return t.limitOf(&h), true }

// Class implements Holder: a priority does not see those below.
func (p *priorityQueue) Class(h Hit) (class int64, ok bool) {
	return int64(priorityOf(&h, p.marker, p.standard)), true
}

// Class implements Holder. A cost above the limit, which never fits a key that is not known, fits when a quiet period
// has rolled over.
func (q *quota) Class(h Hit) (class int64, ok bool) { return 0, h.Cost <= q.limit }
