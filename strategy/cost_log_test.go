package strategy

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sumOf is what counts at now, of charges (instant, cost).
func sumOf(charges [][2]int64, now Time, period int64) (sum int64) {
	for _, c := range charges {
		if int64(now)-c[0] < period {
			sum += c[1]
		}
	}
	return sum
}

// A log sums what is younger than a period, however it has grown, shrunk and moved its memory.
func TestCostLog(t *testing.T) {
	const period = 1000
	var l costLog
	var charges [][2]int64
	random := rand.New(rand.NewPCG(1, 2))
	now := benchStart
	for i := range 20_000 {
		now += Time(random.Int64N(1 + int64(i/500%10)*10)) // crowded and sparse times
		cost := 1 + random.Int64N(5)
		l.add(now, cost, period)
		charges = append(charges, [2]int64{int64(now), cost})
		if i%7 == 0 {
			back := charges[len(charges)-1-random.IntN(min(len(charges), 3))]
			l.refund(Time(back[0]), 1)
			for j := len(charges) - 1; j >= 0; j-- { // any charge of that instant will do
				if charges[j][0] == back[0] && charges[j][1] > 0 {
					charges[j][1]--
					break
				}
			}
		}
		if cut := len(charges) - 3000; cut > 0 {
			charges = charges[cut:]
		}
		at := now + Time(random.Int64N(period))
		require.Equal(t, sumOf(charges, at, period), l.sum(at, period), "step %d", i)
	}
	assert.Less(t, cap(l.entries), 20_000, "memory of entries that no longer count is used again")
}

// A full log merges entries of one slice of the period into the latest of them: they count a slice too long at most.
func TestCostLogThins(t *testing.T) {
	const period = int64(1) << 40
	slice := period/(maxEntries/2) + 1
	var l costLog
	for i := range Time(maxEntries) {
		l.add(i, 1, period)
	}
	require.Len(t, l.entries, maxEntries)
	l.add(maxEntries, 1, period)
	assert.LessOrEqual(t, len(l.entries)-l.first, maxEntries/2+2)
	assert.EqualValues(t, maxEntries+1, l.sum(maxEntries, period), "nothing is forgotten")
	leave := Time(period) + Time(maxEntries)
	assert.EqualValues(t, 0, l.sum(leave+Time(slice), period))
	for i := Time(0); i < maxEntries; i += maxEntries / 16 {
		want := int64(maxEntries - i) // entries from i+1 on
		assert.GreaterOrEqual(t, l.sum(Time(period)+i, period), want)
		assert.LessOrEqual(t, l.sum(Time(period)+i+Time(slice), period), want)
	}
}

// A log that was long gives its memory back.
func TestCostLogShrinks(t *testing.T) {
	const period = 100_000
	var l costLog
	now := benchStart
	for range 100_000 {
		now++
		l.add(now, 1, period)
	}
	for range 200_000 {
		now += period / 10
		l.add(now, 1, period)
	}
	assert.Less(t, cap(l.entries), 200)
	assert.EqualValues(t, 10, l.sum(now, period))
}
