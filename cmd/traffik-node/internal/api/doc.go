// Package api is the HTTP API of a node: hits, checks and stats, alone or in batches, the cluster, and health. It
// reads and writes; a [Limiter] decides, and a [Cluster] knows who does.
//
// # Guarantees
//
//  1. Every error is application/problem+json (RFC 9457); that of bad input names the field and what was wrong.
//  2. What is not understood is refused, never guessed: unknown and repeated fields, trailing data, strings that are
//     not UTF-8, a cost with a fraction.
//  3. A body of more than 1 MiB, a batch of more than 1,000 and a document nested more than 32 deep are refused.
//  4. A cost of 0 is allowed without asking anyone.
//  5. A refused hit is a 429, and its Retry-After is whole seconds, rounded up, at least 1; it is absent where
//     waiting does not help.
//  6. A batch is answered in order. Its hits of one key are decided in order, others side by side, and what is wrong
//     with one is answered for that one.
//  7. Whether a limit is spelled out or named, one text is one policy: it is parsed once, and then found.
//
// It does not authenticate anyone, compress, or speak of other media types than JSON.
//
// A [Handler] is safe for concurrent use; its Limiter and Cluster must be, too.
package api
