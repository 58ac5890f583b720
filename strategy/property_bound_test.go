package strategy_test

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/strategy"
)

// TestBounded: in no interval is more admitted than the documented bound, whatever arrives when, and wherever the clock
// steps. The clock of a bound does not go back. Guarantee 5.
func TestBounded(t *testing.T) {
	forEach(t, func(t *rapid.T, name string) {
		m := newMachine(t, drawSpec(t, name))
		m.refunds = false
		m.steps(t, rapid.IntRange(5, 40).Draw(t, "steps"))
		switch name {
		case "sliding_window_log":
			m.boundPeriods(t, 1, m.limit)
		case "priority_queue":
			for class := int64(strategy.Low); class <= strategy.Critical; class++ {
				m.boundPeriods(t, int(class), (5-class)*m.limit)
			}
		case "sliding_window_counter":
			m.boundWindows(t, m.limit)
			m.boundPeriods(t, 0, 2*m.limit)
		case "fixed_window", "adaptive_throttle":
			m.boundWindows(t, m.limit)
		case "tiered_rate":
			m.boundWindows(t, m.largest(10, m.params["tier_multipliers"]))
		case "time_of_day":
			m.boundWindows(t, m.largest(2, m.params["time_windows"]))
		case "quota_with_rollover":
			share := int64(float64(m.limit) * m.number("rollover_percentage", 0.5))
			m.boundWindows(t, m.limit+min(share, m.integer("max_rollover", 500)))
		case "cost_based_token_bucket":
			fastest := max(m.number("min_refill_rate", 0.5), 1)
			m.boundRuns(t, ratInt(newCostOracle(m.spec).size()), new(big.Rat).SetFloat64(fastest), big.NewRat(1, 1<<32))
		default:
			m.boundRuns(t, newMeterOracle(m.spec).size(), ratInt(1), new(big.Rat))
		}
	})
}

// largest is the limit times the largest of the multipliers, or of what they default to.
func (m *machine) largest(most float64, multipliers any) int64 {
	switch ms := multipliers.(type) {
	case map[string]float64:
		most = 0
		for _, f := range ms {
			most = max(most, f)
		}
	case [][3]float64:
		most = 1 // of the hours in no window
		for _, w := range ms {
			most = max(most, w[2])
		}
	}
	return int64(float64(m.limit) * most)
}

// boundWindows: in each aligned window at most limit.
func (m *machine) boundWindows(t *rapid.T, limit int64) {
	sums := map[int64]int64{}
	for _, c := range m.charges {
		w := floorDiv(c.reached, m.period)
		sums[w] += c.hit.Cost
		require.LessOrEqual(t, sums[w], limit, "%+v: window %d", m.spec, w)
	}
}

// boundPeriods: in each period that ends with a charge at most limit, of what has at least the priority class.
func (m *machine) boundPeriods(t *rapid.T, class int, limit int64) {
	for i, last := range m.charges {
		sum := int64(0)
		for _, c := range m.charges[:i+1] {
			if c.reached > last.reached-m.period && (class <= 1 || newLogOracle(m.spec).priority(c.hit) >= class) {
				sum += c.hit.Cost
			}
		}
		require.LessOrEqual(t, sum, limit, "%+v: the period until %d, priority %d", m.spec, last.reached, class)
	}
}

// boundRuns: in each interval at most the capacity and what the rate, times speed, makes of its length, with some
// grain for each charge.
func (m *machine) boundRuns(t *rapid.T, capacity, speed, grain *big.Rat) {
	speed = new(big.Rat).Mul(speed, m.perMicrosecond())
	for i, first := range m.charges {
		sum := new(big.Rat)
		for _, c := range m.charges[i:] {
			sum.Add(sum, ratInt(c.hit.Cost)).Sub(sum, grain)
			bound := new(big.Rat).Mul(speed, ratInt(c.reached-first.reached))
			bound.Add(bound, capacity)
			require.LessOrEqual(t, sum.Cmp(bound), 0, "%+v: from %d to %d", m.spec, first.reached, c.reached)
		}
	}
}

// TestClockBack: a clock that goes back, before or behind a charge, makes nothing fit that did not. Guarantee 5.
func TestClockBack(t *testing.T) {
	forEach(t, func(t *rapid.T, name string) {
		m := drive(t, name)
		if name == "time_of_day" || name == "adaptive_throttle" {
			return // their limit may have been larger before; the oracle judges them
		}
		h := m.hit(t)
		back := rapid.Int64Range(0, 3*m.period).Draw(t, "back by")
		if decide(t, m.records, m.now-back, h, false).Allowed {
			require.True(t, decide(t, m.records, m.now, h, false).Allowed, "%+v: cost %d fits %d µs before %d only", m.spec, h.Cost, back, m.now)
		}
	})
}

// TestLongLog: a log that is longer than it may be admits no more than one that is exact, and nothing sooner.
func TestLongLog(t *testing.T) {
	const longest = 1 << 20
	s := spec{name: "sliding_window_log", limit: 2 * longest, period: 4 * second}
	h, rs := strategy.NewHit("k", s.policy(t)), &strategy.Records{}
	for i := range int64(longest + 2) {
		decide(t, rs, firstDay+i, h, true)
	}
	now := firstDay + longest + 1
	d := decide(t, rs, now, h, false)
	require.Equal(t, float64(longest-2), d.Remaining)
	for _, left := range []int64{1, 1000, longest / 2} {
		at := firstDay + left + s.period // when so many have left, and one more is about to
		got := decide(t, rs, at-1, h, false).Remaining
		require.LessOrEqual(t, got, float64(longest-2+left))
		require.Greater(t, got, float64(longest-2+left-16), "merged more than a slice")
	}
}
