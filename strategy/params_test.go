package strategy

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a parameter may not be is an error that names it and its value.
func TestParamErrors(t *testing.T) {
	r, err := NewRegistry()
	require.NoError(t, err)
	for _, c := range []struct{ name, rate, params, want string }{
		{"fixed_window", "5/s", `{"burst_size":1}`, "params.burst_size: fixed_window has no such parameter"},
		{"fixed_window", "5/s", `{"count_rejected":1}`, "params.count_rejected: a JSON number where fixed_window wants true or false"},
		{"token_bucket", "5/s", `{"burst_size":-1}`, "params.burst_size: -1 is negative"},
		{"token_bucket", "5/s", `{"burst_size":1.5}`, "params.burst_size: a JSON number 1.5 where token_bucket wants a whole number"},
		{"token_bucket", "5/s", `{"burst_size":2000000000000000000}`, "params.burst_size: 2000000000000000000 is above 1152921504606846976"},
		{"token_bucket", "1/day", `{"burst_size":40000}`, "params.burst_size: 40000 takes more than 100 years to drain"},
		{"token_bucket_with_debt", "5/s", `{"max_debt":-1}`, "params.max_debt: -1 is negative"},
		{"token_bucket_with_debt", "5/s", `{"max_debt":1152921504606846976}`, "params.max_debt: 1152921504606846976 and burst_size together are above 2^60"},
		{"gcra", "5/s", `{"burst_tolerance_ms":-1}`, "params.burst_tolerance_ms: -1 is negative"},
		{"gcra", "5/s", `{"burst":2,"burst_tolerance_ms":1}`, "params.burst: 2 and burst_tolerance_ms are both set"},
		{"tiered_rate", "5/s", `{"tier_multipliers":{}}`, "params.default_tier: free has no multiplier"},
		{"tiered_rate", "5/s", `{"default_tier":"gold"}`, "params.default_tier: gold has no multiplier"},
		{"tiered_rate", "5/s", `{"tier_multipliers":{"free":-1}}`, "params.tier_multipliers.free: -1 is negative or makes a limit above 2^60"},
		{"tiered_rate", "5/s", `{"tier_multipliers":{"free":1e18}}`, "params.tier_multipliers.free: 1e+18 is negative or makes a limit above 2^60"},
		{"tiered_rate", "5/s", `{"tier_multipliers":{"free":1,"gold":null}}`, `params.tier_multipliers: a JSON null for "gold" where tiered_rate wants a number`},
		{"tiered_rate", "5/s", `{"tier_multipliers":{"free":"x"}}`, "a JSON string where tiered_rate wants a number"},
		{"tiered_rate", "5/s", `{"tier_multipliers":[1]}`, "params.tier_multipliers: a JSON array where tiered_rate wants an object"},
		{"tiered_rate", "5/s", `{"default_tier":1}`, "params.default_tier: a JSON number where tiered_rate wants a string"},
		{"token_bucket", "5/s", `{"Burst_Size":1}`, "params.Burst_Size: token_bucket has no such parameter"},
		{"token_bucket", "5/s", `{"BURST_SIZE":1,"burst_size":2}`, "params.BURST_SIZE: token_bucket has no such parameter"},
		{"gcra", "5/s", `{"burst_tolerance_ms":"1"}`, "params.burst_tolerance_ms: a JSON string where gcra wants a number"},
		{"gcra", "5/s", `{"burst":true}`, "params.burst: a JSON bool where gcra wants a whole number"},
		{"quota_with_rollover", "5/s", `{"rollover_percentage":[]}`, "params.rollover_percentage: a JSON array where quota_with_rollover wants a number"},
		{"time_of_day", "5/s", `{"time_windows":7}`, "params.time_windows: a JSON number where time_of_day wants an array"},
		{"time_of_day", "5/s", `{"time_windows":[null]}`, "params.time_windows: a JSON null where time_of_day wants [start, end, multiplier]"},
		{"adaptive_throttle", "5/s", `{"load_threshold":0}`, "params.load_threshold: 0 is not between 0 and 1"},
		{"adaptive_throttle", "5/s", `{"reduction_factor":1}`, "params.reduction_factor: 1 is not between 0 and 1"},
		{"adaptive_throttle", "5/s", `{"recovery_rate":2}`, "params.recovery_rate: 2 is above 1"},
		{"adaptive_throttle", "5/s", `{"min_limit_ratio":-0.5}`, "params.min_limit_ratio: -0.5 is negative"},
		{"priority_queue", "5/s", `{"max_queue_size":0}`, "params.max_queue_size: 0 is below 1"},
		{"priority_queue", "5/s", `{"max_queue_size":1048577}`, "params.max_queue_size: 1048577 is above 1048576"},
		{"priority_queue", "5/s", `{"default_priority":5}`, "params.default_priority: a JSON 5 where priority_queue wants 1 to 4, low, normal, high or critical"},
		{"priority_queue", "5/s", `{"default_priority":"urgent"}`, `params.default_priority: a JSON "urgent" where priority_queue wants 1 to 4, low, normal, high or critical`},
		{"quota_with_rollover", "5/s", `{"rollover_percentage":1.5}`, "params.rollover_percentage: 1.5 is above 1"},
		{"quota_with_rollover", "5/s", `{"max_rollover":-2}`, "params.max_rollover: -2 is negative"},
		{"time_of_day", "5/s", `{"time_windows":[]}`, "params.time_windows: [] is empty"},
		{"time_of_day", "5/s", `{"time_windows":[[8,8,1]]}`, "params.time_windows[0]: {8 8 1} has hours that are not 0 <= start < end <= 24"},
		{"time_of_day", "5/s", `{"time_windows":[[0,8,1],[8,25,1]]}`, "params.time_windows[1]: {8 25 1} has hours"},
		{"time_of_day", "5/s", `{"time_windows":[[0,8,0]]}`, "params.time_windows[0]: {0 8 0} has a multiplier that is not above 0"},
		{"time_of_day", "5/s", `{"time_windows":[[0.5,8,1]]}`, "params.time_windows: a JSON [0.5,8,1] where time_of_day wants [start, end, multiplier]"},
		{"time_of_day", "5/s", `{"time_windows":[[0,8]]}`, "params.time_windows: a JSON [0,8] where time_of_day wants [start, end, multiplier]"},
		{"time_of_day", "5/s", `{"timezone_offset":14.5}`, "params.timezone_offset: 14.5 is not between -12 and 14"},
		{"cost_based_token_bucket", "5/s", `{"cost_window":10001}`, "params.cost_window: 10001 is above 10000"},
		{"cost_based_token_bucket", "5/s", `{"min_refill_rate":-0.1}`, "params.min_refill_rate: -0.1"},
		{"cost_based_token_bucket", "1000/day", `{"min_refill_rate":0,"burst_size":100000}`, "params.min_refill_rate: 0 lets the bucket take more than 100 years to fill at 1000/day"},
		{"cost_based_token_bucket", "5/s", `{"burst_size":1152921504606846976}`, "params.cost_window: 100 costs of the capacity are together above 2^60"},
	} {
		s, err := r.Strategy(c.name, []byte(c.params))
		if err == nil {
			_, err = NewPolicy(Limit{Rate: MustRate(c.rate), Strategy: s})
		}
		assert.ErrorContains(t, err, c.want, "%s %s", c.name, c.params)
	}
}

