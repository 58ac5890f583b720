package node

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/strategy"
)

// Several limits on one key are decided all or nothing, whichever nodes the hits come in at: what the tighter one
// refuses, the others do not count.
func TestSeveralLimitsOverNodes(t *testing.T) {
	nodes := startCluster(t, 3, nil)
	p := strategy.MustPolicy(
		strategy.Limit{Name: "few", Rate: strategy.MustRate("20/day"), Strategy: strategy.TokenBucket{}},
		strategy.Limit{Name: "many", Rate: strategy.MustRate("1000/day"), Strategy: strategy.SlidingWindowLog{}},
	)
	var admitted atomic.Int64
	var work sync.WaitGroup
	for i := range 90 {
		work.Go(func() {
			d, err := nodes[i%3].Hit(t.Context(), strategy.NewHit("k", p))
			if !assert.NoError(t, err) || d.Allowed {
				admitted.Add(1)
				return
			}
			assert.Equal(t, "few", d.LimitedBy)
			assert.Len(t, d.Limits, 2)
		})
	}
	work.Wait()
	assert.EqualValues(t, 20, admitted.Load())
	for _, n := range nodes {
		st, ok, err := n.Stat(t.Context(), strategy.NewHit("k", p))
		require.NoError(t, err)
		require.True(t, ok)
		assert.Equal(t, 980.0, st.Limits[1].Remaining, "refused hits were counted")
		d, err := n.Check(t.Context(), strategy.NewHit("k", p))
		require.NoError(t, err)
		assert.Equal(t, "few", d.LimitedBy)
	}
}

// Hits that wait at different nodes stand in one line at the owner, first in, first out.
func TestOneLineOverNodes(t *testing.T) {
	nodes := startCluster(t, 3, nil)
	const interval = 100 * time.Millisecond
	p := policy("10/s", strategy.GCRA{})
	h := strategy.NewHit("k", p)
	_, err := nodes[0].Hit(t.Context(), h)
	require.NoError(t, err)
	h.MaxWait = 10 * time.Second
	var instants [6]strategy.Time
	var work sync.WaitGroup
	for i := range instants {
		work.Go(func() {
			d, err := nodes[i%3].Hit(t.Context(), h)
			assert.NoError(t, err)
			assert.True(t, d.Allowed)
			instants[i] = d.At
		})
	}
	work.Wait()
	for i, at := range instants {
		for _, other := range instants[:i] {
			assert.GreaterOrEqual(t, max(at-other, other-at), strategy.Time(interval/time.Microsecond), "two at once")
		}
	}
}

// third is a custom strategy: every third hit passes. It encodes its count, and that is all that a cluster needs.
type third struct{}

func (third) Name() string                                   { return "third" }
func (third) Bind(strategy.Rate) (strategy.Algorithm, error) { return third{}, nil }
func (third) New() strategy.State                            { return new(byte) }
func (third) Append(b []byte, s strategy.State) []byte       { return append(b, *s.(*byte)) }
func (third) RecordsRefusals() bool                          { return true }
func (third) Decode(b []byte) (s strategy.State, err error) {
	if len(b) != 1 {
		return nil, assert.AnError
	}
	n := b[0]
	return &n, nil
}

func (third) Decide(s strategy.State, _ strategy.Time, _ strategy.Hit, charge bool) strategy.Verdict {
	n := s.(*byte)
	v := strategy.Verdict{Allowed: *n%3 == 2, Limit: 1}
	if charge {
		*n++
	}
	if !v.Allowed {
		v.Wait = strategy.Never
	}
	return v
}

// A custom strategy decides at the owner for hits from all nodes, and its state moves when the owner leaves.
func TestCustomStrategyOverNodes(t *testing.T) {
	nodes := startCluster(t, 3, func(_ int, c *Config) { c.Strategies = []strategy.Kind{strategy.KindOf[third]()} })
	h := strategy.NewHit("k", policy("1/s", third{}))
	hits := 0
	hit := func(n *Node) {
		d, err := n.Hit(t.Context(), h)
		require.NoError(t, err)
		hits++
		assert.Equal(t, hits%3 == 0, d.Allowed, "hit %d", hits)
	}
	for i := range 10 {
		hit(nodes[i%3])
	}
	owner := nodes[0].Owner("", "k", "").Owner
	var rest []*Node
	for _, n := range nodes {
		if n.Name() == owner {
			require.NoError(t, n.Shutdown(t.Context()))
		} else {
			rest = append(rest, n)
		}
	}
	for i := range 5 {
		hit(rest[i%2])
	}
}
