package httpadapter

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/traffik-io/traffik/strategy"
)

// Header is a response header made from a decision. The predefined ones may be given another condition; a header of
// your own has a Name and a Value.
type Header struct {
	// Name of the header.
	Name string
	// When says on which decisions it is set: nil on all, Refused on refusals, or a func of your own.
	When func(*http.Request, strategy.Decision) bool
	// Value returns the value; empty means that the header is not set. Nil in the predefined ones.
	Value func(*http.Request, strategy.Decision) string

	kind kind
}

// Refused is the condition of a header that is set where this very hit was refused.
func Refused(_ *http.Request, d strategy.Decision) bool { return !d.Allowed }

// Kinds of predefined headers. A kind rather than a func, so that what is rendered stays on the stack.
type kind byte

const (
	policies kind = iota + 1
	remaining
	xLimit
	xRemaining
	xReset
	xResetAt
	retryAfter
)

// RateLimitPolicy is the list of limits, "name";q=100;w=60 (draft-ietf-httpapi-ratelimit-headers-10). q is the capacity
// that applies now; w is left out for periods that are no whole number of seconds.
//
// In this and all predefined headers numbers are whole: what remains is rounded down, waits are rounded up. A limit
// that is unlimited or was bypassed appears in none. The two headers of the draft say at most 999,999,999,999,999, the
// largest integer of a structured field (RFC 9651, section 3.3.1).
func RateLimitPolicy() Header { return Header{Name: "RateLimit-Policy", kind: policies} }

// RateLimit is what remains of each limit, "name";r=50;t=30 (the same draft). t, the seconds until there is more, is
// known of a limit that refused, and left out otherwise and where the cost can never fit.
func RateLimit() Header { return Header{Name: "RateLimit", kind: remaining} }

// XRateLimitLimit is X-RateLimit-Limit, the capacity of the tightest limit.
func XRateLimitLimit() Header { return Header{Name: "X-RateLimit-Limit", kind: xLimit} }

// XRateLimitRemaining is X-RateLimit-Remaining, what remains of the tightest limit.
func XRateLimitRemaining() Header { return Header{Name: "X-RateLimit-Remaining", kind: xRemaining} }

// XRateLimitReset is X-RateLimit-Reset on refusals, in seconds from now until the same cost fits; it is not set where the
// cost can never fit. Of an allowed hit the decision does not tell when there will be more.
func XRateLimitReset() Header { return Header{Name: "X-RateLimit-Reset", When: Refused, kind: xReset} }

// XRateLimitResetAt is XRateLimitReset in seconds since the Unix epoch, for clients that expect it so.
func XRateLimitResetAt() Header {
	return Header{Name: "X-RateLimit-Reset", When: Refused, kind: xResetAt}
}

// RetryAfter is Retry-After on refusals, in seconds, never 0; it is not set where the cost can never fit.
func RetryAfter() Header { return Header{Name: "Retry-After", When: Refused, kind: retryAfter} }

// DefaultHeaders are RateLimit-Policy and RateLimit on every decision, and with them X-RateLimit-Limit, -Remaining and
// -Reset and Retry-After on refusals. A header on every response costs more than half of what the decision itself
// costs, and the first two say all that the others do.
func DefaultHeaders() []Header {
	limit, left := XRateLimitLimit(), XRateLimitRemaining()
	limit.When, left.When = Refused, Refused
	return []Header{RateLimitPolicy(), RateLimit(), limit, left, XRateLimitReset(), RetryAfter()}
}

// AllHeaders are DefaultHeaders with X-RateLimit-Limit and -Remaining on every decision.
func AllHeaders() []Header {
	return []Header{RateLimitPolicy(), RateLimit(), XRateLimitLimit(), XRateLimitRemaining(), XRateLimitReset(), RetryAfter()}
}

// headers are the headers of a throttle, in canonical spelling.
type headers []Header

func (s *settings) compileHeaders() error {
	list := s.Headers
	if list == nil {
		list = DefaultHeaders()
	}
	s.headers = make(headers, len(list))
	for i, h := range list {
		if h.Name == "" {
			return fmt.Errorf("headers[%d].name: empty", i)
		}
		if (h.Value == nil) == (h.kind == 0) {
			return fmt.Errorf("headers[%d]: %s has no value, or one beside the predefined", i, h.Name)
		}
		h.Name = http.CanonicalHeaderKey(h.Name)
		s.headers[i] = h
	}
	return nil
}

// part is one limit as headers tell of it.
type part struct {
	name   string
	period time.Duration
	strategy.Verdict
}

