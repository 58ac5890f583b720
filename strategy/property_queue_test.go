package strategy_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/strategy"
)

// slotted are the strategies that tell slots. A window may be left by hits that do not fill it.
var slotted = map[string]struct{ whole bool }{
	"fixed_window": {false}, "token_bucket": {true}, "token_bucket_with_debt": {true}, "gcra": {true},
	"leaky_bucket": {true}, "leaky_bucket_with_queue": {true},
}

// TestSlots: a hit in a line is told to wait as long as it will have to, if each hit of the line is admitted as soon as
// it fits, in order. It may take a microsecond more for each hit ahead, which began in a whole one. Guarantee 3.
func TestSlots(t *testing.T) {
	forEach(t, func(t *rapid.T, name string) {
		m := drive(t, name)
		h := strategy.NewHit("user:42", m.policy)
		if _, ok := m.records.Slot(strategy.Time(m.now), 0, h); !ok {
			require.NotContains(t, slotted, name)
			return
		}
		units := rapid.Bool().Draw(t, "units") // which leave no window early
		line, ahead, at := m.clone(t), int64(0), m.now
		capacity := decide(t, line, at, h, false).Limit
		for i := range rapid.Int64Range(0, 6).Draw(t, "line") {
			if capacity == 0 {
				return
			}
			h.Cost = rapid.Int64Range(1, capacity).Draw(t, "cost")
			if units {
				h.Cost = 1
			}
			slot, _ := m.records.Slot(strategy.Time(m.now), ahead, h)
			at += decide(t, line, at, h, false).Wait.Microseconds()
			require.True(t, decide(t, line, at, h, true).Allowed)
			told := slot.Wait.Microseconds()
			require.LessOrEqual(t, told, at-m.now, "%+v: %d behind %d", m.spec, h.Cost, ahead)
			if units || slotted[name].whole {
				require.GreaterOrEqual(t, told+i, at-m.now, "%+v: %d behind %d", m.spec, h.Cost, ahead)
			}
			require.Equal(t, told == 0, slot.Allowed)
			ahead += h.Cost
		}
		h.Cost = capacity + 1
		never, _ := m.records.Slot(strategy.Time(m.now), ahead, h)
		require.Equal(t, strategy.Never, never.Wait)
	})
}
