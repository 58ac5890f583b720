package strategy_test

import (
	"math/big"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/strategy"
)

// forEach runs a property for each of the named strategies, or for every one.
func forEach(t *testing.T, property func(t *rapid.T, name string), names ...string) {
	for _, name := range known(t) {
		if len(names) == 0 || slices.Contains(names, name) {
			t.Run(name, rapid.MakeCheck(func(t *rapid.T) { property(t, name) }))
		}
	}
}

// known are the names of the strategies that there are.
func known(t require.TestingT) []string {
	r, err := strategy.NewRegistry()
	require.NoError(t, err)
	return r.Names()
}

// TestOracle: whatever happens to a key, the strategy and its definition agree: on what is admitted, on waits to the
// microsecond, on what remains and on the limit. Guarantees 2 to 5.
func TestOracle(t *testing.T) {
	forEach(t, func(t *rapid.T, name string) {
		m := newMachine(t, drawSpec(t, name))
		m.judge = m.oracle()
		m.steps(t, rapid.IntRange(1, 30).Draw(t, "steps"))
	})
}

func (m *machine) compare(t *rapid.T, want answer, got strategy.Verdict, h strategy.Hit, charged bool) {
	require.Equal(t, want.allowed, got.Allowed, "%+v: cost %d at %d, room %v", m.spec, h.Cost, m.now, want.room)
	require.Equal(t, want.wait, got.Wait, "%+v: the wait of cost %d at %d (charged: %v)", m.spec, h.Cost, m.now, charged)
	require.Equal(t, want.limit, got.Limit, "%+v: the limit at %d", m.spec, m.now)
	m.compareRoom(t, want.room, got.Remaining)
}

// compareRoom wants what remains to 1e-9 of it.
func (m *machine) compareRoom(t *rapid.T, want *big.Rat, got float64) {
	off := new(big.Rat).SetFloat64(got)
	require.NotNil(t, off, "%+v: remaining %v", m.spec, got)
	off.Sub(off, want).Abs(off)
	tolerance := new(big.Rat).Add(want, ratInt(1))
	tolerance.Mul(tolerance, big.NewRat(1, 1_000_000_000))
	require.LessOrEqual(t, off.Cmp(tolerance), 0, "%+v: remaining %v at %d, want %v", m.spec, got, m.now, want.FloatString(12))
}

// allStrategies are the fourteen, in the order of the contract.
var allStrategies = []string{
	"fixed_window", "sliding_window_counter", "sliding_window_log", "token_bucket", "token_bucket_with_debt",
	"leaky_bucket", "leaky_bucket_with_queue", "gcra", "tiered_rate", "adaptive_throttle", "priority_queue",
	"quota_with_rollover", "time_of_day", "cost_based_token_bucket",
}

// TestAllStrategies: every strategy that the oracles judge is there, and none that they do not.
func TestAllStrategies(t *testing.T) {
	require.ElementsMatch(t, allStrategies, known(t))
}
