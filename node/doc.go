// Package node is a member of the cluster: it finds the others, knows who owns a key, and brings every hit to its
// owner.
//
//	local   caller ── partition ── actor: turn ──► caller
//	remote  caller ── partition, owner ── link ─► socket ─► reader ── actor: turn ── link ─► caller
//
// Membership comes from gossip (memberlist), placement from package ring, decisions from package actor, bytes from
// package transport. What joins them is the view: an immutable snapshot of who is alive and ranked, which one goroutine
// builds and swaps in.
//
// # Guarantees
//
//  1. A node that does not own a key never decides for it. It names the owner, and the hit goes there; only where no
//     owner answers within the budget does the unreachable policy answer, and the decision is marked as degraded.
//  2. A hit is charged at most once, over retries and redirects: every attempt has the same id, and an owner remembers
//     its answer for as long as the hit may be sent again.
//  3. Every process start is a member of its own: nothing that was meant for an earlier process of the same name and
//     address reaches a later one.
//  4. Of two live processes with one name the newer is ranked; the older says why and leaves.
//  5. A node serves whether or not its seeds answer. It looks for them, and for members that are gone, as long as it
//     runs.
//  6. Nothing is unbounded, and at a bound the answer is ErrOverloaded, at once; or that of the unreachable policy, where
//     an owner is so slow that no more may be in flight to it.
//  7. Shutdown ends every goroutine, but that those of memberlist may wait for a dead peer for two seconds more; hits in
//     flight are answered first, and later ones are ErrClosed.
//  8. A node that joins or leaves loses no charge: partitions are handed over with what was charged in them, and with
//     the ids of the hits that may be sent again.
//  9. A crash loses nothing that was answered with Sync, and with Async at most what was answered within the last
//     ReplicationLag and a round trip, as long as one copy lives. Where the host of the dead process refuses
//     connections, its partitions are served again in a fraction of a second.
//  10. A refusal of another node is repeated here, without asking, to hits that cost as much or more, for its wait and at
//     most a second, counted from when it was sent: where the strategy says that its refusals hold, what is refused
//     here would be refused there. What is given back through this node ends that at once; what is given back, or hit
//     under another policy, through another node is noticed within that second.
//  11. What is decided here is answered only if this process has run all the while: after a pause that another may have
//     used to take over, a caller gets the answer of the unreachable policy, and another node asks again.
//
// The view says who should own a partition; only its term, which package ownership agrees on, says who does. Hits go to
// whoever serves, and follow where a node that does not serve points.
//
// # What it does not do
//
// Additive merging: the copies of two sides of a split are joined without lowering either, but what both sides charged
// is not added up.
//
// # Concurrency
//
// Node and Local are safe for concurrent use.
package node
