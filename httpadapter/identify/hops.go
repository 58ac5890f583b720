package identify

import (
	"net/netip"
	"strings"
)

// hops takes the last hop off a list. ok is false if it is no address.
type hops func(list string) (hop netip.Addr, rest string, ok bool)

func hopsOf(header string) hops {
	switch header {
	case XForwardedFor:
		return lastAddress
	case Forwarded:
		return lastForwarded
	}
	return onlyAddress
}

// lastAddress reads the last element of X-Forwarded-For.
func lastAddress(list string) (netip.Addr, string, bool) {
	rest, last := "", list
	if i := strings.LastIndexByte(list, ','); i >= 0 {
		rest, last = list[:i], list[i+1:]
	}
	hop, ok := parseNode(trim(last))
	return hop, rest, ok
}

// onlyAddress reads a header that must hold one address and nothing else.
func onlyAddress(value string) (netip.Addr, string, bool) {
	hop, ok := parseNode(trim(value))
	return hop, "", ok
}

// lastForwarded reads the last element of Forwarded. It is found from the right, because what the trusted proxies
// appended is well-formed whatever a client wrote before it: an open quote on the left must not swallow their part.
func lastForwarded(list string) (netip.Addr, string, bool) {
	at, quoted := -1, false
	for i := len(list) - 1; i >= 0 && at < 0; i-- {
		switch {
		case list[i] == '"' && !escaped(list, i):
			quoted = !quoted
		case list[i] == ',' && !quoted:
			at = i
		}
	}
	rest, last := "", list
	if at >= 0 {
		rest, last = list[:at], list[at+1:]
	}
	node, ok := forOf(last)
	if !ok {
		return netip.Addr{}, "", false
	}
	hop, ok := parseNode(node)
	return hop, rest, ok
}

// escaped reports whether an odd number of backslashes comes before s[i].
func escaped(s string, i int) bool {
	n := 0
	for i--; i >= 0 && s[i] == '\\'; i-- {
		n++
	}
	return n%2 == 1
}

// forOf is the value of the one "for" parameter of an element of Forwarded, unquoted.
func forOf(element string) (node string, ok bool) {
	for rest := element; ; {
		name, value, found := strings.Cut(rest, "=")
		if !found {
			return "", false
		}
		if value, rest, found = cutValue(value); !found {
			return "", false
		}
		if strings.EqualFold(trim(name), "for") {
			if ok {
				return "", false // said twice
			}
			node, ok = value, true
		}
		if rest = trim(rest); rest == "" {
			return node, ok
		}
		if rest[0] != ';' {
			return "", false
		}
		rest = rest[1:]
	}
}

// cutValue takes a token or quoted string off the front of s.
func cutValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		if i := strings.IndexByte(s, ';'); i >= 0 {
			return trim(s[:i]), s[i:], true
		}
		return trim(s), "", true
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

// parseNode reads an address, alone or with a port: 192.0.2.1, 192.0.2.1:80, 2001:db8::1, [2001:db8::1],
// [2001:db8::1]:80. Zones, "unknown" and hidden names such as _proxy are not addresses.
func parseNode(s string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		return fold(a), a.Zone() == ""
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return fold(ap.Addr()), ap.Addr().Zone() == ""
	}
	inner, bracketed := strings.CutPrefix(s, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	if a, err := netip.ParseAddr(inner); bracketed && closed && err == nil && a.Is6() {
		return fold(a), a.Zone() == ""
	}
	return netip.Addr{}, false
}

// trim drops the blanks that HTTP allows around list elements.
func trim(s string) string { return strings.Trim(s, " \t") }
