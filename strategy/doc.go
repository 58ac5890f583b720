// Package strategy decides whether a hit fits under a limit.
//
// It is pure: no clock, no lock, no I/O. A decision is a function of the key's [Records], the [Policy], the instant
// and the hit; whoever calls it brings the time and serialises the hits of one key. Arithmetic is integer and exact,
// in microseconds, so that two nodes given the same input decide alike; where a limit is multiplied by a parameter, the
// product is one of float64, rounded toward zero.
//
// # Guarantees
//
//  1. Determinism: the same records, instant and hit give the same decision and, encoded, the same records.
//  2. A refused hit consumes nothing, unless the strategy's CountRejected says so.
//  3. Waits are true: a refused hit is refused again a microsecond before its wait is over, and admitted when it is
//     over, if nothing else happened. A cost that can never fit is told [Never].
//  4. Remaining is true: the largest cost that one hit could take now.
//  5. A clock that goes back gives nothing back.
//  6. Records may be forgotten from [Records.NeutralAt] on, and no decision changes.
//  7. Records encode, decode and join without ever becoming more permissive; joining is commutative and idempotent.
//  8. When a policy changes, what was used stays used, and the new limit holds at once.
//  9. A policy of several limits is decided all or nothing.
//  10. A refund is visible at once, never above full, and never in a later window than that of its charge.
//  11. Where [Policy.Class] says so, a refusal holds until its wait is over, whatever else is charged meanwhile.
//
// # The fourteen strategies
//
// L is the limit of the rate, P its period, B a burst, t the length of an interval.
//
//	strategy               admits at most                       bursts                      state, bytes
//	FixedWindow            L in a window, 2L around an edge     L at the start of a window  16
//	SlidingWindowCounter   L + L·t/P in any interval            L, then as it fades         24
//	SlidingWindowLog       L in any interval of P               L, then as hits expire      48 + 16 per instant, of at most 2^20
//	TokenBucket            B + L·t/P                            B                           24
//	TokenBucketWithDebt    B + debt + L·t/P                     B + debt                    24
//	LeakyBucket            L + L·t/P                            L, then steady              24
//	LeakyBucketWithQueue   L + L·t/P                            L, then one slot after the  24
//	                                                            other for those that wait
//	GCRA                   1 + T·L/P + L·t/P                    1 + T·L/P, with Burst: B    24
//	TieredRate             L·tier in a window                   as FixedWindow              16
//	AdaptiveThrottle       L in a window, less under load       as FixedWindow              32
//	PriorityQueue          L in any interval of P for each      L per priority              192 + 16 per instant and priority,
//	                       priority with those above it                                     of at most max_queue_size
//	QuotaWithRollover      L + rollover in a period             all at once                 32
//	TimeOfDay              L·the largest hour in a window       as FixedWindow              16
//	CostBasedTokenBucket   B + L·max(1, min_refill_rate)·t/P    B                           64 + 8 per cost remembered
//
// A window is one of length P, aligned to the Unix epoch. A refusal records nothing, but for two exceptions: with
// CountRejected, the five strategies that have it (FixedWindow, SlidingWindowCounter, TieredRate, TimeOfDay and
// AdaptiveThrottle) count its cost; and a refusal whose load is above the threshold reduces the limit of an
// AdaptiveThrottle.
//
// Which to choose:
//
//   - FixedWindow, the default, where edges do not matter: it is the cheapest, and its numbers are the easiest to explain.
//   - SlidingWindowCounter where they do, for hardly more.
//   - SlidingWindowLog where the limit must be exact, and limits are small enough to remember every hit.
//   - TokenBucket for APIs: clients may save up, and the burst is a parameter of its own.
//   - TokenBucketWithDebt where a costly hit should pass now and be paid back later.
//   - LeakyBucket for a steady rate towards something that cannot take more.
//   - LeakyBucketWithQueue where clients would rather wait for their turn than be refused.
//   - GCRA to space hits evenly; with Burst it decides as TokenBucket does.
//   - TieredRate for plans, where the limit depends on who asks.
//   - AdaptiveThrottle to back off before a service is full, by its own use or by a load that the application tells.
//   - PriorityQueue where important hits must pass while unimportant ones fill the limit.
//   - QuotaWithRollover for quotas that are paid for: what is left of one period helps in the next.
//   - TimeOfDay where nights have room to spare.
//   - CostBasedTokenBucket where costs differ and expensive callers should get less.
//
// # When a policy changes
//
// The state of a key goes on under the new policy as long as the strategy and the name of the limit are the same. A new
// limit, burst, multiplier or threshold holds at once, against what was used before. With a new period, a counter takes
// what its window holds at that instant into the window of the new period, SlidingWindowCounter its estimate; a level
// goes on draining at the new rate; logs hold what still counted against the new period. What rolled over, and what is
// left of an adaptive limit, is cut to what the new parameters allow. Rounding is always towards more use.
//
// # What it does not do
//
// It does not keep keys, forget them, wait or tell the time. Nothing here is safe for concurrent use except [Policy]
// and [Registry], which are immutable or lock themselves.
package strategy
