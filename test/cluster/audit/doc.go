// Package audit judges a cluster from outside: by what its clients were told and when, never by what a server says of
// itself. Every verdict is a pure function of a log.
//
// A log is the answers that clients got, on one monotonic clock, and is kept in memory. The limits that it is judged by
// are frozen: fixed windows of an hour or more that neither begin nor end while the log is kept, so that a key is one
// counter which only grows. Degraded answers are nobody's decision: no verdict but Degraded and Shares counts them.
//
// # Guarantees
//
//  1. Lost and Surplus hold what the cluster remembers against what it told, with what is unknown on neither side.
//  2. Excess finds a key that was admitted more than its bound, and Missing one that was refused below it.
//  3. Reopened finds a hit that was admitted after a like one had been refused.
//  4. Forgotten finds the very answers that a later owner knew nothing of, and Span how far apart they were told.
//  5. Stale finds an answer of an owner that was already replaced when the hit was sent.
//  6. Failed finds the hits that neither the first attempt nor a retry decided.
//  7. Outages and Latencies count from when a hit should have been sent, so that a stall is seen by every hit it delays.
//  8. Shares tells what each node admitted of a key without its owner.
//
// # Concurrency
//
// Log is safe for concurrent use; what it holds is not changed, and the verdicts may be asked at once.
package audit
