package strategy_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/strategy"
)

// TestSlots: a hit in a line is told to wait just as long as it will have to, if each hit of the line is admitted as
// soon as it fits, in order.
func TestSlots(t *testing.T) {
	forEach(t, func(t *rapid.T, name string) {
		m := drive(t, name)
		h := strategy.NewHit("user:42", m.policy)
		if _, ok := m.records.Slot(strategy.Time(m.now), 0, h); !ok {
			require.NotEqual(t, "leaky_bucket_with_queue", name)
			return
		}
		line, ahead, at := m.clone(t), int64(0), m.now
		for range rapid.IntRange(0, 6).Draw(t, "line") {
			h.Cost = rapid.Int64Range(1, m.limit).Draw(t, "cost")
			slot, _ := m.records.Slot(strategy.Time(m.now), ahead, h)
			at += decide(t, line, at, h, false).Wait.Microseconds()
			require.True(t, decide(t, line, at, h, true).Allowed)
			require.Equal(t, time.Duration(at-m.now)*time.Microsecond, slot.Wait, "%+v: %d behind %d", m.spec, h.Cost, ahead)
			require.Equal(t, at == m.now, slot.Allowed)
			ahead += h.Cost
		}
		h.Cost = m.limit + 1
		never, _ := m.records.Slot(strategy.Time(m.now), ahead, h)
		require.Equal(t, strategy.Never, never.Wait)
	})
}
