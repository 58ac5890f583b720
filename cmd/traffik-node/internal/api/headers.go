package api

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/traffik-io/traffik/strategy"
)

// The headers of a hit's answer. RateLimit-Policy and RateLimit are those of draft-ietf-httpapi-ratelimit-headers-10,
// structured lists with one item for each limit:
//
//	RateLimit-Policy: "burst";q=10;w=1, "daily";q=1000;w=86400
//	RateLimit: "burst";r=9, "daily";r=0;t=86400
//
// Numbers are those of the body, whole: q is the capacity that applies now, w the period in seconds, r what remains,
// rounded down, t and X-RateLimit-Reset the seconds until there is more: the wait of a refusal, 0 (t: absent) while
// something remains, and else the period, by whose end there is more at the latest. X-RateLimit-* are those of the
// tightest limit. An unlimited rate has no headers.

// maxInteger is the largest integer of a structured field (RFC 9651, section 3.3.1).
const maxInteger = 999_999_999_999_999

// setHeaders sets the headers of d, decided under a policy that errors and headers call name.
func setHeaders(h http.Header, d *strategy.Decision, name string) {
	if !d.Allowed && d.Wait != strategy.Never {
		// A degraded refusal may know no wait, and 0 would ask for an immediate retry.
		h["Retry-After"] = []string{strconv.FormatInt(max(waitIn(d.Wait, time.Second), 1), 10)}
	}
	if math.IsInf(d.Remaining, 1) {
		return
	}
	policy, state := make([]byte, 0, 64), make([]byte, 0, 64)
	if len(d.Limits) == 0 {
		policy = appendPolicyItem(policy, name, d.Limit, d.Period)
		state = appendStateItem(state, name, &d.Verdict, d.Period)
	}
	for i := range d.Limits {
		l := &d.Limits[i]
		if math.IsInf(l.Remaining, 1) {
			continue
		}
		policy = appendPolicyItem(policy, l.Name, l.Limit, l.Period)
		state = appendStateItem(state, l.Name, &l.Verdict, l.Period)
	}
	h["Ratelimit-Policy"] = []string{string(policy)}
	h["Ratelimit"] = []string{string(state)}
	h["X-Ratelimit-Limit"] = []string{strconv.FormatInt(d.Limit, 10)}
	h["X-Ratelimit-Remaining"] = []string{strconv.FormatInt(floor(d.Remaining), 10)}
	if reset := resetIn(&d.Verdict, d.Period); reset >= 0 {
		h["X-Ratelimit-Reset"] = []string{strconv.FormatInt(reset, 10)}
	}
}

func appendPolicyItem(b []byte, name string, quota int64, period time.Duration) []byte {
	b = appendItem(b, name)
	b = strconv.AppendInt(append(b, ";q="...), min(quota, maxInteger), 10)
	if w := waitIn(period, time.Second); w > 0 {
		b = strconv.AppendInt(append(b, ";w="...), w, 10)
	}
	return b
}

func appendStateItem(b []byte, name string, v *strategy.Verdict, period time.Duration) []byte {
	b = appendItem(b, name)
	b = strconv.AppendInt(append(b, ";r="...), min(floor(v.Remaining), maxInteger), 10)
	if t := resetIn(v, period); t > 0 {
		b = strconv.AppendInt(append(b, ";t="...), t, 10)
	}
	return b
}

// appendItem appends name, which is printable ASCII, as a structured string and a member of a list.
func appendItem(b []byte, name string) []byte {
	if len(b) > 0 {
		b = append(b, ", "...)
	}
	b = append(b, '"')
	for i := range len(name) {
		if name[i] == '"' || name[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, name[i])
	}
	return append(b, '"')
}

// resetIn is the seconds until there is more, rounded up; -1 if waiting does not help.
func resetIn(v *strategy.Verdict, period time.Duration) int64 {
	switch {
	case !v.Allowed:
		return waitIn(v.Wait, time.Second)
	case v.Remaining < 1:
		return waitIn(period, time.Second)
	}
	return 0
}

// floor is v rounded down, v being a remaining of at least 0.
func floor(v float64) int64 {
	if v >= math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(v)
}
