package httpadapter

import (
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/httpadapter/identify"
	"github.com/traffik-io/traffik/strategy"
)

// Guarantee 1: everything that is wrong is said at once.
func TestNewReportsEverything(t *testing.T) {
	_, err := New("", "1/fortnight", Options{
		Cost: -1, MinWait: -1, OnError: "panic", Context: Context{Status: 200, Values: strategy.Context{"a": []int{}}},
		Rules: []Rule{{Pattern: "/{"}, {Methods: []string{""}}}, Headers: []Header{{}},
	})
	require.Error(t, err)
	for _, want := range []string{
		`throttle ""`, "uid: 0 bytes", "limiter: missing", "cost: -1", "min wait", `"panic"`, "context.status: 200",
		"context.a", `rules[0].pattern: "/{"`, "rules[1].methods", "headers[0].name", "fortnight",
	} {
		assert.ErrorContains(t, err, want)
	}
}

func TestNewRefuses(t *testing.T) {
	fake := newFake()
	two := []strategy.Limit{{Name: "a", Rate: strategy.MustRate("1/s")}, {Name: "b", Rate: strategy.MustRate("9/min")}}
	for want, c := range map[string]struct {
		uid  string
		rate any
		o    Options
	}{
		"uid: 1025 bytes":              {strings.Repeat("u", 1025), "1/s", Options{}},
		"at most 64":                   {strings.Repeat("u", 65), "1/s", Options{Group: "g"}},
		"rate: a int is neither":       {"u", 5, Options{}},
		"rate: a <nil> is neither":     {"u", nil, Options{}},
		"rate: missing":                {"u", strategy.Rate{}, Options{}},
		"rate: the func is nil":        {"u", RateFunc(nil), Options{}},
		"limits: empty":                {"u", []strategy.Limit{}, Options{}},
		"their own strategies":         {"u", two, Options{Strategy: strategy.GCRA{}}},
		"several limits cannot":        {"u", two, Options{MaxWait: time.Second}},
		"burst_size":                   {"u", "1/s", Options{Strategy: strategy.TokenBucket{BurstSize: -2}}},
		"max_wait: 1m1s":               {"u", "1/s", Options{MaxWait: 61 * time.Second}},
		`max wait: 1s in group "g"`:    {"u", "1/s", Options{MaxWait: time.Second, Group: "g"}},
		"cost: 2 is given beside":      {"u", "1/s", Options{Cost: 2, CostFunc: func(*http.Request, Context) (int64, error) { return 1, nil }}},
		"has no value":                 {"u", "1/s", Options{Headers: []Header{{Name: "X-A"}}}},
		"context.scope: 1025 bytes":    {"u", "1/s", Options{Context: Context{Scope: strings.Repeat("s", 1025)}}},
		"context.priority: 9 is neith": {"u", "1/s", Options{Context: Context{Values: strategy.Context{"priority": 9}}}},
	} {
		c.o.Limiter = fake
		_, err := New(c.uid, c.rate, c.o)
		assert.ErrorContains(t, err, want, want)
	}
}

func TestHitConsumesAndRefuses(t *testing.T) {
	fake := newFake()
	for name, rate := range map[string]any{
		"text":   "2/min",
		"rate":   strategy.MustRate("2/min"),
		"func":   func(*http.Request, Context) (strategy.Rate, error) { return strategy.MustRate("2/min"), nil },
		"limits": []strategy.Limit{{Name: "a", Rate: strategy.MustRate("2/min")}, {Name: "b", Rate: strategy.MustRate("9/min")}},
	} {
		th := newThrottle(t, name, rate, Options{Limiter: fake})
		for i, allowed := range []bool{true, true, false} {
			d, err := th.Hit(get("/"))
			require.NoError(t, err)
			assert.Equal(t, allowed, d.Allowed, "%s, hit %d", name, i)
			assert.Equal(t, int64(2), d.Limit)
		}
		st, ok, err := th.Stat(get("/"))
		require.NoError(t, err)
		require.True(t, ok)
		assert.Equal(t, time.Minute, st.Wait, name)
	}
}