// appendParts appends the limits of a decision of the throttle uid, without those that are unlimited or, where nobody
// could decide, unknown.
func appendParts(parts []part, uid string, d *strategy.Decision) []part {
	if d.Limits == nil {
		if unknown(d.Verdict) {
			return parts
		}
		return append(parts, part{uid, d.Period, d.Verdict})
	}
	for i := range d.Limits {
		if l := &d.Limits[i]; !unknown(l.Verdict) {
			parts = append(parts, part{l.Name, l.Period, l.Verdict})
		}
	}
	return parts
}

func unknown(v strategy.Verdict) bool { return v.Limit == 0 || math.IsInf(v.Remaining, 1) }

// set sets the headers that tell of d, whose limits are parts. All values share one string and one array, since this
// is paid on every request.
func (hs headers) set(to http.Header, r *http.Request, d strategy.Decision, parts []part) {
	var text [512]byte
	var marks [8]mark
	b, ms := text[:0], marks[:0]
	for i := range hs {
		h := &hs[i]
		if h.When != nil && !h.When(r, d) {
			continue
		}
		from := len(b)
		if h.Value != nil {
			b = append(b, h.Value(r, d)...)
		} else {
			b = appendValue(b, h.kind, &d, parts)
		}
		if len(b) > from {
			ms = append(ms, mark{h.Name, from, len(b)})
		}
	}
	all, values := string(b), make([]string, len(ms))
	for i, m := range ms {
		values[i] = all[m.from:m.to]
		to[m.name] = values[i : i+1 : i+1]
	}
}

// mark is where the value of a header stands in the common text.
type mark struct {
	name     string
	from, to int
}

// appendValue appends the value of a predefined header; nothing, where it is not to be set.
func appendValue(b []byte, k kind, d *strategy.Decision, parts []part) []byte {
	switch k {
	case policies:
		return appendPolicies(b, parts)
	case remaining:
		return appendRemaining(b, parts)
	case retryAfter, xReset, xResetAt:
		return appendWait(b, k, d)
	}
	if len(parts) == 0 {
		return b
	}
	if k == xLimit {
		return appendNumber(b, tightest(parts).Limit)
	}
	return appendNumber(b, whole(tightest(parts).Remaining))
}

// appendWait appends how long, or until when, a refused client is to wait.
func appendWait(b []byte, k kind, d *strategy.Decision) []byte {
	if d.Allowed || d.Wait == strategy.Never {
		return b
	}
	wait := max(seconds(d.Wait), 1)
	if k == xResetAt {
		wait += time.Now().Unix()
	}
	return appendNumber(b, wait)
}

// appendName appends a limit's name as a string of RFC 9651.
func appendName(b []byte, name string) []byte {
	b = append(b, '"')
	for _, c := range []byte(name) {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c > '~':
			b = append(b, '_')
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// maxInteger is the largest integer of a structured field.
const maxInteger = 999_999_999_999_999

func appendPolicies(b []byte, parts []part) []byte {
	for i := range parts {
		if i > 0 {
			b = append(b, ", "...)
		}
		p := &parts[i]
		b = appendNumber(append(appendName(b, p.name), ";q="...), min(p.Limit, maxInteger))
		if p.period >= time.Second && p.period%time.Second == 0 {
			b = appendNumber(append(b, ";w="...), int64(p.period/time.Second))
		}
	}
	return b
}

func appendRemaining(b []byte, parts []part) []byte {
	for i := range parts {
		if i > 0 {
			b = append(b, ", "...)
		}
		p := &parts[i]
		b = appendNumber(append(appendName(b, p.name), ";r="...), min(whole(p.Remaining), maxInteger))
		if !p.Allowed && p.Wait != strategy.Never {
			b = appendNumber(append(b, ";t="...), seconds(p.Wait))
		}
	}
	return b
}

// tightest is the refusing limit with the longest wait, else the one with the least remaining.
func tightest(parts []part) *part {
	worst := &parts[0]
	for i := range parts[1:] {
		if p := &parts[i+1]; tighter(p.Verdict, worst.Verdict) {
			worst = p
		}
	}
	return worst
}

func tighter(a, b strategy.Verdict) bool {
	switch {
	case a.Allowed != b.Allowed:
		return b.Allowed
	case a.Allowed || a.Wait == b.Wait:
		return a.Remaining < b.Remaining
	case a.Wait == strategy.Never || b.Wait == strategy.Never:
		return a.Wait == strategy.Never
	}
	return a.Wait > b.Wait
}

func appendNumber(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }

// whole is a remaining amount as clients see it.
func whole(remaining float64) int64 {
	switch {
	case remaining <= 0:
		return 0
	case remaining >= math.MaxInt64:
		return math.MaxInt64
	}
	return int64(remaining)
}

// seconds is a wait in whole seconds, rounded up.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }
