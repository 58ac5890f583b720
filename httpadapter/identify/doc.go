// Package identify answers whom a request is counted for: the address of the client, a header, an API key.
//
// An identifier is a [Func]. The ones made here never collide with each other, so that a client cannot pass for another
// by naming itself like an address: an address is written plainly, everything else carries its kind in front.
//
// # Guarantees
//
//  1. No header is believed unless the peer of the connection is a trusted proxy.
//  2. Hops are read from right to left; the walk ends at the first that is not trusted, and a malformed hop ends it
//     at the hop that reported it.
//  3. All addresses of one IPv6 prefix are one client, and an IPv4-mapped address is its IPv4 address.
//  4. Identities of different kinds are different.
//  5. An API key appears in an identity only as its hash.
//
// It does not authenticate. A header or key that anybody may make up gives a fresh quota to whoever makes one up: put
// authentication in front, or say in [APIKey] which keys are known.
//
// All identifiers are safe for concurrent use.
package identify
