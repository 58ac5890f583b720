// Command traffik-node is a rate limiter that is a cluster: every node answers for every key, and one node at a time decides
// for it.
//
//	traffik-node                                          one node on loopback
//	traffik-node --http-addr :8080 --join traffik:7946    a member of a cluster
//	traffik-node hit user:42 --rate 100/min               ask a node
//
// Its flags, HTTP API and metrics are an interface that others depend on. See traffik-node --help.
//
// # Guarantees
//
//  1. Nothing but results goes to standard output; logs, errors and usage go to standard error.
//  2. hit and check exit with 0 if allowed, 1 if refused, and 2 if nobody could decide or the question was wrong.
//  3. A node that cannot start says why, by flag and address, and exits with 1.
//  4. SIGTERM and SIGINT leave gracefully, within the drain timeout, with exit status 0; a second one stops at once,
//     with exit status 1.
//
// It takes no input but flags, environment, file and network, and writes no file.
package main
