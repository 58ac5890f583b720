// Package transport carries hits, and rare control messages, between the nodes of a cluster.
//
// It knows bytes and the types of package strategy, but neither members nor actors. A node has one [Server] and, for
// each peer that it sends to, one [Link]: a TCP connection that the sender dials and on which the answers return.
//
//	caller ── Link.Do: encode, queue ── writer: one write for all that is queued ──► socket
//	                                                                                   │
//	caller ◄── reader: match stream ◄── socket ◄── one write per batch ── ServeHit ◄── reader: many frames per read
//
// A frame is a 32-bit length, a version, a type, flags, a 64-bit stream and a body, which is one msgpack array. Fields
// are told apart by position; a receiver skips those behind the ones that it knows, and answers a type that it does
// not know with UNSUPPORTED, so that two versions can talk. Every message is pinned by a golden file.
//
// # Guarantees
//
//  1. Exactly one outcome: every call of [Link.Do] and [Link.Call] returns once, with the answer to that very request
//     or with an error.
//  2. [ErrNotSent] is true: no byte of the request was handed to the socket, so another node may be asked without a
//     risk of charging twice. [ErrOverloaded] and [ErrClosed] include it. After [ErrBroken] the outcome is unknown.
//  3. Nothing is unbounded: requests in flight, bytes queued, the size of a frame and the number of connections have
//     limits. A full window is ErrOverloaded at once; a frame above the limit is refused before memory is taken.
//  4. Bytes never harm: whatever arrives, the worst is a closed connection and a log line that says why.
//  5. A peer is who it says: with a secret, both ends prove that they know it before a request passes, and a peer with
//     another UID than the expected one gets none. Refusals have names, such as [ErrWrongPeer].
//  6. A silent peer is noticed: what was sent to it fails after Config.DeadAfter, also if only one direction is dead.
//  7. A graceful stop loses nothing: [Server.Shutdown] and [Link.Close] let what is in flight finish.
//  8. A hit with no context under one limit allocates nothing, on either side.
//
// # What it does not do
//
// It does not retry, route, remember hit ids or decide. It does not encrypt: the secret keeps strangers out, not
// listeners; give Config.Dial and [Server.Serve] TLS connections for that.
//
// # Concurrency
//
// Link and Server are safe for concurrent use. A connection has four goroutines on the dialing side (reader, writer,
// liveness, and one that returns calls whose context is over), two on the other; all have ended when Close returns.
package transport
