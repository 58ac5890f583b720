package strategy_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/strategy"
)

// TestSeveral: several limits admit what each of them would, all or nothing, and name one that refuses, with the
// longest wait. Guarantee 9.
func TestSeveral(t *testing.T) {
	names := known(t)
	rapid.Check(t, func(t *rapid.T) {
		var limits []strategy.Limit
		var single []*machine
		for i := range rapid.IntRange(2, 4).Draw(t, "limits") {
			s := drawSpec(t, rapid.SampledFrom(names).Draw(t, "strategy"))
			limits = append(limits, strategy.Limit{Name: fmt.Sprintf("limit %d", i), Rate: s.rate(), Strategy: s.strategy(t)})
			single = append(single, newMachine(t, s))
		}
		policy, err := strategy.NewPolicy(limits...)
		require.NoError(t, err)
		lead := single[0]
		var rs strategy.Records
		for range rapid.IntRange(1, 15).Draw(t, "steps") {
			lead.move(t)
			h := lead.hit(t)
			h.Cost = min(h.Cost, rapid.Int64Range(1, 20).Draw(t, "at most"))
			want, longest := true, int64(0)
			for _, m := range single {
				h.Policy = m.policy
				d := decide(t, m.records, lead.now, h, false)
				want = want && d.Allowed
				longest = int64(max(uint64(longest), uint64(d.Wait))) // Never is the longest
			}
			before := rs.Append(nil)
			h.Policy = policy
			check := decide(t, &rs, lead.now, h, false)
			require.Equal(t, before, rs.Append(nil), "asking changed the state")
			d := decide(t, &rs, lead.now, h, true)
			require.Equal(t, want, d.Allowed)
			require.Equal(t, want, check.Allowed)
			require.Len(t, d.Limits, len(limits))
			if !policy.RecordsRefusals() && !want {
				require.Equal(t, longest, int64(d.Wait))
				if len(before) > 1 {
					require.Equal(t, before, rs.Append(nil), "a refusal consumed something")
				}
			}
			for i, m := range single {
				h.Policy = m.policy
				alone := decide(t, m.records, lead.now, h, false)
				require.Equal(t, alone.Allowed, check.Limits[i].Allowed)
				if alone.Allowed == want {
					alone = decide(t, m.records, lead.now, h, true)
				}
				require.Equal(t, alone.Verdict, d.Limits[i].Verdict, "limit %d", i)
				if d.LimitedBy == d.Limits[i].Name {
					require.False(t, alone.Allowed, "%s did not refuse", d.LimitedBy)
					require.Equal(t, alone.Wait, d.Wait)
				}
			}
			require.Equal(t, want, d.LimitedBy == "")
			for _, m := range single {
				require.LessOrEqual(t, m.records.NeutralAt(), rs.NeutralAt())
			}
		}
	})
}

// TestSeveralNameTheLongestWait: of limits that refuse, the one that refuses longest is named, and never is longest.
func TestSeveralNameTheLongestWait(t *testing.T) {
	limit := func(name, rate string) strategy.Limit {
		return strategy.Limit{Name: name, Rate: strategy.MustRate(rate)}
	}
	for _, c := range []struct {
		limits []strategy.Limit
		cost   int64
		by     string
		wait   time.Duration
	}{
		{[]strategy.Limit{limit("short", "5/s"), limit("long", "5/min")}, 2, "long", time.Minute},
		{[]strategy.Limit{limit("long", "5/min"), limit("short", "5/s")}, 2, "long", time.Minute},
		{[]strategy.Limit{limit("never", "5/s"), limit("long", "9/min")}, 6, "never", strategy.Never},
		{[]strategy.Limit{limit("long", "9/min"), limit("never", "5/s")}, 6, "never", strategy.Never},
		{[]strategy.Limit{limit("free", "50/s"), limit("short", "5/s"), limit("wide", "90/min")}, 2, "short", time.Second},
	} {
		p, err := strategy.NewPolicy(c.limits...)
		require.NoError(t, err)
		h, rs := strategy.NewHit("k", p), &strategy.Records{}
		h.Cost = 4
		require.True(t, decide(t, rs, firstDay, h, true).Allowed)
		h.Cost = c.cost
		d := decide(t, rs, firstDay, h, true)
		require.Equal(t, c.by, d.LimitedBy)
		require.Equal(t, c.wait, d.Wait)
	}
}
