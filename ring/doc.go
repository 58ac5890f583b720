// Package ring answers which member should own a key.
//
// A key is hashed once, with a keyed hash, to 128 bits ([Hasher]). The top bits name one of a fixed number of
// partitions; for each partition the members are ranked by rendezvous hashing ([Ring]): the first is its owner, those
// behind it are its backups, in the order in which they take over.
//
// # Guarantees
//
//  1. The ranking depends on the hash key, the partition and the set of member names alone: not on the order in which
//     members came, nor on which node computes it.
//  2. Minimal movement: a member that joins only takes partitions, and a member that leaves only gives its own away;
//     nothing moves between two members that stay.
//  3. The owner after a member's death is the backup that was next in rank, by construction.
//  4. Balance: over 10,000 keys and 3 to 10 members, the busiest member has at most 1.15 times the mean.
//  5. Ranks never tie: equal scores are ordered by name.
//  6. No two of (uid, key, scope) are hashed from the same bytes.
//
// A Ring is immutable, and a Hasher is a value: both are safe for concurrent use. A change of members makes a new Ring
// in time proportional to the partitions, not to the members.
//
// What it does not do: know who is alive, or who owns a partition at this moment. That is agreed between nodes.
package ring
