// Package cluster tests the binary as it is run: many processes, real sockets, signals. All of it is tests.
//
// # Guarantees
//
//  1. Every process that a test started is gone when the test ends, whatever became of it.
//  2. Tests listen on loopback only, on ports that the system chose, or in networks of their own.
//  3. Networks of tests are the kernel's namespaces without a name: they are gone with those who used them.
//
// It does not measure; what takes a wait waits for an event, such as a line of a log or an answer.
package cluster
