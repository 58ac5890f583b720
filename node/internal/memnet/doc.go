// Package memnet is a network in memory for tests of whole nodes in synctest bubbles, where real sockets cannot be
// used. It has what a cluster can meet: connections that deliver in order and take time, packets that may be lost,
// ways that are cut in one direction or both, firewalls that reject, processes that are killed or stopped.
//
//   - What is written to a connection arrives in order, a latency later. While the way is silent it does not arrive, and
//     does so once that is over, as with TCP; a packet is lost.
//   - A way that rejects refuses dials and breaks the connection of whoever writes to it, whose peer hears nothing.
//   - A crash breaks all connections of the host, behind what had been written; dials to it are refused from then on.
//   - A host that is paused reads nothing and sends nothing; what was on its way waits, dials to it succeed. Its
//     goroutines run on, which those of a stopped process do not.
//
// A host that ends without a word is one whose ways are all silent.
//
// All is safe for concurrent use, and belongs to the bubble in which the Network was made.
package memnet
