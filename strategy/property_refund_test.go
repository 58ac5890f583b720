package strategy_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/strategy"
)

// TestRefund: a refund is visible at once, never above full, and gives nothing to a later window than that of the
// charge. Guarantee 10.
func TestRefund(t *testing.T) {
	forEach(t, func(t *rapid.T, name string) {
		m := drive(t, name)
		h := m.hit(t)
		before := decide(t, m.records, m.now, h, false)
		d := decide(t, m.records, m.now, h, true)
		if !d.Allowed {
			return
		}
		kept := m.clone(t)
		require.NoError(t, m.records.Refund(d.At, strategy.Time(m.now), h))
		after := decide(t, m.records, m.now, h, false)
		require.GreaterOrEqual(t, after.Remaining, d.Remaining, "%+v", m.spec)
		require.LessOrEqual(t, after.Remaining, before.Remaining, "%+v: more than there had been", m.spec)
		partial := name == "adaptive_throttle" || m.params["max_queue_size"] != nil // a reduction or a place is kept
		if !partial && m.now == m.latest {
			require.Equal(t, before.Remaining, after.Remaining, "%+v: not all came back", m.spec)
		}

		// The other one is refunded when its window is gone.
		if windowed[name] {
			m.now = (floorDiv(m.now, m.period) + 1 + rapid.Int64Range(0, 2).Draw(t, "windows")) * m.period
			if m.now <= m.latest {
				return
			}
			want := decide(t, kept, m.now, h, false)
			require.NoError(t, kept.Refund(d.At, strategy.Time(m.now), h))
			require.Equal(t, want.Verdict, decide(t, kept, m.now, h, false).Verdict, "%+v: given to a later window", m.spec)
		}
	})
}

// windowed are the strategies in whose windows nothing is left of the one before.
var windowed = map[string]bool{
	"fixed_window": true, "tiered_rate": true, "time_of_day": true, "adaptive_throttle": true, "quota_with_rollover": true,
}

// TestRefundNeverAboveFull: whatever is given back, and however often, no more fits than with a key never seen. Guarantee 10.
func TestRefundNeverAboveFull(t *testing.T) {
	forEach(t, func(t *rapid.T, name string) {
		m := drive(t, name)
		m.now = m.latest
		for range rapid.IntRange(1, 5).Draw(t, "refunds") {
			h := m.hit(t)
			charged := strategy.Time(m.now)
			if len(m.charges) > 0 {
				charged = strategy.Time(rapid.SampledFrom(m.charges).Draw(t, "charge").at)
			}
			require.NoError(t, m.records.Refund(charged, strategy.Time(m.now), h))
			h.Cost = 1
			d, fresh := decide(t, m.records, m.now, h, false), decide(t, &strategy.Records{}, m.now, h, false)
			require.LessOrEqual(t, d.Remaining, float64(d.Limit), "%+v", m.spec)
			if name != "quota_with_rollover" {
				require.LessOrEqual(t, d.Remaining, fresh.Remaining, "%+v", m.spec)
			}
		}
	})
}

// TestRefundOfWhole: the part of a token that has not drained yet is not given back with the whole ones.
func TestRefundOfWhole(t *testing.T) {
	for _, name := range []string{"token_bucket", "leaky_bucket", "leaky_bucket_with_queue", "token_bucket_with_debt"} {
		if !slices.Contains(known(t), name) {
			continue
		}
		s := spec{name: name, limit: 10, period: second}
		h, rs := strategy.NewHit("k", s.policy(t)), &strategy.Records{}
		h.Cost = 5
		decide(t, rs, firstDay, h, true)
		now := firstDay + second/20
		for _, c := range []struct {
			back int64
			left float64
		}{{1, 6.5}, {3, 9.5}, {1, 10}} {
			h.Cost = c.back
			require.NoError(t, rs.Refund(strategy.Time(firstDay), strategy.Time(now), h))
			require.InDelta(t, c.left, decide(t, rs, now, h, false).Remaining, 1e-9, "%s: %+v", name, c)
		}
	}
}
