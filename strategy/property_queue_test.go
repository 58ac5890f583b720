package strategy_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/strategy"
)

// TestSlots: a hit in a line is told to wait as long as it will have to, if each hit of the line is admitted as soon as
// it fits, in order. It may take a microsecond more for each hit ahead, which began in a whole one.
func TestSlots(t *testing.T) {
	forEach(t, func(t *rapid.T, name string) {
		m := drive(t, name)
		h := strategy.NewHit("user:42", m.policy)
		if _, ok := m.records.Slot(strategy.Time(m.now), 0, h); !ok {
			require.NotEqual(t, "leaky_bucket_with_queue", name)
			return
		}
		line, ahead, at := m.clone(t), int64(0), m.now
		for i := range rapid.Int64Range(0, 6).Draw(t, "line") {
			h.Cost = rapid.Int64Range(1, m.limit).Draw(t, "cost")
			slot, _ := m.records.Slot(strategy.Time(m.now), ahead, h)
			at += decide(t, line, at, h, false).Wait.Microseconds()
			require.True(t, decide(t, line, at, h, true).Allowed)
			told := slot.Wait.Microseconds()
			require.LessOrEqual(t, told, at-m.now, "%+v: %d behind %d", m.spec, h.Cost, ahead)
			require.GreaterOrEqual(t, told+i, at-m.now, "%+v: %d behind %d", m.spec, h.Cost, ahead)
			require.Equal(t, told == 0, slot.Allowed)
			ahead += h.Cost
		}
		h.Cost = m.limit + 1
		never, _ := m.records.Slot(strategy.Time(m.now), ahead, h)
		require.Equal(t, strategy.Never, never.Wait)
	})
}
