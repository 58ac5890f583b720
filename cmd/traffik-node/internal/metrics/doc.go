// Package metrics shows a node to Prometheus. Counting is kept out of the node, so that those who embed one pull in no
// vendor's library: a node calls [Metrics.Decided] after each hit, and is read when somebody scrapes.
//
// # Guarantees
//
//  1. Every hit is counted once, by what became of it, and timed by whether it was forwarded.
//  2. All series exist from the start, at zero, so that a rate over them begins with the first hit.
//  3. What members call themselves cannot break a scrape.
//
// It does not know HTTP hits from embedded ones, and serves nothing by itself.
//
// A [Metrics] is safe for concurrent use.
package metrics
