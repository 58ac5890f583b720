// Package cluster tests the binary as it is run: many processes, real sockets, signals. All of it is tests.
//
// # Guarantees
//
//  1. Every process that a test started is gone when the test ends, whatever became of it.
//  2. Tests listen on loopback only, on ports that the system chose, or in networks of their own.
//  3. Networks of tests are the kernel's namespaces without a name: they are gone with those who used them.
//  4. Clusters of two tests stay apart: those on loopback whose nodes come and go have a secret each. The system may give
//     the port of a node that was killed to a node of another test, and members look for those that are gone.
//
// What takes a wait waits for an event, such as a line of a log or an answer.
//
// # Scenarios of faults
//
// A scenario puts a cluster under load, does something to it, and has package audit judge what the clients were told. It
// runs in a short form, beside others; with the flag -long it runs alone and in full, and times are judged too, which says
// something on a machine that does nothing else:
//
//	go test -count=1 -v -timeout 1h ./test/cluster -run 'Scale|Graceful|Rolling|Kill|Die|Suspended|Linearizable|Caught|Move' -long
//
// In verbose runs the figures are printed as the table that docs/reliability.md keeps. Scenarios use a build that tells
// the term of each decision; package internal/ablate says how it differs, and the tests named Caught what it is for.
package cluster
