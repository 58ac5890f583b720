// Package client asks a remote traffik-node over its HTTP API. A [Client] has the Hit, Check and Stat of a node, so that
// whatever limits through a node, such as the throttles of httpadapter, limits through a client as well.
//
// # Guarantees
//
//  1. A hit reaches the node as it was given: key, uid, scope, cost, context, wait, and every limit with its strategy and
//     parameters.
//  2. A refusal is a decision. Everything else than a decision is an error: [ErrInvalid] where the hit is at fault,
//     [ErrUnavailable] where nobody could decide.
//  3. A cost of 0 and an unlimited policy are allowed without asking.
//  4. Connections are kept and used again, answers that are refusals or problems included.
//
// It does not retry: whether a hit that was not answered has been charged is unknown. It does not refund either, as the
// API has no such call, and waits that it returns are whole milliseconds.
//
// A Client is safe for concurrent use.
package client
