// Package driver drives the ownership machine of one node: it turns what happens into events, and carries out the
// effects on actors, gates and links.
//
//	gossip: view ──┐                              ┌── gates: serve, park or redirect hits
//	peers: frames ─┤► one goroutine: Machine.Step ├── actors: install, extract, join, adopt
//	actors: change ┤                              ├── outboxes: frames to peers, one under way at a time
//	tick: 50 ms ───┘                              └── answers that wait for copies
//
// Most partitions are a flow most of the time (see ownership.Flow), and past all that:
//
//	actors: change ──► feed: a frame per peer, one under way ──► the peer's actors
//	answers that wait for copies ◄── what it took ◄─────────────┘
//
// A change is encoded when it happens, with what it changed at hand; where more than a few come in one partition, their last
// state is taken when the frame goes. A feed gathers changes for a quarter of MaxLag, with Sync or while answers wait not at
// all. The goroutine of the peer's connection takes them, and the answer to the frame is the acknowledgement: neither waits
// for what the drivers of the two nodes have to do, such as thousands of partitions that move. They become part of the copy a
// few at a time, and all before the machine looks at the partition. What is lost, or not taken, is the machine's again.
//
// A change is told to the machine at the latest a quarter of MaxLag later, at once with Sync and while answers wait, and
// within a second while nobody else was ever there who could hold a copy. State is extracted when a message is queued, and is
// encoded then; whole partitions are streamed over a link of their own, with at most some megabytes queued, so that they
// delay no hit. After a change of the view the machine looks at some hundred partitions at a time, those in use first: for half
// of the time if a member was lost, else each 12.5 ms, since all are served where they were. Moves begin a few at a time (see
// ownership.Proceed).
//
// # Guarantees
//
//  1. One owner decides: a partition is served by the node that holds its highest term, and by nobody while it moves.
//  2. What was charged moves with the partition, and with it the ids of the hits that were charged and its clock.
//  3. With Sync an answer that charged goes out only when the copies hold the charge; without, when the oldest charge
//     that no copy holds is older than MaxLag.
//  4. After a time in which this process did not run, nothing is decided before the machine knows, and frames that
//     were sent to it in that time are not acted on.
//  5. Nothing is unbounded: frames in and out, bytes queued to a peer, requests that are kept. What is above is lost,
//     and asked for again, or answered as overloaded.
//
// # What it does not do
//
// It does not decide who should own a partition, who is alive, or where a hit goes.
//
// # Concurrency
//
// Driver is safe for concurrent use. Run is its goroutine; each peer that has copies of flows has a feed with one of its
// own; senders run while there is something to send. All have ended when Close and Run have returned.
package driver
