// Package httpadapter limits the requests of net/http handlers and the messages of WebSocket connections.
//
// A [Throttle] is made once, from a name, a rate and [Options], and used in one of three ways: [Throttle.Allow] in a
// handler, [Throttle.Middleware] in front of one, and [Throttle.Hit], which returns the decision and writes nothing. A
// [Chain] is several throttles, a [Conn] the messages of one connection, a [Registry] the throttles of a program, to
// change them while it runs. Who decides is a [Limiter]: a node of a cluster, a limiter of one process, a client of a
// remote node.
//
// # Guarantees
//
//  1. Bad options are errors when the throttle is made, all at once.
//  2. A hit is evaluated in one order: disabled, a given cost of 0, an unlimited rate, context, rules, rate function,
//     cost, identifier, limiter; the first that lets the request through ends it.
//  3. What is let through so asks nobody and leaves no state.
//  4. Where nobody could decide, or a function failed, the failure policy answers; never where the caller was wrong.
//  5. No two clients, methods and routes share a key, and none is too long for one. Method and route are part of the key
//     only where asked for.
//  6. IsThrottled and Wait tell of the most recent hit of a request or connection, those let through included.
//  7. One decision answers the verdict and the headers. Their numbers are whole; what remains is rounded down, waits are
//     rounded up, and a refusal never says Retry-After: 0.
//  8. A change at run time is seen by each call whole or not at all.
//  9. Throttles of one group are decided all or nothing. Across owners, what was charged before a refusal is given back
//     where the limiter can.
//  10. A refused message is answered on its connection, which is kept unless ConnOptions say otherwise.
//  11. With default headers and an owner in the process, a request costs at most 3 allocations more.
//  12. Importers are given nothing beyond the standard library and package strategy.
//
// It does not authenticate, does not retry, and does not count what it limits: hooks of the limiter do. Across owners a
// chain is not atomic: between a charge and its return another client may be refused.
//
// Everything is safe for concurrent use. The functions in Options and rules are called from many goroutines.
package httpadapter
