package httpadapter

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/httpadapter/identify"
	"github.com/traffik-io/traffik/strategy"
)

// recorder makes options whose functions note that they were called.
type recorder struct {
	calls []string
	fake  *fakeLimiter
	rate  func() (strategy.Rate, error)
	cost  func() (int64, error)
	name  func() (string, error)
	rule  bool
}

func newRecorder() *recorder {
	return &recorder{
		fake: newFake(), rule: true,
		rate: func() (strategy.Rate, error) { return strategy.MustRate("5/min"), nil },
		cost: func() (int64, error) { return 1, nil },
		name: func() (string, error) { return "someone", nil },
	}
}

func (c *recorder) note(what string) { c.calls = append(c.calls, what) }

func (c *recorder) throttle(t *testing.T, o Options) *Throttle {
	o.Limiter = c
	o.Rules = []Rule{{If: func(*http.Request, Context) bool { c.note("rule"); return c.rule }}}
	o.CostFunc = func(*http.Request, Context) (int64, error) { c.note("cost"); return c.cost() }
	o.Identifier = func(*http.Request) (string, error) { c.note("identifier"); return c.name() }
	return newThrottle(t, "u", func(*http.Request, Context) (strategy.Rate, error) { c.note("rate"); return c.rate() }, o)
}

func (c *recorder) Hit(ctx context.Context, h strategy.Hit) (strategy.Decision, error) {
	c.note("limiter")
	return c.fake.Hit(ctx, h)
}

func (c *recorder) Check(ctx context.Context, h strategy.Hit) (strategy.Decision, error) {
	c.note("limiter")
	return c.fake.Check(ctx, h)
}

func (c *recorder) Stat(ctx context.Context, h strategy.Hit) (strategy.Stat, bool, error) {
	c.note("limiter")
	return c.fake.Stat(ctx, h)
}

// Guarantee 2: the order of evaluation, and where it ends.
func TestOrderOfEvaluation(t *testing.T) {
	const all = "rule rate cost identifier limiter"
	fail := func() (int64, error) { return 0, errBroken }
	tests := []struct {
		name    string
		prepare func(*recorder, *Throttle)
		options []CallOption
		want    string // calls
		err     error
	}{
		{"everything", nil, nil, all, nil},
		{"disabled", func(_ *recorder, t *Throttle) { t.Disable() }, []CallOption{Cost(-1)}, "", nil},
		{"cost 0 given", nil, []CallOption{Cost(0)}, "", nil},
		{"a rule that does not match", func(c *recorder, _ *Throttle) { c.rule = false }, []CallOption{Cost(-1)}, "rule", nil},
		{"an unlimited rate", func(c *recorder, _ *Throttle) {
			c.rate = func() (strategy.Rate, error) { return strategy.Unlimited(), nil }
		}, []CallOption{Cost(-1)}, "rule rate", nil},
		{"a rate func that fails", func(c *recorder, _ *Throttle) {
			c.rate = func() (strategy.Rate, error) { return strategy.Rate{}, errBroken }
		}, nil, "rule rate", errBroken},
		{"a negative cost given", nil, []CallOption{Cost(-1)}, "rule rate", ErrInvalid},
		{"a cost given", nil, []CallOption{Cost(2)}, "rule rate identifier limiter", nil},
		{"the last cost given", nil, []CallOption{Cost(0), Cost(2)}, "rule rate identifier limiter", nil},
		{"a cost of 0 from the func", func(c *recorder, _ *Throttle) {
			c.cost = func() (int64, error) { return 0, nil }
		}, nil, "rule rate cost", nil},
		{"a cost func that fails", func(c *recorder, _ *Throttle) { c.cost = fail }, nil, "rule rate cost", errBroken},
		{"an exempt client", func(c *recorder, _ *Throttle) {
			c.name = func() (string, error) { return "", identify.ErrExempt }
		}, nil, "rule rate cost identifier", nil},
		{"an identifier that fails", func(c *recorder, _ *Throttle) {
			c.name = func() (string, error) { return "", errBroken }
		}, nil, "rule rate cost identifier", errBroken},
		{"a limiter that fails", func(c *recorder, _ *Throttle) { c.fake.err = errBroken }, nil, all, errBroken},
		{"a wait that nobody may ask for", nil, []CallOption{MaxWait(-1)}, "rule rate cost identifier", ErrInvalid},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			rec := newRecorder()
			th := rec.throttle(t, Options{OnError: ReturnErrors})
			if c.prepare != nil {
				c.prepare(rec, th)
			}
			for _, ask := range []func(*http.Request, ...CallOption) (strategy.Decision, error){th.Hit, th.Check} {
				rec.calls = nil
				d, err := ask(get("/"), c.options...)
				assert.ErrorIs(t, err, c.err)
				assert.Equal(t, c.err == nil, d.Allowed)
				assert.Equal(t, c.want, strings.Join(rec.calls, " "))
			}
		})
	}
}

