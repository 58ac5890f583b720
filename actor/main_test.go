package actor

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/traffik-io/traffik/strategy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start returns a System that is closed at the end of the test.
func start(t testing.TB, cfg Config) *System {
	s, err := New(cfg)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func policy(rate string, s strategy.Strategy) *strategy.Policy {
	return strategy.MustPolicy(strategy.Limit{Rate: strategy.MustRate(rate), Strategy: s})
}

// request asks for a hit of a cost that may wait.
func request(p *strategy.Policy, cost int64, maxWait time.Duration) Request {
	h := strategy.NewHit("k", p)
	h.Cost, h.MaxWait = cost, maxWait
	return Request{Hit: h}
}

func ask(s *System, k Key, r Request) Answer { return s.Ask(context.Background(), k, r) }

// replies is a Replier that keeps the answers in the order in which they come.
type replies chan Answer

func (r replies) Reply(a Answer) { r <- a }

// custom is a fixed window that does what a custom strategy may do: block, panic, know slots.
type custom struct {
	entered, leave chan struct{} // a hit with the key "block" tells that it is in, and waits to be let out
}

func (custom) Name() string { return "custom" }

func (c custom) Bind(r strategy.Rate) (strategy.Algorithm, error) {
	inner, err := strategy.FixedWindow{}.Bind(r)
	return &customAlgorithm{inner, c}, err
}

type customAlgorithm struct {
	strategy.Algorithm
	custom
}

func (c *customAlgorithm) Decide(s strategy.State, now strategy.Time, h strategy.Hit, charge bool) strategy.Verdict {
	v := c.Algorithm.Decide(s, now, h, charge)
	switch {
	case h.Key == "block" && charge:
		c.entered <- struct{}{}
		<-c.leave
	case h.Key == "panic" && charge, h.Key == "panic on look" && !charge:
		panic("after charging")
	}
	return v
}

// Slot has waiting hits admitted one a second for each cost.
func (c *customAlgorithm) Slot(s strategy.State, now strategy.Time, ahead int64, h strategy.Hit) strategy.Verdict {
	if h.Key == "panic in slot" {
		panic("slot")
	}
	v := c.Algorithm.Decide(s, now, h, false)
	v.Wait += time.Duration(ahead) * time.Second
	return v
}

func (c *customAlgorithm) Stat(s strategy.State, now strategy.Time, h strategy.Hit) strategy.Verdict {
	return c.Algorithm.(strategy.Statistician).Stat(s, now, h)
}

func registry(t testing.TB) *strategy.Registry {
	r, err := strategy.NewRegistry(strategy.KindOf[custom]())
	require.NoError(t, err)
	return r
}
