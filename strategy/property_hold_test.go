package strategy_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/strategy"
)

// TestRefusalsHold: where a policy says so, a refusal holds until its wait is over, for every hit of its class that
// costs as much or more, whatever else is charged meanwhile. Guarantee 11.
func TestRefusalsHold(t *testing.T) {
	forEach(t, func(t *rapid.T, name string) {
		m := drive(t, name)
		m.back, m.refunds = false, false
		h := m.hit(t)
		class, holds := m.policy.Class(h)
		if m.policy.RecordsRefusals() || name == "cost_based_token_bucket" {
			require.False(t, holds)
			return
		}
		d := decide(t, m.records, m.now, h, true)
		if d.Allowed || !holds {
			return
		}
		end := m.now + 3*m.period
		if d.Wait != strategy.Never {
			end = m.now + d.Wait.Microseconds()
		}
		for range rapid.IntRange(1, 8).Draw(t, "meanwhile") {
			if m.now += rapid.Int64Range(0, end-m.now-1).Draw(t, "later"); m.now >= end {
				break
			}
			other := m.hit(t)
			if c, ok := m.policy.Class(other); ok && c == class {
				other.Cost = max(other.Cost, h.Cost)
				require.False(t, decide(t, m.records, m.now, other, false).Allowed, "%+v: %d after %d, wait %v", m.spec, other.Cost, h.Cost, d.Wait)
			}
			m.ask(t, m.hit(t), true)
			require.False(t, decide(t, m.records, m.now, h, false).Allowed, "%+v: cost %d, wait %v", m.spec, h.Cost, d.Wait)
		}
	})
}

// Why two kinds of refusals do not hold.
func TestRefusalsThatEndEarly(t *testing.T) {
	for _, c := range []struct {
		name   string
		limit  strategy.Limit
		at     int64 // from the first charge
		cost   int64 // that is refused
		before int64 // charged before
	}{
		{"cheap hits refill faster", strategy.Limit{Rate: strategy.MustRate("100/s"), Strategy: strategy.CostBasedTokenBucket{CostWindow: 2}}, 900_000, 100, 100},
		{"a quiet period rolls over", strategy.Limit{Rate: strategy.MustRate("10/s"), Strategy: strategy.QuotaWithRollover{}}, 999_000, 12, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, rs := strategy.MustPolicy(c.limit), &strategy.Records{}
			hit := func(at, cost int64, charge bool) strategy.Decision {
				h := strategy.NewHit("k", p)
				h.Cost = cost
				return decide(t, rs, firstDay+at, h, charge)
			}
			hit(0, c.before, true)
			refused := hit(c.at, c.cost, true)
			require.False(t, refused.Allowed)
			h := strategy.NewHit("k", p)
			h.Cost = c.cost
			_, holds := p.Class(h)
			assert.False(t, holds)
			for range 2 {
				require.True(t, hit(c.at, 1, true).Allowed)
			}
			early := c.at + second
			if refused.Wait != strategy.Never {
				early = min(early, c.at+refused.Wait.Microseconds()-1)
			}
			assert.True(t, hit(early, c.cost, false).Allowed, "it was refused for %v", refused.Wait)
		})
	}
}

// Of several limits, all must hold, and each class counts.
func TestClassOfSeveral(t *testing.T) {
	tiers := strategy.Limit{Name: "tier", Rate: strategy.MustRate("10/s"), Strategy: strategy.TieredRate{}}
	queue := strategy.Limit{Name: "queue", Rate: strategy.MustRate("10/s"), Strategy: strategy.PriorityQueue{}}
	p := strategy.MustPolicy(tiers, queue, strategy.Limit{Name: "none", Rate: strategy.Unlimited()})
	classes := map[int64]bool{}
	for _, tier := range []string{"free", "premium", "unknown"} {
		for priority := range int64(4) {
			h := strategy.NewHit("k", p)
			h.Context = strategy.Context{"tier": tier, "priority": priority + 1, "trace": "x"}
			class, ok := p.Class(h)
			require.True(t, ok)
			classes[class] = true
		}
	}
	assert.Len(t, classes, 2*4, "an unknown tier is that of free")
	for _, s := range []strategy.Strategy{
		strategy.CostBasedTokenBucket{}, strategy.AdaptiveThrottle{}, strategy.FixedWindow{CountRejected: true},
	} {
		p := strategy.MustPolicy(tiers, strategy.Limit{Name: "x", Rate: strategy.MustRate("1/s"), Strategy: s})
		h := strategy.NewHit("k", p)
		_, ok := p.Class(h)
		assert.False(t, ok, s.Name())
	}
}
