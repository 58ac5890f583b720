package httpadapter

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"

	"github.com/traffik-io/traffik/strategy"
)

// Refusal is why a request is refused.
type Refusal struct {
	// UID of the throttle that refused.
	UID string
	// Decision of that throttle.
	Decision strategy.Decision
	// Context of the hit, merged.
	Context Context
}

// RetryAfter is the wait in seconds, rounded up and at least 1, or -1 where the cost can never fit.
func (f Refusal) RetryAfter() int64 {
	if f.Decision.Wait == strategy.Never {
		return -1
	}
	return max(seconds(f.Decision.Wait), 1)
}

// limits are the names of the limits that refused.
func (f Refusal) limits() []string {
	if f.Decision.LimitedBy != "" {
		return []string{f.Decision.LimitedBy}
	}
	return []string{f.UID}
}

// detail is the sentence that tells a client what happened.
func (f Refusal) detail() string {
	switch n := f.RetryAfter(); {
	case f.Context.Detail != "":
		return f.Context.Detail
	case n < 0:
		return "This request costs more than the limit ever admits."
	case n == 1:
		return "Too many requests. Retry in 1 second."
	default:
		return fmt.Sprintf("Too many requests. Retry in %d seconds.", n)
	}
}

// RefuseFunc writes the answer to a refused request. The headers of the throttle are set when it is called.
type RefuseFunc func(w http.ResponseWriter, r *http.Request, why Refusal)

// Problem types (RFC 9457) of the answers, from the registry of draft-ietf-httpapi-ratelimit-headers.
const (
	quotaExceeded   = "https://iana.org/assignments/http-problem-types#quota-exceeded"
	reducedCapacity = "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity"
)

// WriteRefusal answers 429, or the status of the context, with a body of type application/problem+json.
func WriteRefusal(w http.ResponseWriter, _ *http.Request, why Refusal) {
	maps.Copy(w.Header(), why.Context.Header)
	status := why.Context.Status
	if status == 0 {
		status = http.StatusTooManyRequests
	}
	body := map[string]any{
		"type":              quotaExceeded,
		"title":             http.StatusText(status),
		"status":            status,
		"detail":            why.detail(),
		"violated-policies": why.limits(),
	}
	maps.Copy(body, why.Context.Extras)
	writeProblem(w, status, body)
}

// writeFailure answers a request that nobody could decide about. What went wrong is not the client's business.
func writeFailure(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	writeProblem(w, http.StatusServiceUnavailable, map[string]any{
		"type":   reducedCapacity,
		"title":  http.StatusText(http.StatusServiceUnavailable),
		"status": http.StatusServiceUnavailable,
		"detail": "The rate limit of this request could not be decided. Retry in 1 second.",
	})
}

func writeProblem(w http.ResponseWriter, status int, body map[string]any) {
	text, err := json.Marshal(body)
	if err != nil { // an extra that JSON cannot hold; the refusal stands without
		text = []byte("{}")
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that is gone misses nothing
}