func TestCheckAnswersForTheCost(t *testing.T) {
	rate := func(*http.Request, Context) (strategy.Rate, error) { return strategy.MustRate("60/min"), nil }
	th := newThrottle(t, "u", rate, Options{Limiter: newFake(), Strategy: strategy.GCRA{Burst: 3}})
	for cost, want := range map[int64]bool{1: true, 3: true, 4: false} {
		d, err := th.Check(get("/"), Cost(cost))
		require.NoError(t, err)
		assert.Equal(t, want, d.Allowed, "cost %d", cost)
	}
	_, err := th.Check(get("/"), Cost(-1))
	assert.ErrorIs(t, err, ErrInvalid)
	d, err := th.Hit(get("/"), Cost(3))
	require.NoError(t, err)
	assert.True(t, d.Allowed, "the checks have consumed nothing")
	d, err = th.Hit(get("/"), Cost(4))
	require.NoError(t, err)
	assert.Equal(t, strategy.Never, d.Wait)
}

func TestContextsAreLaidOverEachOther(t *testing.T) {
	fake := newFake()
	var seen Context
	def := Context{Scope: "a", Status: 503, Detail: "no", Values: strategy.Context{"tier": "free", "x": int64(1)}, Header: http.Header{"A": {"1"}}}
	th := newThrottle(t, "u", "1/min", Options{
		Limiter: fake, Context: def,
		CostFunc: func(_ *http.Request, c Context) (int64, error) { seen = c; return 1, nil },
	})
	def.Values["tier"] = "changed by the caller"
	_, err := th.Hit(get("/"), With(Context{Values: strategy.Context{"tier": "pro"}, Detail: "sorry"}), Scope("b"))
	require.NoError(t, err)
	assert.Equal(t, Context{
		Scope: "b", Status: 503, Detail: "sorry", Values: strategy.Context{"tier": "pro", "x": int64(1)}, Header: http.Header{"A": {"1"}},
	}, seen)
	assert.Equal(t, "b", fake.last(t).Scope)
	assert.Equal(t, strategy.Context{"tier": "pro", "x": int64(1)}, fake.last(t).Context)
	_, err = th.Hit(get("/"))
	require.NoError(t, err)
	assert.Equal(t, strategy.Context{"tier": "free", "x": int64(1)}, seen.Values, "the default is never changed")
	assert.Equal(t, "a", fake.last(t).Scope)
}

// Guarantee 6: what a handler sees of the most recent hit, bypassed hits included.
func TestIsThrottledTellsOfTheMostRecentHit(t *testing.T) {
	th := newThrottle(t, "u", "1/min", Options{Limiter: newFake()})
	r := Track(get("/"))
	assert.Same(t, r, Track(r))
	hit := func(o ...CallOption) {
		_, err := th.Hit(r, o...)
		require.NoError(t, err)
	}
	assert.False(t, IsThrottled(r))
	hit()
	assert.False(t, IsThrottled(r))
	hit()
	assert.True(t, IsThrottled(r.WithContext(r.Context())))
	assert.Equal(t, time.Minute, Wait(r))
	hit(Cost(0))
	assert.False(t, IsThrottled(r), "a hit of cost 0 was let through")
	hit(Cost(5))
	assert.Equal(t, strategy.Never, Wait(r))
	th.Disable()
	hit()
	assert.False(t, IsThrottled(r))
	assert.Zero(t, Wait(r))
	assert.False(t, IsThrottled(get("/")), "not tracked")

	th.Enable()
	hit()
	assert.True(t, IsThrottled(r))
	_, err := th.Hit(r, Cost(-1))
	assert.ErrorIs(t, err, ErrInvalid)
	assert.False(t, IsThrottled(r), "without a decision nothing was refused")
}

func TestAllowWritesTheRefusal(t *testing.T) {
	th := newThrottle(t, "api", "1/min", Options{Limiter: newFake()})
	h := th.Middleware(http.HandlerFunc(ok))
	w := serve(h, get("/"))
	assert.Equal(t, 200, w.Code)
	assert.Equal(t, http.Header{
		"Ratelimit-Policy": {`"api";q=1;w=60`}, "Ratelimit": {`"api";r=0`},
	}, w.Header())
	w = serve(h, get("/"))
	assert.Equal(t, 429, w.Code)
	assert.Equal(t, http.Header{
		"Ratelimit-Policy": {`"api";q=1;w=60`}, "Ratelimit": {`"api";r=0;t=60`}, "X-Ratelimit-Limit": {"1"}, "X-Ratelimit-Remaining": {"0"},
		"X-Ratelimit-Reset": {"60"}, "Retry-After": {"60"}, "Content-Type": {"application/problem+json"}, "X-Content-Type-Options": {"nosniff"},
	}, w.Header())
	var body map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body))
	assert.Equal(t, map[string]any{
		"type": quotaExceeded, "title": "Too Many Requests", "status": 429.0, "detail": "Too many requests. Retry in 60 seconds.",
		"violated-policies": []any{"api"},
	}, body)
}

