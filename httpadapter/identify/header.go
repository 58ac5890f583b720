package identify

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
)

// Header identifies clients by the value of a header that something in front has verified, such as a user id set by an
// authenticating proxy. Requests without it are left to otherwise; nil means Peer.
func Header(name string, otherwise Func) Func {
	name, otherwise = http.CanonicalHeaderKey(name), or(otherwise)
	return func(r *http.Request) (string, error) {
		value := strings.Join(r.Header[name], ",")
		if value == "" {
			return otherwise(r)
		}
		return "header=" + name + "=" + value, nil
	}
}

// APIKey identifies clients by the hash of their API key.
type APIKey struct {
	// Header holds the key, after the scheme Bearer if there is one. Default X-API-Key.
	Header string
	// Known reports whether a key is one that was given out; requests with another are left to Otherwise. Nil means
	// that authentication in front lets no other key through.
	Known func(key string) bool
	// Otherwise identifies requests without a known key. Default Peer.
	Otherwise Func
}

// ByAPIKey returns the identifier that k describes.
func ByAPIKey(k APIKey) Func {
	if k.Header == "" {
		k.Header = "X-API-Key"
	}
	k.Header, k.Otherwise = http.CanonicalHeaderKey(k.Header), or(k.Otherwise)
	return k.identify
}

func (k APIKey) identify(r *http.Request) (string, error) {
	key := r.Header.Get(k.Header)
	if scheme, rest, ok := strings.Cut(key, " "); ok && strings.EqualFold(scheme, "Bearer") {
		key = strings.TrimSpace(rest)
	}
	if key == "" || k.Known != nil && !k.Known(key) {
		return k.Otherwise(r)
	}
	sum := sha256.Sum256([]byte(key))
	return "apikey=" + hex.EncodeToString(sum[:]), nil
}

// or is f, or Peer if f is nil.
func or(f Func) Func {
	if f == nil {
		return Peer
	}
	return f
}
