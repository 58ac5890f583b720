package node

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/strategy"
)

// dozing is a FixedWindow during whose next charge the process is suspended for two seconds, as its clock shows.
type dozing struct{}

var (
	dozeNext atomic.Bool
	dozed    atomic.Int64 // µs
)

func (dozing) Name() string { return "dozing" }

func (dozing) Bind(r strategy.Rate) (strategy.Algorithm, error) {
	a, err := strategy.FixedWindow{}.Bind(r)
	return dozingAlgorithm{a}, err
}

type dozingAlgorithm struct{ strategy.Algorithm }

func (a dozingAlgorithm) Decide(s strategy.State, now strategy.Time, h strategy.Hit, charge bool) strategy.Verdict {
	if charge && dozeNext.CompareAndSwap(true, false) {
		dozed.Add(2_000_000)
	}
	return a.Algorithm.Decide(s, now, h, charge)
}

func (a dozingAlgorithm) Stat(s strategy.State, now strategy.Time, h strategy.Hit) strategy.Verdict {
	return a.Algorithm.(strategy.Statistician).Stat(s, now, h)
}

// startDozer starts a node whose clock shows when it has dozed.
func startDozer(t *testing.T, u Unreachable) *Node {
	real := clock()
	return startNode(t, Config{
		Name: "dozer", GossipAddr: "127.0.0.1:0", ClusterAddr: "127.0.0.1:0", OnUnreachable: u,
		Strategies: []strategy.Kind{strategy.KindOf[dozing]()}, Logger: slog.New(slog.DiscardHandler), Timeout: 10 * time.Second,
		now: func() strategy.Time { return real() + strategy.Time(dozed.Load()) },
	})
}

// Guarantee 11, for those who ask this node itself: the answer is that of the unreachable policy.
func TestSuspendedWhileItDecides(t *testing.T) {
	h := strategy.NewHit("k", policy("3/day", dozing{}))
	t.Run("error", func(t *testing.T) {
		n := startDozer(t, Fail)
		dozeNext.Store(true)
		_, err := n.Hit(t.Context(), h)
		require.ErrorIs(t, err, ErrUnreachable)
		require.ErrorContains(t, err, "suspended")
		d, err := n.Hit(t.Context(), h)
		require.NoError(t, err, "nobody has taken over meanwhile")
		assert.InDelta(t, 1, d.Remaining, 0, "what was charged stays so")
	})
	t.Run("deny", func(t *testing.T) {
		n := startDozer(t, DenyAll)
		dozeNext.Store(true)
		d, err := n.Hit(t.Context(), h)
		require.NoError(t, err)
		assert.True(t, !d.Allowed && d.Degraded)
	})
}

// Guarantee 11, for other nodes: they are told that nobody is known to decide, and ask again by the same id.
func TestSuspendedWhileItDecidesForAnother(t *testing.T) {
	owner := startDozer(t, Fail)
	asks := startNode(t, Config{
		Name: "lite", Role: Lite, GossipAddr: "127.0.0.1:0", ClusterAddr: "127.0.0.1:0", Join: []string{owner.GossipAddr()},
		OnUnreachable: Fail, Timeout: 10 * time.Second, Strategies: []strategy.Kind{strategy.KindOf[dozing]()},
		Logger: slog.New(slog.DiscardHandler),
	})
	require.Eventually(t, asks.Ready, 10*time.Second, 10*time.Millisecond)
	h := strategy.NewHit("k", policy("3/day", dozing{}))
	dozeNext.Store(true)
	before := asks.Stats()
	d, err := asks.Hit(t.Context(), h)
	require.NoError(t, err)
	require.True(t, d.Allowed)
	after := asks.Stats()
	assert.Greater(t, after.Redirected+after.Retried, before.Redirected+before.Retried, "the first answer was not released")
	d, err = asks.Hit(t.Context(), h)
	require.NoError(t, err)
	assert.InDelta(t, 1, d.Remaining, 0, "it was charged once")
}
