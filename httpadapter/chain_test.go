package httpadapter

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/strategy"
)

func newChain(t testing.TB, order Order, entries ...Entry) *Chain {
	c, err := NewChain(order, entries...)
	require.NoError(t, err)
	return c
}

func remaining1(t testing.TB, th *Throttle) float64 {
	st, ok, err := th.Stat(get("/"))
	require.NoError(t, err)
	require.True(t, ok)
	return st.Remaining
}

func TestNewChainReportsEverything(t *testing.T) {
	th := newThrottle(t, "u", "1/s", Options{Limiter: newFake()})
	_, err := NewChain("dear_first", Entry{}, Entry{Throttle: th, Rules: []Rule{{Pattern: "{"}}})
	for _, want := range []string{`"dear_first"`, "entries[0].throttle: missing", `entries[1].rules[0].pattern: "{"`} {
		assert.ErrorContains(t, err, want)
	}
}

func TestChainOrder(t *testing.T) {
	fake := newFake()
	make := func(uid string, o Options) *Throttle { o.Limiter = fake; return newThrottle(t, uid, "100/min", o) }
	dear, cheap, unknown := make("dear", Options{Cost: 5}), make("cheap", Options{}), make("unknown", Options{CostFunc: func(*http.Request, Context) (int64, error) { return 1, nil }})
	entries := append(Entries(unknown, dear, cheap), Entry{Throttle: make("override", Options{}), Options: []CallOption{Cost(3)}})
	for order, want := range map[Order][]string{
		"": {"cheap", "override", "dear", "unknown"}, AsGiven: {"unknown", "dear", "cheap", "override"},
	} {
		fake.hits = nil
		_, err := newChain(t, order, entries...).Hit(get("/"))
		require.NoError(t, err)
		var got []string
		for _, h := range fake.hits {
			got = append(got, h.UID)
		}
		assert.Equal(t, want, got)
	}
}

// Guarantee 9, across owners: the first refusal ends the chain, and what was charged before is given back.
func TestChainGivesBack(t *testing.T) {
	for _, refunds := range []bool{true, false} {
		fake := newFake()
		var limiter Limiter = fake
		if refunds {
			limiter = refundingLimiter{fake}
		}
		a := newThrottle(t, "a", "10/min", Options{Limiter: limiter})
		b := newThrottle(t, "b", "1/min", Options{Limiter: limiter})
		c := newThrottle(t, "c", "10/min", Options{Limiter: limiter})
		chain := newChain(t, AsGiven, Entries(a, b, c)...)
		for range 2 {
			_, err := chain.Hit(get("/"))
			require.NoError(t, err)
		}
		want := map[bool]float64{true: 9, false: 8}[refunds]
		assert.Equal(t, want, remaining1(t, a))
		assert.Zero(t, remaining1(t, b), "what was refused is not given back")
		assert.Equal(t, 9.0, remaining1(t, c), "not asked after the refusal")
	}
}

func TestChainGivesBackAfterTheClientHasGone(t *testing.T) {
	fake := newFake()
	ctx, leave := context.WithCancel(t.Context())
	a := newThrottle(t, "a", "10/min", Options{Limiter: refundingLimiter{fake}})
	b := newThrottle(t, "b", "1/min", Options{Limiter: fake, Identifier: func(*http.Request) (string, error) {
		leave()
		return "", errBroken
	}})
	_, err := newChain(t, AsGiven, Entries(a, b)...).Hit(get("/").WithContext(ctx))
	assert.ErrorIs(t, err, errBroken)
	assert.Equal(t, 10.0, remaining1(t, a))
}

func TestChainTellsOfRefundsThatFail(t *testing.T) {
	fake, other := newFake(), newFake()
	var told []error
	a := newThrottle(t, "a", "10/min", Options{Limiter: failingRefunder{fake}, Failed: func(_ *http.Request, err error) { told = append(told, err) }})
	b := newThrottle(t, "b", "1/min", Options{Limiter: other, OnError: ReturnErrors})
	other.err = errBroken
	_, err := newChain(t, AsGiven, Entries(a, b)...).Hit(get("/"))
	assert.ErrorIs(t, err, errBroken)
	require.Len(t, told, 1)
	assert.ErrorIs(t, told[0], strategy.ErrNoRefund)
}

// Guarantee 9, with one owner: decided in one step, all or nothing.
func TestGroupIsDecidedAtOnce(t *testing.T) {
	fake := newFake()
	o := Options{Limiter: fake, Group: "api"}
	burst := newThrottle(t, "burst", "2/s", o)
	between := newThrottle(t, "between", "100/s", Options{Limiter: fake})
	daily := newThrottle(t, "daily", "100/day", o)
	chain := newChain(t, AsGiven, Entries(burst, between, daily)...)

	h := chain.Middleware(http.HandlerFunc(ok))
	w := serve(h, get("/"))
	assert.Equal(t, `"burst";q=2;w=1, "daily";q=100;w=86400, "between";q=100;w=1`, w.Header().Get("RateLimit-Policy"))
	assert.Equal(t, `"burst";r=1, "daily";r=99, "between";r=99`, w.Header().Get("RateLimit"))
	require.Len(t, fake.hits, 2)
	assert.Equal(t, 2, fake.hits[0].Policy.Len())
	assert.Equal(t, "api", fake.hits[0].UID)
	assert.Same(t, fake.hits[0].Policy, func() *strategy.Policy { serve(h, get("/")); return fake.hits[2].Policy }(), "made once")

	w = serve(h, get("/"))
	assert.Equal(t, 429, w.Code)
	assert.Equal(t, `"burst";r=0;t=1, "daily";r=98`, w.Header().Get("RateLimit"))
	assert.Contains(t, w.Body.String(), `"violated-policies":["burst"]`)
	assert.Equal(t, 98.0, remaining1(t, daily), "a refusal consumes none of them")

	require.NoError(t, burst.SetRate("5/s"))
	assert.Equal(t, `"burst";q=5;w=1, "daily";q=100;w=86400, "between";q=100;w=1`, serve(h, get("/")).Header().Get("RateLimit-Policy"))

	d, err := daily.Hit(get("/"))
	require.NoError(t, err)
	assert.Equal(t, 96.0, d.Remaining, "hit alone, a member counts on the same state")
}

