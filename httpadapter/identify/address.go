package identify

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// Anonymous is the identity of a client whose connection has no IP address, as on a Unix socket.
const Anonymous = "anonymous"

// Names of the headers that list hops. Any other header is expected to hold exactly one address.
const (
	XForwardedFor = "X-Forwarded-For"
	Forwarded     = "Forwarded" // RFC 7239
)

// DefaultIPv6Prefix is the prefix by which IPv6 clients are told apart: what one subscriber is usually given.
const DefaultIPv6Prefix = 64

// maxHops bounds the walk through a list of hops; the rest of a longer list is not read.
const maxHops = 32

// Addresses identifies clients by IP address. The zero value uses the peer of the connection and believes no header.
type Addresses struct {
	// IPv6Prefix is the length in bits, 1 to 128, of the prefix by which IPv6 clients are told apart. Default 64.
	IPv6Prefix int
	// Trusted are the networks of the proxies in front. Their addresses are skipped, and only from them is Header
	// believed.
	Trusted []netip.Prefix
	// Header is the one header that the trusted proxies write: XForwardedFor (the default), Forwarded, or the name of a
	// header with a single address, such as CF-Connecting-IP. A proxy passes on the headers that it does not write, so
	// believing a second one would let clients choose their address.
	Header string
}

// Address returns the identifier that a describes, or an error that names every field that is wrong.
func Address(a Addresses) (Func, error) {
	if a.IPv6Prefix == 0 {
		a.IPv6Prefix = DefaultIPv6Prefix
	}
	var errs []error
	if a.IPv6Prefix < 1 || a.IPv6Prefix > 128 {
		errs = append(errs, fmt.Errorf("ipv6 prefix: %d is not between 1 and 128", a.IPv6Prefix))
	}
	if a.Header != "" && len(a.Trusted) == 0 {
		errs = append(errs, fmt.Errorf("header: %q is believed from nobody, as trusted is empty", a.Header))
	}
	trusted := make([]netip.Prefix, len(a.Trusted))
	for i, p := range a.Trusted {
		if !p.IsValid() {
			errs = append(errs, fmt.Errorf("trusted[%d]: %v is not a network", i, p))
			continue
		}
		trusted[i] = foldPrefix(p)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	a.Trusted = trusted
	if a.Header == "" {
		a.Header = XForwardedFor
	}
	a.Header = http.CanonicalHeaderKey(a.Header)
	return a.identify, nil
}

// Peer is the identifier of the zero Addresses: the peer of the connection, IPv6 by /64, no header believed.
func Peer(r *http.Request) (string, error) {
	return Addresses{IPv6Prefix: DefaultIPv6Prefix}.identify(r)
}

// Networks parses networks ("10.0.0.0/8") and single addresses ("192.0.2.1") for Addresses.Trusted. The error names
// each that is neither.
func Networks(texts ...string) ([]netip.Prefix, error) {
	nets := make([]netip.Prefix, 0, len(texts))
	var errs []error
	for _, text := range texts {
		if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
			nets = append(nets, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("trusted: %q is neither a network nor an address", text))
			continue
		}
		nets = append(nets, p)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return nets, nil
}

func (a Addresses) identify(r *http.Request) (string, error) {
	host, peer, ok := remote(r.RemoteAddr)
	if !ok {
		return Anonymous, nil
	}
	if !a.trusts(peer) {
		if peer.Is4() && !strings.Contains(host, ":") {
			return host, nil // netip reads only the one canonical form of IPv4
		}
		return a.name(peer), nil
	}
	return a.name(a.walk(peer, r.Header[a.Header])), nil
}

// walk returns the client behind the trusted proxy at: the first hop from the right that is no trusted proxy, or the
// hop that reported something else than an address.
func (a Addresses) walk(at netip.Addr, lines []string) netip.Addr {
	next := hopsOf(a.Header)
	for list, n := strings.Join(lines, ","), 0; list != "" && n < maxHops; n++ {
		var hop netip.Addr
		var ok bool
		if hop, list, ok = next(list); !ok {
			return at
		}
		if at = hop; !a.trusts(hop) {
			return hop
		}
	}
	return at
}

func (a Addresses) trusts(addr netip.Addr) bool {
	for _, p := range a.Trusted {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// name is the identity of an address: IPv4 as it is, IPv6 by its prefix.
func (a Addresses) name(addr netip.Addr) string {
	if addr.Is4() {
		return addr.String()
	}
	p, err := addr.Prefix(a.IPv6Prefix)
	if err != nil {
		return Anonymous // an address without bits, which remote and the parsers never return
	}
	return p.String()
}

// remote is the folded address of a peer as net/http gives it, host:port, or as a middleware may have left it, host.
func remote(text string) (host string, addr netip.Addr, ok bool) {
	host = text
	if i := strings.LastIndexByte(text, ':'); i >= 0 && (text[0] == '[' || strings.IndexByte(text, ':') == i) {
		host = text[:i]
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return "", netip.Addr{}, false
	}
	return host, fold(addr), true
}

// fold drops the zone and turns an IPv4-mapped address into the IPv4 address.
func fold(a netip.Addr) netip.Addr { return a.WithZone("").Unmap() }

// foldPrefix does to a network what fold does to its addresses.
func foldPrefix(p netip.Prefix) netip.Prefix {
	if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(a.Unmap(), p.Bits()-96).Masked()
	}
	return p.Masked()
}
