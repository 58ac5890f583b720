package httpadapter

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/strategy"
)

func TestRegistry(t *testing.T) {
	var g Registry
	fake := newFake()
	a := newThrottle(t, "a", "1/min", Options{Limiter: fake, Registry: &g})
	b := newThrottle(t, "b", "1/min", Options{Limiter: fake, Registry: &g, Disabled: true})
	_, err := New("a", "1/min", Options{Limiter: fake, Registry: &g})
	assert.ErrorIs(t, err, ErrTaken)
	found, ok := g.Find("a")
	assert.True(t, ok)
	assert.Same(t, a, found)
	_, ok = g.Find("c")
	assert.False(t, ok)
	assert.Equal(t, []string{"a", "b"}, g.UIDs())

	state := func() [2]bool { return [2]bool{a.IsDisabled(), b.IsDisabled()} }
	assert.Equal(t, [2]bool{false, true}, state())
	assert.True(t, g.Enable("b") && g.Disable("a"))
	assert.Equal(t, [2]bool{true, false}, state())
	assert.False(t, g.Enable("c") || g.Disable("c"))
	g.DisableAll()
	later := newThrottle(t, "later", "1/min", Options{Limiter: fake, Registry: &g})
	assert.Equal(t, [2]bool{true, true}, state())
	assert.True(t, later.IsDisabled())
	g.EnableAll()
	assert.Equal(t, [2]bool{false, false}, state())

	assert.True(t, g.Remove("a"))
	assert.False(t, g.Remove("a"))
	newThrottle(t, "a", "1/min", Options{Limiter: fake, Registry: &g})
}

func TestChangesAtRunTime(t *testing.T) {
	fake := newFake()
	th := newThrottle(t, "u", "2/min", Options{Limiter: fake})
	hit := func() strategy.Decision {
		d, err := th.Hit(get("/"))
		require.NoError(t, err)
		return d
	}
	hit()
	require.NoError(t, th.SetRate("10/min"))
	assert.Equal(t, 8.0, hit().Remaining, "what was used stays used")
	require.NoError(t, th.SetCost(5))
	assert.Equal(t, 3.0, hit().Remaining)
	require.NoError(t, th.SetCost(0))
	assert.Equal(t, strategy.Allow(), hit(), "free, not the default")
	require.NoError(t, th.SetCost(5))
	require.NoError(t, th.SetStrategy(strategy.TokenBucket{}))
	assert.Equal(t, 5.0, hit().Remaining, "another strategy counts for itself")
	require.NoError(t, th.SetIdentifier(func(*http.Request) (string, error) { return "other", nil }))
	assert.Equal(t, 5.0, hit().Remaining)
	require.NoError(t, th.Update(func(o *Options) {
		o.Cost, o.CostFunc = 0, func(*http.Request, Context) (int64, error) { return 2, nil }
	}))
	assert.Equal(t, 3.0, hit().Remaining)

	assert.ErrorContains(t, th.SetRate("1/fortnight"), "fortnight")
	assert.ErrorContains(t, th.SetCost(-2), "-2")
	assert.ErrorContains(t, th.Update(func(o *Options) { o.Limiter, o.Cost = nil, -1 }), "limiter: missing")
	assert.Equal(t, 1.0, hit().Remaining, "nothing has changed")
	assert.Equal(t, "u", th.UID())

	other := newThrottle(t, "other", "10/min", Options{Limiter: fake})
	require.NoError(t, other.Update(func(o *Options) {
		o.CostFunc = func(*http.Request, Context) (int64, error) { return 4, nil }
	}), "the cost that was never given is not in the way")
	d, err := other.Hit(get("/"))
	require.NoError(t, err)
	assert.Equal(t, 6.0, d.Remaining)
}

// Guarantee 8: each call sees all of a change or nothing of it. The two versions differ in rate, cost and identity, and
// no hit may mix them. Run under -race.
func TestConcurrentChangesAreAtomic(t *testing.T) {
	fake := newFake()
	var g Registry
	versions := []Options{
		{Cost: 1, Strategy: strategy.TokenBucket{BurstSize: 1 << 20}, Identifier: func(*http.Request) (string, error) { return "one", nil }},
		{Cost: 2, Strategy: strategy.TokenBucket{BurstSize: 1 << 21}, Identifier: func(*http.Request) (string, error) { return "two", nil }},
	}
	o := versions[0]
	o.Limiter, o.Registry = fake, &g
	th := newThrottle(t, "u", "1000/s", o)
	chain, err := NewChain(AsGiven, Entries(th)...)
	require.NoError(t, err)
	h := chain.Middleware(http.HandlerFunc(ok))

	var work sync.WaitGroup
	for i := range 4 {
		work.Go(func() {
			for range 300 {
				if i%2 == 0 {
					serve(h, get("/"))
				} else {
					_, err := th.Hit(get("/"))
					assert.NoError(t, err)
				}
			}
		})
	}
	for i := range 2 {
		work.Go(func() {
			for n := range 300 {
				v := versions[(n+i)%2]
				assert.NoError(t, th.Update(func(o *Options) { o.Cost, o.Strategy, o.Identifier = v.Cost, v.Strategy, v.Identifier }))
				g.DisableAll()
				g.EnableAll()
				g.UIDs()
			}
		})
	}
	work.Wait()
	for _, h := range fake.hits {
		one := strategy.MustPolicy(strategy.Limit{Rate: strategy.MustRate("1000/s"), Strategy: versions[0].Strategy})
		is := string(h.Policy.Encoded()) == string(one.Encoded())
		require.Equal(t, is, h.Cost == 1)
		require.Equal(t, is, h.Key == "one")
	}
}

func TestPoliciesOfRateFuncAreBounded(t *testing.T) {
	rate := strategy.Rate{}
	th := newThrottle(t, "u", func(*http.Request, Context) (strategy.Rate, error) { return rate, nil }, Options{Limiter: newFake()})
	for i := range 3 * maxPolicies {
		var err error
		rate, err = strategy.NewRate(int64(i+1), time.Minute)
		require.NoError(t, err)
		_, err = th.Hit(get("/"))
		require.NoError(t, err)
	}
	assert.LessOrEqual(t, len(th.current.Load().policies.known), maxPolicies)
}