// Guarantee 3: what bypasses asks nobody and leaves no state.
func TestStaticUnlimitedAsksNobody(t *testing.T) {
	rec := newRecorder()
	th := rec.throttle(t, Options{})
	require.NoError(t, th.SetRate(strategy.Unlimited()))
	d, err := th.Hit(get("/"), Cost(-1))
	require.NoError(t, err)
	assert.True(t, d.Allowed)
	assert.Empty(t, rec.calls)
	assert.Empty(t, rec.fake.records)
}

// Guarantee 4: the failure policy covers the limiter and all functions, and nothing else.
func TestFailurePolicy(t *testing.T) {
	sources := map[string]func(*recorder){
		"limiter":    func(c *recorder) { c.fake.err = errBroken },
		"identifier": func(c *recorder) { c.name = func() (string, error) { return "", errBroken } },
		"empty name": func(c *recorder) { c.name = func() (string, error) { return "", nil } },
		"cost func":  func(c *recorder) { c.cost = func() (int64, error) { return 0, errBroken } },
		"negative":   func(c *recorder) { c.cost = func() (int64, error) { return -1, nil } },
		"rate func":  func(c *recorder) { c.rate = func() (strategy.Rate, error) { return strategy.Rate{}, nil } },
	}
	for name, breakIt := range sources {
		for _, policy := range []Failure{"", DenyOnError, AllowOnError, ReturnErrors} {
			rec := newRecorder()
			breakIt(rec)
			var told []error
			th := rec.throttle(t, Options{OnError: policy, Failed: func(_ *http.Request, err error) { told = append(told, err) }})
			d, err := th.Hit(get("/"))
			if policy == ReturnErrors {
				assert.ErrorContains(t, err, `throttle "u"`, name)
				assert.Empty(t, told)
				assert.Equal(t, 503, serve(th.Middleware(http.HandlerFunc(ok)), get("/")).Code)
				continue
			}
			require.NoError(t, err, name)
			assert.Len(t, told, 1)
			assert.True(t, d.Degraded)
			assert.Equal(t, policy == AllowOnError, d.Allowed, name)
			if !d.Allowed {
				assert.Equal(t, time.Second, d.Wait)
				w := serve(th.Middleware(http.HandlerFunc(ok)), get("/"))
				assert.Equal(t, 429, w.Code)
				assert.Equal(t, "1", w.Header().Get("Retry-After"))
				assert.Empty(t, w.Header().Get("RateLimit"), "nobody knows what remains")
			}
			_, err = th.Hit(get("/"), MaxWait(-1), Cost(-1))
			if name != "rate func" {
				assert.ErrorIs(t, err, ErrInvalid, "%s: no policy covers what the caller did wrong", name)
			}
		}
	}
}

func TestCancelledRequestIsNotCovered(t *testing.T) {
	rec := newRecorder()
	th := rec.throttle(t, Options{OnError: AllowOnError})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := th.Hit(get("/").WithContext(ctx))
	assert.ErrorIs(t, err, context.Canceled)
}

func TestFallbackDecides(t *testing.T) {
	broken, second := &fakeLimiter{err: errBroken}, newFake()
	var told int
	th := newThrottle(t, "u", "1/min", Options{
		Limiter: broken, Fallback: second, OnError: AllowOnError, Failed: func(*http.Request, error) { told++ },
	})
	for i, want := range []bool{true, false} {
		d, err := th.Hit(get("/"))
		require.NoError(t, err)
		assert.Equal(t, want, d.Allowed)
		assert.True(t, d.Degraded)
		assert.Equal(t, i+1, told)
	}
	st, ok, err := th.Stat(get("/"))
	require.NoError(t, err)
	assert.True(t, ok)
	assert.True(t, st.Degraded)
	second.err = errBroken
	d, err := th.Hit(get("/"))
	require.NoError(t, err)
	assert.True(t, d.Allowed, "both failed, so the policy answers")
	_, _, err = th.Stat(get("/"))
	assert.ErrorIs(t, err, errBroken)
}
