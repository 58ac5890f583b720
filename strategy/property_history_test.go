package strategy_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/strategy"
)

// TestHistoryOfCosts: the refill follows the average of the last costs that were allowed, of no older ones and of no
// fewer, until a hundred idle periods have made the key a new one.
func TestHistoryOfCosts(t *testing.T) {
	s := spec{name: "cost_based_token_bucket", limit: 100, period: second,
		params: map[string]any{"cost_window": int64(2), "min_refill_rate": 0.01}}
	for _, c := range []struct {
		costs []int64
		gap   int64   // between the costs
		speed float64 // of the refill, as a part of the rate
	}{
		{[]int64{10}, 0, 1. / 10},
		{[]int64{10, 30}, 0, 1. / 20},
		{[]int64{10, 30, 20}, 0, 1. / 25},
		{[]int64{40, 1, 1}, 0, 1},
		{[]int64{40, 1, 3, 1}, 0, 1. / 2},
		{[]int64{10, 50}, 20 * second, 1. / 30},
		{[]int64{10, 50}, 99 * second, 1. / 30},
		{[]int64{10, 50}, 100 * second, 1. / 50},
	} {
		h, rs := strategy.NewHit("k", s.policy(t)), &strategy.Records{}
		now := firstDay - c.gap
		for _, cost := range c.costs {
			now += c.gap
			h.Cost = cost
			require.True(t, decide(t, rs, now, h, true).Allowed, "%+v", c)
		}
		before := decide(t, rs, now, h, false).Remaining
		after := decide(t, rs, now+second/10, h, false).Remaining
		assert.InDelta(t, 10*c.speed, after-before, 1e-9, "%+v", c)
	}
}
