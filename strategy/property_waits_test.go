package strategy_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/strategy"
)

// TestWaitsAreTrue: a refused hit is refused at any time before its wait is over, and admitted when it is over, if
// nothing else happens. Never is never. Guarantee 3.
func TestWaitsAreTrue(t *testing.T) {
	forEach(t, func(t *rapid.T, name string) {
		m := drive(t, name)
		h := m.hit(t)
		m.trueWait(t, m.clone(t), h)
		charged := m.clone(t)
		decide(t, charged, m.now, h, true)
		m.trueWait(t, charged, h)
	})
}

// longestWait is what a time.Duration can say in whole microseconds, 292 years. Only a policy that shrank a lot under what
// was used makes waits that long.
const longestWait = math.MaxInt64 / 1000 * time.Microsecond

// trueWait holds what a check of h says of its wait against what becomes of it.
func (m *machine) trueWait(t *rapid.T, rs *strategy.Records, h strategy.Hit) {
	d := decide(t, rs, m.now, h, false)
	if d.Allowed {
		require.Zero(t, d.Wait)
		return
	}
	if d.Wait == longestWait {
		return // and in fact longer
	}
	later := 5*m.period + 2*day
	if d.Wait != strategy.Never {
		require.Positive(t, d.Wait, "%+v: cost %d at %d", m.spec, h.Cost, m.now)
		later = d.Wait.Microseconds() - 1
		at := decide(t, rs, m.now+d.Wait.Microseconds(), h, false)
		require.True(t, at.Allowed, "%+v: cost %d at %d, after the wait %v: %+v", m.spec, h.Cost, m.now, d.Wait, at)
	}
	for _, after := range []int64{later, rapid.Int64Range(0, later).Draw(t, "before the end")} {
		before := decide(t, rs, m.now+after, h, false)
		require.False(t, before.Allowed, "%+v: cost %d at %d, wait %v, %d µs later", m.spec, h.Cost, m.now, d.Wait, after)
	}
}

// TestRemainingIsTrue: a hit may cost all that remains, rounded down, and no more; check says what hit does; stat says
// what a hit of cost 1 would be told; none but a charged hit changes a byte. Guarantee 4.
func TestRemainingIsTrue(t *testing.T) {
	forEach(t, func(t *rapid.T, name string) {
		m := drive(t, name)
		h := m.hit(t)
		encoded := m.records.Append(nil)
		check, err := m.records.Check(strategy.Time(m.now), h)
		require.NoError(t, err)
		h.Cost = max(int64(check.Remaining), 0)
		if h.Cost > 0 {
			require.True(t, decide(t, m.records, m.now, h, false).Allowed, "%+v: all of %v", m.spec, check.Remaining)
			all := decide(t, m.clone(t), m.now, h, true)
			require.True(t, all.Allowed)
			require.Less(t, all.Remaining, 1.0, "%+v: after all of %v", m.spec, check.Remaining)
		}
		h.Cost++
		require.False(t, decide(t, m.records, m.now, h, false).Allowed, "%+v: more than %v", m.spec, check.Remaining)

		h.Cost = 1
		one := decide(t, m.records, m.now, h, false)
		st, ok, err := m.records.Stat(strategy.Time(m.now), h)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, one.Verdict, strategy.Verdict{Allowed: st.Wait == 0, Remaining: st.Remaining, Wait: st.Wait, Limit: st.Limit})
		require.Equal(t, encoded, m.records.Append(nil), "%+v: asking changed the state", m.spec)
	})
}

// TestCheckAgreesWithHit: what check says of a cost is what a hit of it gets, and a refusal changes nothing unless the
// policy says so. Guarantees 2 and 4.
func TestCheckAgreesWithHit(t *testing.T) {
	forEach(t, func(t *rapid.T, name string) {
		m := drive(t, name)
		h := m.hit(t)
		check, err := m.records.Check(strategy.Time(m.now), h)
		require.NoError(t, err)
		before := m.records.Append(nil)
		hit := decide(t, m.records, m.now, h, true)
		require.Equal(t, check.Allowed, hit.Allowed, "%+v: cost %d at %d", m.spec, h.Cost, m.now)
		if !hit.Allowed && !m.policy.RecordsRefusals() {
			require.Equal(t, check.Verdict, hit.Verdict)
			if len(before) > 1 { // a refusal may make an empty record
				require.Equal(t, before, m.records.Append(nil), "%+v: a refusal changed the state", m.spec)
			}
		}
	})
}

// TestRemainingIsRoundedDown: near a whole number that float64 can hardly tell from its neighbours, what remains is
// still not above what fits. Guarantee 4.
func TestRemainingIsRoundedDown(t *testing.T) {
	for _, s := range []spec{
		{name: "token_bucket", limit: 999_999, period: second, params: map[string]any{"burst_size": int64(1 << 50)}},
		{name: "token_bucket", limit: 1<<53 + 4, period: day},
		{name: "leaky_bucket", limit: 1<<53 - 1, period: hourMicros},
		{name: "sliding_window_counter", limit: 1<<53 + 1, period: day},
		{name: "cost_based_token_bucket", limit: 999_999, period: second, params: map[string]any{"burst_size": int64(1 << 50)}},
	} {
		if !slices.Contains(known(t), s.name) {
			continue
		}
		p, rs := s.policy(t), &strategy.Records{}
		for i := range int64(50) {
			at := firstDay + day - 25 + i
			h := strategy.NewHit("k", p)
			h.Cost = 1 + i%3
			decide(t, rs, at, h, true)
			h.Cost = int64(decide(t, rs, at, h, false).Remaining)
			assert.True(t, decide(t, rs, at, h, false).Allowed, "%s of %d: all that remains, %d", s.name, s.limit, h.Cost)
		}
	}
}

// TestHugeCosts: no cost overflows anything, at no capacity.
func TestHugeCosts(t *testing.T) {
	for _, name := range known(t) {
		for _, s := range []spec{
			{name: name, limit: 1_000_000, period: day},
			{name: name, limit: 2, period: hundredYr / 2},
			{name: name, limit: 2, period: 1000},
		} {
			p, rs := s.policy(t), &strategy.Records{}
			h := strategy.NewHit("k", p)
			decide(t, rs, firstDay, h, true)
			for _, cost := range []int64{math.MaxInt64, math.MaxInt64 - 1, 1 << 62, 1<<60 + 1} {
				h.Cost = cost
				d := decide(t, rs, firstDay, h, true)
				assert.False(t, d.Allowed, "%+v: cost %d", s, cost)
				assert.Equal(t, strategy.Never, d.Wait, "%+v: cost %d", s, cost)
			}
			h.Cost = 1
			d := decide(t, rs, firstDay+s.period*2, h, true)
			assert.True(t, d.Allowed, "%+v after two periods", s)
			assert.Less(t, d.Wait, time.Microsecond)
		}
	}
}
