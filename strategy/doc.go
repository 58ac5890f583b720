// Package strategy decides whether a hit fits under a limit.
//
// It is pure: no clock, no lock, no I/O. A decision is a function of the key's [Records], the [Policy], the instant
// and the hit; whoever calls it brings the time and serialises the hits of one key. Arithmetic is integer and exact,
// in microseconds, so that two nodes given the same input decide alike.
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
//
// Nothing here is safe for concurrent use except [Policy] and [Registry], which are immutable or lock themselves.
package strategy
