package strategy_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/strategy"
)

// TestDecodeOfDamage: records damaged on their way are refused, or are records like others: they can be moved,
// what remains is between nothing and the limit, and waits are true. Guarantee 7.
func TestDecodeOfDamage(t *testing.T) {
	registry, err := strategy.NewRegistry()
	require.NoError(t, err)
	forEach(t, func(t *rapid.T, name string) {
		m := drive(t, name)
		b := m.records.Append(nil)
		for range rapid.IntRange(1, 3).Draw(t, "damages") {
			i := rapid.IntRange(0, len(b)-1).Draw(t, "at")
			switch rapid.IntRange(0, 2).Draw(t, "damage") {
			case 0:
				b[i] = rapid.Byte().Draw(t, "byte")
			case 1:
				b = append(b[:i], b[i+1:]...)
			case 2:
				b[len(b)-1-i/4] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			}
			if len(b) == 0 {
				return
			}
		}
		rs, err := registry.DecodeRecords(b)
		if err != nil {
			return
		}
		again := rs.Append(nil)
		require.Equal(t, again, decode(t, again).Append(nil))
		h := m.hit(t)
		d := decide(t, rs, m.now, h, false)
		require.GreaterOrEqual(t, d.Remaining, 0.0)
		if name != "adaptive_throttle" { // its limit is what h leads to, which may cost more than what remains
			require.LessOrEqual(t, d.Remaining, float64(d.Limit))
		}
		decide(t, rs, m.now, h, true) // from here on under the policy of the hit, if the damage was in the policy
		m.trueWait(t, rs, h)
		rs.NeutralAt()
	})
}