func TestRefusalOfAGroupIsThatOfTheMember(t *testing.T) {
	fake := newFake()
	a := newThrottle(t, "a", "10/s", Options{Limiter: fake, Group: "g"})
	b := newThrottle(t, "b", "1/s", Options{Limiter: fake, Group: "g", Refuse: func(w http.ResponseWriter, _ *http.Request, why Refusal) {
		w.WriteHeader(http.StatusTeapot)
		assert.Equal(t, "b", why.UID)
	}})
	h := newChain(t, AsGiven, Entries(a, b)...).Middleware(http.HandlerFunc(ok))
	serve(h, get("/"))
	assert.Equal(t, http.StatusTeapot, serve(h, get("/")).Code)
}

func TestGroupMembersThatDifferAreAskedApart(t *testing.T) {
	fake := newFake()
	base := func() Options { return Options{Limiter: fake, Group: "g"} }
	for name, change := range map[string]func(*Options){
		"another group":    func(o *Options) { o.Group = "h" },
		"another cost":     func(o *Options) { o.Cost = 2 },
		"another key":      func(o *Options) { o.PerMethod = true },
		"another scope":    func(o *Options) { o.Context.Scope = "s" },
		"other values":     func(o *Options) { o.Context.Values = strategy.Context{"tier": "pro"} },
		"another limiter":  func(o *Options) { o.Limiter = newFake() },
		"an unlimited one": func(o *Options) {},
	} {
		fake.hits = nil
		o := base()
		change(&o)
		var rate any = "10/min"
		if name == "an unlimited one" {
			rate = strategy.Unlimited()
		}
		chain := newChain(t, AsGiven, Entries(newThrottle(t, "a", "10/min", base()), newThrottle(t, "b", rate, o))...)
		_, err := chain.Hit(get("/"))
		require.NoError(t, err)
		assert.Equal(t, 1, fake.hits[0].Policy.Len(), name)
	}
}

func TestMemberOfAGroupThatFails(t *testing.T) {
	for policy, wantErr := range map[Failure]bool{ReturnErrors: true, AllowOnError: false, DenyOnError: false} {
		fake := newFake()
		a := newThrottle(t, "a", "10/s", Options{Limiter: fake, Group: "g"})
		b := newThrottle(t, "b", "1/s", Options{Limiter: fake, Group: "g", OnError: policy, CostFunc: func(*http.Request, Context) (int64, error) { return 0, errBroken }})
		d, err := newChain(t, AsGiven, Entries(a, b)...).Hit(get("/"))
		assert.Equal(t, wantErr, err != nil)
		assert.Equal(t, policy == AllowOnError, d.Allowed)
		assert.Len(t, fake.hits, map[bool]int{true: 1, false: 0}[policy == AllowOnError], "a is asked without b, unless b ends the chain")
	}
}

func TestChainRulesAndMark(t *testing.T) {
	fake := newFake()
	th := newThrottle(t, "u", "1/min", Options{Limiter: fake, Rules: []Rule{{Pattern: "/api/"}}})
	var throttled []bool
	h := newChain(t, "", Entry{Throttle: th, Rules: []Rule{{Methods: []string{"POST"}}}}).Mark(
		http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { throttled = append(throttled, IsThrottled(r)) }))
	for _, r := range []*http.Request{get("/api/1"), httptest.NewRequest(http.MethodPost, "/", nil), httptest.NewRequest(http.MethodPost, "/api/1", nil), httptest.NewRequest(http.MethodPost, "/api/1", nil)} {
		serve(h, r)
	}
	assert.Equal(t, []bool{false, false, false, true}, throttled)
	require.NoError(t, th.Update(func(o *Options) { o.Limiter, o.OnError = &fakeLimiter{err: errBroken}, ReturnErrors }))
	assert.Equal(t, 503, serve(h, httptest.NewRequest(http.MethodPost, "/api/1", nil)).Code)
}

func TestEmptyChainAllows(t *testing.T) {
	d, err := newChain(t, "").Hit(get("/"))
	require.NoError(t, err)
	assert.True(t, d.Allowed)
}

func TestChainDecisionIsTheTightest(t *testing.T) {
	fake := newFake()
	wide := newThrottle(t, "wide", "100/min", Options{Limiter: fake})
	tight := newThrottle(t, "tight", "5/hour", Options{Limiter: fake})
	d, err := newChain(t, AsGiven, Entries(tight, wide)...).Hit(get("/"))
	require.NoError(t, err)
	assert.Equal(t, 4.0, d.Remaining)
	assert.Equal(t, time.Hour, d.Period)
}