func TestRefusalIsFormedByContextAndHandler(t *testing.T) {
	th := newThrottle(t, "api", "1/min", Options{Limiter: newFake(), Context: Context{
		Status: 503, Detail: "later", Header: http.Header{"X-Why": {"busy"}}, Extras: map[string]any{"plan": "free"},
	}})
	h := th.Middleware(http.HandlerFunc(ok))
	serve(h, get("/"))
	w := serve(h, get("/"))
	assert.Equal(t, 503, w.Code)
	assert.Equal(t, "busy", w.Header().Get("X-Why"))
	assert.Contains(t, w.Body.String(), `"detail":"later"`)
	assert.Contains(t, w.Body.String(), `"plan":"free"`)

	require.NoError(t, th.Update(func(o *Options) {
		o.Refuse = func(w http.ResponseWriter, _ *http.Request, why Refusal) {
			assert.Equal(t, "api", why.UID)
			assert.Equal(t, int64(60), why.RetryAfter())
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	w = serve(h, get("/"))
	assert.Equal(t, http.StatusTeapot, w.Code)
	assert.Equal(t, "60", w.Header().Get("Retry-After"))
}

func TestMarkLetsRefusedRequestsThrough(t *testing.T) {
	th := newThrottle(t, "api", "1/min", Options{Limiter: newFake()})
	var throttled []bool
	h := th.Mark(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { throttled = append(throttled, IsThrottled(r)) }))
	serve(h, get("/"))
	w := serve(h, get("/"))
	assert.Equal(t, 200, w.Code)
	assert.Equal(t, "60", w.Header().Get("Retry-After"))
	assert.Equal(t, []bool{false, true}, throttled)
	require.NoError(t, th.Update(func(o *Options) { o.Limiter, o.OnError = &fakeLimiter{err: errBroken}, ReturnErrors }))
	assert.Equal(t, 503, serve(h, get("/")).Code)
	assert.Len(t, throttled, 2)
}

func TestMaxWaitHoldsTheRequest(t *testing.T) {
	fake := newFake()
	th := newThrottle(t, "u", "1/s", Options{Limiter: fake, MaxWait: 2 * time.Second})
	for range 3 {
		d, err := th.Hit(get("/"))
		require.NoError(t, err)
		assert.True(t, d.Allowed)
	}
	d, err := th.Hit(get("/"), MaxWait(0))
	require.NoError(t, err)
	assert.False(t, d.Allowed)
	_, err = th.Hit(get("/"), MaxWait(time.Hour))
	assert.ErrorIs(t, err, ErrInvalid)
}

func TestMinWaitIsAFloorForRefusalsOnly(t *testing.T) {
	th := newThrottle(t, "u", "1/s", Options{Limiter: newFake(), MinWait: 5 * time.Second})
	d, err := th.Hit(get("/"))
	require.NoError(t, err)
	assert.True(t, d.Allowed)
	assert.Zero(t, d.Wait)
	d, err = th.Hit(get("/"))
	require.NoError(t, err)
	assert.Equal(t, 5*time.Second, d.Wait)
	d, err = th.Hit(get("/"), Cost(2))
	require.NoError(t, err)
	assert.Equal(t, strategy.Never, d.Wait)
}

func TestStatOfExemptAndUnlimited(t *testing.T) {
	fake := newFake()
	exempt := newThrottle(t, "u", "1/s", Options{Limiter: fake, Identifier: func(*http.Request) (string, error) { return "", identify.ErrExempt }})
	_, ok, err := exempt.Stat(get("/"))
	require.NoError(t, err)
	assert.False(t, ok)
	st, ok, err := newThrottle(t, "u", strategy.Unlimited(), Options{Limiter: fake}).Stat(get("/"))
	require.NoError(t, err)
	assert.True(t, ok)
	assert.True(t, math.IsInf(st.Remaining, 1))
	assert.Zero(t, fake.asked())
}

func TestAnonymousUnixSocket(t *testing.T) {
	fake := newFake()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = "@"
	_, err := newThrottle(t, "u", "1/s", Options{Limiter: fake}).Hit(r)
	require.NoError(t, err)
	assert.Equal(t, identify.Anonymous, fake.last(t).Key)
}
