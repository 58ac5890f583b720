package strategy

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A history is the last costs and their sum, and encodes in order wherever its ring begins.
func TestHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		window := rapid.IntRange(1, 5).Draw(t, "window")
		var h history
		var all []int64
		for _, cost := range rapid.SliceOfN(rapid.Int64Range(1, 3), 0, 12).Draw(t, "costs") {
			h.push(cost, window)
			all = append(all, cost)
		}
		check := func(window int) {
			all = all[max(len(all)-window, 0):]
			sum := int64(0)
			for _, cost := range all {
				sum += cost
			}
			require.Equal(t, sum, h.sum)
			r := reader{b: h.append(nil)}
			back := r.history(window)
			require.True(t, r.done())
			require.Equal(t, sum, back.sum)
			require.True(t, slices.Equal(all, back.inOrder()), "%v, want %v", back.inOrder(), all)
			require.Equal(t, h.append(nil), back.append(nil))
		}
		check(window)
		shorter := rapid.IntRange(0, 5).Draw(t, "shorter")
		h.trim(shorter)
		check(shorter)
	})
}

// A fraction drains exactly: by the time told, and not a microsecond before.
func TestFraction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		large := rapid.OneOf(rapid.Int64Range(1, 100), rapid.Int64Range(1, 1<<62))
		f := fraction{large.Draw(t, "num"), large.Draw(t, "den")}
		a := amount{rapid.Int64Range(0, 1<<60).Draw(t, "whole"), rapid.Int64Range(0, costParts-1).Draw(t, "part")}
		us, ok := f.timeFor(a)
		if !ok || us == 0 {
			return
		}
		gone, fits := f.in(us, true)
		assert.True(t, !fits || !gone.less(a), "%v in %d µs", gone, us)
		gone, fits = f.in(us-1, true)
		assert.True(t, fits && gone.less(a), "%v in %d µs", gone, us-1)
		down, _ := f.in(us-1, false)
		assert.False(t, gone.less(down))
	})
	assert.Equal(t, fraction{1, 2}, fraction{3, 6}.reduced())
	huge := fraction{1 << 62, 3}.times(fraction{1 << 62, 1 << 62})
	assert.False(t, mul(huge.num, 3).less(mul(1<<62, huge.den)), "rounded up")
}