// An explicit 0 is not the default, where the two differ; null is.
func TestExplicitZero(t *testing.T) {
	for _, c := range []struct {
		json string
		want Strategy
	}{
		{`{"rollover_percentage":0,"max_rollover":0}`, QuotaWithRollover{RolloverPercentage: None, MaxRollover: None}},
		{`{"rollover_percentage":null,"max_rollover":null}`, QuotaWithRollover{}},
		{`{"tier_multipliers":null}`, TieredRate{}},
		{`{"burst_size":0}`, TokenBucket{BurstSize: None}},
		{`{"burst_size":0,"max_debt":2}`, TokenBucketWithDebt{BurstSize: None, MaxDebt: 2}},
		{`{"cost_window":0,"min_refill_rate":0}`, CostBasedTokenBucket{CostWindow: None, MinRefillRate: None}},
	} {
		r, err := NewRegistry()
		require.NoError(t, err)
		got, err := r.Strategy(c.want.Name(), []byte(c.json))
		require.NoError(t, err)
		assert.Equal(t, c.want, got)
	}
	for _, c := range []struct {
		s     Strategy
		limit int64
	}{
		{TokenBucket{BurstSize: None}, 0}, {TokenBucketWithDebt{BurstSize: None, MaxDebt: 2}, 2},
		{TokenBucketWithDebt{MaxDebt: 2}, 7}, {CostBasedTokenBucket{BurstSize: None}, 0}, {TokenBucket{}, 5},
	} {
		var rs Records
		d, err := rs.Decide(0, NewHit("k", MustPolicy(Limit{Rate: MustRate("5/s"), Strategy: c.s})), false)
		require.NoError(t, err)
		assert.Equal(t, c.limit, d.Limit, "%#v", c.s)
		assert.Equal(t, c.limit > 0, d.Allowed)
	}
}

