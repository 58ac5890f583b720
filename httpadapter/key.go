package httpadapter

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"github.com/traffik-io/traffik/strategy"
)

// Pattern is the pattern of the http.ServeMux that routed the request, for [Options].Route. A throttle in front of the
// mux sees none yet: there, use a func that asks mux.Handler.
func Pattern(r *http.Request) string { return r.Pattern }

// First bytes of keys that are not simply an identity.
const (
	compound = '=' // length-prefixed parts
	hashed   = '#' // SHA-256 of what is too long
)

// keyOf is the key of an identity, a method and a route; the last two are empty where they are not asked for. No two
// triples have the same key: an identity alone is its own key, unless it starts like the other forms.
func keyOf(identity, method, route string) string {
	plain := method == "" && route == "" && identity[0] != compound && identity[0] != hashed
	if plain {
		return bounded(identity)
	}
	b := make([]byte, 0, len(identity)+len(method)+len(route)+16)
	b = append(b, compound)
	for _, part := range [...]string{identity, method, route} {
		b = strconv.AppendInt(b, int64(len(part)), 10)
		b = append(b, ':')
		b = append(b, part...)
	}
	return bounded(string(b))
}

// bounded is s, or its hash if it is longer than a key may be: a client must not turn a long header into an error.
func bounded(s string) string {
	if len(s) <= strategy.MaxKeyLen {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return string(hashed) + hex.EncodeToString(sum[:])
}

// scopeOf is the scope as a hit carries it, never too long, and never the hash of another.
func scopeOf(scope string) string {
	if strings.HasPrefix(scope, string(hashed)) {
		scope = string(hashed) + scope
	}
	return bounded(scope)
}
