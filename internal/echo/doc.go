// Package echo is the yardstick of the benchmarks of forwarded hits: an echo of length-prefixed frames over TCP, as bare
// as it can be while many callers share the connection. It coalesces like a link does: callers append to one buffer, one
// goroutine writes all that is there, and the server writes back what one read has brought. No handshake, no codec, no
// liveness, no errors.
//
// Serve and Client are its two sides; Share and Compare have callers use it and the link that is measured in turns.
package echo