// Counts and ratios survive JSON, whatever they are: what is sent on is what was meant.
func TestParamsRoundTrip(t *testing.T) {
	for _, n := range []Count{0, None, -2, 1, 500, math.MaxInt64, math.MinInt64 + 1} {
		b, err := json.Marshal(n)
		require.NoError(t, err)
		var back Count
		require.NoError(t, json.Unmarshal(b, &back))
		if n != 0 { // which omitzero never sends
			assert.Equal(t, n, back, "%s", b)
		}
	}
	for _, x := range []Ratio{None, -1.5, 0.5, 1e-9, 3} {
		b, err := json.Marshal(x)
		require.NoError(t, err)
		var back Ratio
		require.NoError(t, json.Unmarshal(b, &back))
		assert.Equal(t, x, back, "%s", b)
	}
	p := PriorityQueue{}
	require.NoError(t, json.Unmarshal([]byte(`{"default_priority":"critical"}`), &p))
	assert.EqualValues(t, Critical, p.DefaultPriority)
	b, err := json.Marshal(p)
	require.NoError(t, err)
	assert.JSONEq(t, `{"default_priority":4}`, string(b))
	tod := TimeOfDay{}
	require.NoError(t, json.Unmarshal([]byte(`{"time_windows":[[0,8,2.0],[8,24,0.5]],"timezone_offset":5.5}`), &tod))
	assert.Equal(t, TimeOfDay{TimeWindows: []Hours{{0, 8, 2}, {8, 24, 0.5}}, TimezoneOffset: 5.5}, tod)
	b, err = json.Marshal(tod)
	require.NoError(t, err)
	assert.JSONEq(t, `{"time_windows":[[0,8,2],[8,24,0.5]],"timezone_offset":5.5}`, string(b))
}

// All fourteen take a billion a day, and any limit that they take gives sound answers to any cost.
func TestLargeRates(t *testing.T) {
	for name, s := range everyKind(t) {
		for _, text := range []string{"1000000000/day", "1152921504606846976/36500days", "1/36500days", "1152921504606846976/ms"} {
			p, err := NewPolicy(Limit{Rate: MustRate(text), Strategy: s})
			if err != nil {
				assert.Contains(t, err.Error(), "params.", "%s %s", name, text)
				assert.NotEqual(t, "1000000000/day", text, "%s: %v", name, err)
				continue
			}
			var rs Records
			for i, cost := range []int64{1, math.MaxInt64, 1 << 60, 12345, 1 << 59, 1} {
				h := NewHit("k", p)
				h.Cost = cost
				d, err := rs.Decide(benchStart+Time(i), h, true)
				require.NoError(t, err)
				assert.GreaterOrEqual(t, d.Remaining, 0.0, "%s %s", name, text)
				assert.True(t, d.Allowed && d.Wait == 0 || !d.Allowed && (d.Wait > 0 || d.Wait == Never), "%s %s: %+v", name, text, d)
			}
		}
	}
}
