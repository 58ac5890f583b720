package strategy

import (
	"math"
	"time"
)

// Verdict is what one limit answers to one hit.
type Verdict struct {
	// Allowed says that the cost fits. Over the limit is an answer, never an error.
	Allowed bool
	// Remaining is the largest cost that one hit could take now, after what this one charged; buckets and sliding
	// counters may have a fraction. It is +Inf for an unlimited rate.
	Remaining float64
	// Wait is 0 if the hit is allowed, else the earliest time after which the same cost fits if nothing else
	// arrives, in whole microseconds, or Never.
	Wait time.Duration
	// Limit is the capacity that applies now: burst, tier, debt and rollover included.
	Limit int64
}

// unlimited is the verdict of an unlimited rate.
var unlimitedVerdict = Verdict{Allowed: true, Remaining: math.Inf(1), Limit: math.MaxInt64}

// LimitVerdict is the verdict of one limit of a policy that has several.
type LimitVerdict struct {
	Name   string
	Period time.Duration
	Verdict
}

// Decision is the answer to a hit or a check. Of several limits, Verdict is that of the tightest: of the refusing one
// with the longest wait, else of the one with the least remaining.
type Decision struct {
	Verdict
	// Period is the period of the limit that Verdict speaks of; 0 for an unlimited rate.
	Period time.Duration
	// LimitedBy names the limit that refused, where a policy has several.
	LimitedBy string
	// Limits are the verdicts of all limits in the order of the policy, where it has several; else nil.
	Limits []LimitVerdict
	// At is the instant of the decision on the owner's clock. It means something to a refund only.
	At Time
	// Owner is the node that decided; empty in a process without a cluster.
	Owner string
	// Degraded says that the owner could not be asked and that the unreachable policy answered.
	Degraded bool
	// Queued says that the hit was refused for hits that wait before it, so that it may fit as soon as they give up.
	Queued bool
}

// Allow is the decision for what needs no decision: a cost of 0, an exempt caller, an unlimited rate.
func Allow() Decision { return Decision{Verdict: unlimitedVerdict} }

// UnlimitedStat is the stat of a key whose rate is unlimited.
func UnlimitedStat(key string) Stat {
	v := unlimitedVerdict
	return Stat{Key: key, Rate: Unlimited(), Remaining: v.Remaining, Limit: v.Limit}
}

// Stat tells where a key stands, and consumes nothing.
type Stat struct {
	// Key is the key that was asked about.
	Key string
	// Rate is the rate of the limit that the other fields speak of: of several, the tightest.
	Rate Rate
	// Remaining is the largest cost that one hit could take now, +Inf for an unlimited rate.
	Remaining float64
	// Wait is 0 exactly when a hit of cost 1 would be allowed now; else how long until then, or Never.
	Wait time.Duration
	// Limit is the capacity that applies now.
	Limit int64
	// Limits are the verdicts of all limits for a cost of 1, where the policy has several; else nil.
	Limits []LimitVerdict
	// Owner is the node that told; empty in a process without a cluster.
	Owner string
	// Degraded says that the owner could not be asked.
	Degraded bool
}
