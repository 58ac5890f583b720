// Package ownership agrees which node owns a partition, and moves, copies and recovers what it owns.
//
// Gossip says who should own a partition; only a term says who does. A term is one serving period, with a number, an
// owner and a parent: the copy that it continues. Ownership moves in two ways. In a handoff the owner makes the next
// one a backup, tells the other holders, freezes for a round trip, and commits. In a claim, whoever should own a
// partition whose owner seems dead asks every node first, and continues from the newest complete copy.
//
// A [Machine] is all of that for one node, and nothing else: [Machine.Step] takes the time and an event and returns
// effects. It has no goroutine, no clock, no I/O and no randomness, and never sees the state that it moves.
//
// # Guarantees
//
// They hold while at most one process at a time crashes (the next one after what that left has been copied and merged),
// messages between two nodes keep their order, a round trip takes less than Config.Silence, and processes are declared
// dead no sooner than Config.Pause after they stop. Pauses, and links that drop or reject, may come in any number. The
// model in model_test.go checks 1 to 6, and 10.
//
//  1. One owner: on one side of a split network, no two nodes serve a partition at once.
//  2. Nothing acknowledged is lost. Answers that wait for [Acked] survive any crash; of those that wait only while
//     [Pace] says so, a crash loses at most Config.MaxLag's worth. Joins and leaves lose none. Answers wait for all
//     complete copies, so that whichever is continued holds what went out. A holder that answers nothing is therefore not
//     just left out: another takes its place, a third tells it to drop its copy, and until it has it is waited for.
//  3. Nothing is charged twice by a handoff or a claim: the hit ids move with the records.
//  4. It settles: after the last fault every partition is served by the top-ranked node.
//  5. No storms: a partition is committed at most twice per change of membership.
//  6. Whatever a fenced owner had admitted reaches its successor and is joined.
//  7. Every rule is needed: with it off, the model finds a violation.
//  8. Determinism: the same events give the same effects.
//  9. Peers cannot make it panic, whatever they send.
//  10. Two nodes that cannot reach each other, while all others reach both, hold up nobody for long: answers that wait for
//     a copy between them go out after Config.Patience and some round trips, as long as there are as many others as copies
//     are due and one to pass the word on; an owner that cannot reach who should own a partition keeps it, with backups
//     that it reaches; a handoff between them is taken back; and if the owner dies, and who should own it next cannot come
//     for the copy, the holder of that takes over, 2 s after Config.Patience.
//
// # What a driver does
//
//  1. It calls Step from one goroutine at a time, with a clock that does not go back (monotonic since start, plus the
//     wall time of the start), and carries the effects out in order before the next Step. Events that effects cause
//     ([Quiesced], [Streamed], [Joined]) are stepped afterwards.
//  2. It sends a [Tick] every 50 ms, and a [Proceed] now and then while [Machine.Unfinished] says that there is more to do:
//     thousands of partitions may be concerned by a change of the view, and what hits wait for comes first. If it is urgent,
//     it sends them as fast as it can afford. Before each decision and before each answer it compares its clock with the
//     last Step; if more than Config.Pause has passed it steps a Tick first, and decides by the gate that it then finds.
//  3. It keeps a gate per partition, initially Redirect. Serve decides hits, Park keeps them (4,096 a partition,
//     ordered by deadline, then NOT_OWNER), Redirect answers NOT_OWNER. [Gate] closes the gate before the next effect:
//     turns that run are let finish first. Answers that wait for Acked fail as unknown when a gate turns to Redirect.
//  4. It counts the mutations of each partition within its term, keeps with each record the count at which it changed
//     last, and steps [Mutated] (a driver that batches those by d adds d to MaxLag), and again when a mutation that is
//     not Acked gets as old as MaxLag. [Adopt] sets counts back to 0; answers that still wait then are safe once Acked
//     names the new term.
//  5. A hit that was charged before is answered from the ids, and that answer waits like any other at the current
//     count: the charge itself may not be replicated yet.
//  6. With each [Send] it extracts the state that Attach names, at that moment, and sets State.Seq to the count then
//     reached. Hot messages of one pair keep their order, and so do bulk ones; Bulk sends follow the chunks of their
//     stream. Nothing of an old link is read once a newer link of that peer was. What is lost is asked for again.
//  7. [Stream] sends the whole partition as [Chunk] messages on the bulk link, numbered from 1, none if it is empty;
//     it may be slow, and hits go on meanwhile. It ends early when the partition's term changes, or by another Stream
//     to that peer.
//  8. Staged chunks are kept by peer and stream, and retained state by its [MergeID], both outside the partition.
//     What moves includes which MergeIDs were joined, so that none is joined twice.
//  9. [CloseLinks] closes every link without reading what is left in it.
//  10. It may take partitions over in which nothing happens but hits and their copies, see [Machine.Flow], and then steps
//     nothing for those, until an event concerns them.
//  11. Messages to one peer may be framed together, in order. Most come in bursts: one per partition and peer.
//
// # What it does not do
//
// It does not detect failures, route hits, decide or store them, keep anything on disk, or form a quorum: each side of
// a split claims what it misses, and the sides are joined when it heals. It does not survive the loss of all copies of
// a partition at once; it then starts empty. A claim waits for whoever may hold what was acknowledged, as long as the view
// says that it lives, or until that one takes over.
//
// A Machine is not safe for concurrent use.
package ownership
