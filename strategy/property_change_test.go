package strategy_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/strategy"
)

// TestChange: when the policy of a live key changes, what was used stays used, the new limit holds at once, waits stay
// true, and changing back gives nothing back. Guarantee 8.
func TestChange(t *testing.T) {
	forEach(t, func(t *rapid.T, name string) {
		m := drive(t, name)
		m.now = m.latest
		changed := drawSpec(t, name)
		if rapid.Bool().Draw(t, "same period") {
			changed = changed.within(m.period)
		}
		h := strategy.NewHit("user:42", m.policy)
		h.Context = strategy.Context{"priority": "low"} // which sees what all others used
		old := decide(t, m.records, m.now, h, false)
		h.Policy = changed.policy(t)
		now := decide(t, m.records, m.now, h, false)
		fresh := decide(t, &strategy.Records{}, m.now, h, false)
		about := fmt.Sprintf("%+v to %+v at %d: %+v to %+v", m.spec, changed, m.now, old, now)

		if name != "quota_with_rollover" && name != "adaptive_throttle" { // they may be better off than a fresh key
			require.LessOrEqual(t, now.Remaining, fresh.Remaining, about)
		}
		used, left := float64(old.Limit)-old.Remaining, float64(now.Limit)
		grain := 1e-6 * (1 + used)
		if name == "gcra" { // tells of whole hits where it counts parts
			grain++
		}
		shrunk := changed.period < m.period && logs[name] // and what was used before is so no more
		full := m.params["max_queue_size"] != nil         // nothing remains, but not all is used
		if name != "adaptive_throttle" && !shrunk && !full {
			require.LessOrEqual(t, now.Remaining, max(left-used, 0)+grain, about)
		}
		if changed.period == m.period && exactOnChange[name] && old.Remaining > 0 {
			require.InDelta(t, max(left-used, 0), now.Remaining, grain, about)
		}
		h.Cost = rapid.Int64Range(1, now.Limit+1).Draw(t, "cost")
		m.trueWaitAfterChange(t, changed, h)

		// There and back.
		if !m.policy.RecordsRefusals() && !h.Policy.RecordsRefusals() && !shrunk {
			rs := m.clone(t)
			h.Cost = math.MaxInt64
			require.False(t, decide(t, rs, m.now, h, true).Allowed)
			h.Policy, h.Cost = m.policy, 1
			again := decide(t, rs, m.now, h, false)
			require.LessOrEqual(t, again.Remaining, old.Remaining+1e-9*(1+old.Remaining), about)
		}
	})
}

// exactOnChange are the strategies whose used cost carries over as it is, if the period stays.
var exactOnChange = map[string]bool{
	"fixed_window": true, "sliding_window_counter": true, "sliding_window_log": true, "token_bucket": true,
	"leaky_bucket": true, "leaky_bucket_with_queue": true, "token_bucket_with_debt": true,
}

// logs are the strategies that remember single hits.
var logs = map[string]bool{"sliding_window_log": true, "priority_queue": true}

func (m *machine) trueWaitAfterChange(t *rapid.T, changed spec, h strategy.Hit) {
	rs := m.clone(t)
	decide(t, rs, m.now, h, true)
	after := *m
	after.spec, after.policy = changed, h.Policy
	after.trueWait(t, rs, h)
}
