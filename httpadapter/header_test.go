package httpadapter

import (
	"maps"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/strategy"
)

func refusedFor(wait time.Duration) strategy.Decision {
	return strategy.Decision{Verdict: strategy.Verdict{Remaining: 3.9, Wait: wait, Limit: 100}, Period: time.Minute}
}

func allowedWith(remaining float64) strategy.Decision {
	return strategy.Decision{Verdict: strategy.Verdict{Allowed: true, Remaining: remaining, Limit: 100}, Period: time.Minute}
}

// Guarantee 7: numbers are whole, waits are rounded up, and Retry-After is never 0 nor said where waiting is no help.
func TestHeaders(t *testing.T) {
	two := strategy.Decision{Verdict: strategy.Verdict{Wait: 1500 * time.Millisecond, Limit: 5}, Period: 250 * time.Millisecond, LimitedBy: "a",
		Limits: []strategy.LimitVerdict{
			{Name: "a", Period: 250 * time.Millisecond, Verdict: strategy.Verdict{Wait: 1500 * time.Millisecond, Limit: 5}},
			{Name: "free", Verdict: strategy.Allow().Verdict},
			{Name: "b", Period: time.Hour, Verdict: strategy.Verdict{Allowed: true, Remaining: 7.5, Limit: 9}},
		}}
	tests := []struct {
		name string
		d    strategy.Decision
		want string // RateLimit-Policy | RateLimit | Limit | Remaining | Reset | Retry-After
	}{
		{"allowed", allowedWith(41.99), `"u";q=100;w=60|"u";r=41|100|41||`},
		{"the last of it", allowedWith(0.5), `"u";q=100;w=60|"u";r=0|100|0||`},
		{"refused", refusedFor(time.Microsecond), `"u";q=100;w=60|"u";r=3;t=1|100|3|1|1`},
		{"refused for a second", refusedFor(time.Second), `"u";q=100;w=60|"u";r=3;t=1|100|3|1|1`},
		{"refused for more", refusedFor(time.Second + 1), `"u";q=100;w=60|"u";r=3;t=2|100|3|2|2`},
		{"refused by a limiter that names no wait", refusedFor(0), `"u";q=100;w=60|"u";r=3;t=0|100|3|1|1`},
		{"never", refusedFor(strategy.Never), `"u";q=100;w=60|"u";r=3|100|3||`},
		{"bypassed", strategy.Allow(), `|||||`},
		{"denied because nobody could decide", strategy.Decision{Verdict: strategy.Verdict{Wait: time.Second}}, `||||1|1`},
		{"several limits", two, `"a";q=5, "b";q=9;w=3600|"a";r=0;t=2, "b";r=7|5|0|2|2`},
		{"debt", allowedWith(-2), `"u";q=100;w=60|"u";r=0|100|0||`},
		{"plenty", allowedWith(math.MaxFloat64), `"u";q=100;w=60|"u";r=999999999999999|100|9223372036854775807||`},
	}
	th := newThrottle(t, "u", "100/min", Options{Limiter: newFake(), Headers: AllHeaders()})
	for _, c := range tests {
		h := http.Header{}
		th.SetHeaders(h, get("/"), c.d)
		var got []string
		for _, name := range []string{"RateLimit-Policy", "RateLimit", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After"} {
			got = append(got, h.Get(name))
		}
		assert.Equal(t, c.want, strings.Join(got, "|"), c.name)
	}
}

func TestDefaultHeadersSayMoreOnRefusals(t *testing.T) {
	th := newThrottle(t, "u", "100/min", Options{Limiter: newFake()})
	names := func(d strategy.Decision) []string {
		h := http.Header{}
		th.SetHeaders(h, get("/"), d)
		return slices.Sorted(maps.Keys(h))
	}
	assert.Equal(t, []string{"Ratelimit", "Ratelimit-Policy"}, names(allowedWith(5)))
	assert.Equal(t, []string{"Ratelimit", "Ratelimit-Policy", "Retry-After", "X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset"},
		names(refusedFor(time.Second)))
}

func TestHeadersOfYourOwn(t *testing.T) {
	policy := RateLimitPolicy()
	policy.When = Refused
	th := newThrottle(t, "u", "1/min", Options{Limiter: newFake(), Headers: []Header{
		policy,
		{Name: "x-degraded", Value: func(_ *http.Request, d strategy.Decision) string {
			if d.Degraded {
				return "1"
			}
			return ""
		}},
		{Name: "X-Low", When: func(_ *http.Request, d strategy.Decision) bool { return d.Remaining < 10 },
			Value: func(r *http.Request, _ strategy.Decision) string { return r.URL.Path }},
	}})
	h := http.Header{}
	th.SetHeaders(h, get("/a"), allowedWith(50))
	assert.Empty(t, h)
	d := refusedFor(time.Second)
	d.Degraded = true
	th.SetHeaders(h, get("/a"), d)
	assert.Equal(t, http.Header{"Ratelimit-Policy": {`"u";q=100;w=60`}, "X-Degraded": {"1"}, "X-Low": {"/a"}}, h)

	require.NoError(t, th.Update(func(o *Options) { o.Headers = []Header{} }))
	h = http.Header{}
	th.SetHeaders(h, get("/a"), d)
	assert.Empty(t, h)
}

func TestResetAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where the clock stands
		th := newThrottle(t, "u", "1/min", Options{Limiter: newFake(), Headers: []Header{XRateLimitResetAt()}})
		h := http.Header{}
		th.SetHeaders(h, get("/"), refusedFor(1500*time.Millisecond))
		assert.Equal(t, "946684802", h.Get("X-RateLimit-Reset")) // the bubble's 2000-01-01 and two seconds
	})
}

// A structured field has no larger integer, and a client may refuse all of one that does.
func TestHugeLimitsAreStructuredFields(t *testing.T) {
	th := newThrottle(t, "u", "1000000000000000/day", Options{Limiter: newFake(), Headers: AllHeaders()})
	d, err := th.Hit(get("/"))
	require.NoError(t, err)
	h := http.Header{}
	th.SetHeaders(h, get("/"), d)
	assert.Equal(t, `"u";q=999999999999999;w=86400`, h.Get("RateLimit-Policy"))
	assert.Equal(t, `"u";r=999999999999999`, h.Get("RateLimit"))
	assert.Equal(t, "1000000000000000", h.Get("X-RateLimit-Limit"))
}

func TestHeaderNamesAreStrings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.String().Draw(t, "name")
		got := string(appendName(nil, name))
		require.Regexp(t, `^"([ !#-\[\]-~]|\\["\\])*"$`, got)
	})
}

func TestHeadersDoNotShareTheirValues(t *testing.T) {
	th := newThrottle(t, "u", "1/min", Options{Limiter: newFake()})
	h := http.Header{}
	th.SetHeaders(h, get("/"), allowedWith(5))
	h.Add("RateLimit-Policy", "another")
	assert.Equal(t, []string{`"u";r=5`}, h.Values("RateLimit"), "appending to one must not run into the next")
}
