package strategy

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// seedRecords are the encoded records of a used key under each strategy, and under three limits at once.
func seedRecords(tb testing.TB) (records, policies [][]byte) {
	limits := []Limit{}
	for _, k := range builtins() {
		limits = append(limits, Limit{Name: k.Name, Rate: MustRate("7/s"), Strategy: everyKind(tb)[k.Name]})
	}
	for i := range limits {
		p := MustPolicy(limits[i:min(i+1+i%3, len(limits))]...)
		var rs Records
		for step := range Time(9) {
			h := NewHit("user:42", p)
			h.Cost = 1 + int64(step%3)
			_, err := rs.Decide(benchStart+step*350_000, h, true)
			require.NoError(tb, err)
		}
		records, policies = append(records, rs.Append(nil)), append(policies, p.Encoded())
	}
	return records, policies
}

// FuzzDecodeRecords: what can be decoded encodes to a form that decodes to the same again, and can be decided,
// adapted, joined, refunded and asked without a panic. Guarantee 7.
func FuzzDecodeRecords(f *testing.F) {
	records, policies := seedRecords(f)
	for i := range records {
		f.Add(records[i], policies[i], int64(benchStart), int64(1))
	}
	f.Fuzz(func(t *testing.T, b, encoded []byte, now, cost int64) {
		r, err := NewRegistry()
		require.NoError(t, err)
		rs, err := r.DecodeRecords(b)
		if err != nil {
			return
		}
		first := rs.Append(nil)
		again, err := r.DecodeRecords(first)
		require.NoError(t, err)
		require.Equal(t, first, again.Append(nil))

		p, err := r.DecodePolicy(encoded)
		h := Hit{Key: "user:42", Policy: p, Cost: cost}
		if err != nil || h.Validate() != nil || !Time(now).valid() {
			return
		}
		for _, charge := range []bool{false, true, false} {
			d, err := rs.Decide(Time(now), h, charge)
			if err != nil {
				return
			}
			assert.GreaterOrEqual(t, d.Remaining, 0.0)
			assert.True(t, d.Allowed || d.Wait == Never || d.Wait > 0, "%+v", d)
		}
		require.NoError(t, rs.Refund(Time(now), Time(now), h))
		require.NoError(t, rs.Join(again, Time(now), true))
		rs.NeutralAt()
		_, _, err = rs.Stat(Time(now), h)
		require.NoError(t, err)
		_, err = r.DecodeRecords(rs.Append(nil))
		require.NoError(t, err, "what these records have become is not decoded")
	})
}

// FuzzDecodePolicy: what can be decoded encodes to the same bytes.
func FuzzDecodePolicy(f *testing.F) {
	_, policies := seedRecords(f)
	for _, p := range policies {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := NewRegistry()
		require.NoError(t, err)
		if p, err := r.DecodePolicy(b); err == nil {
			require.Equal(t, b, p.Encoded())
		}
	})
}

// FuzzParams: parameters that a strategy takes make a policy that another node decodes, or an error that names one.
func FuzzParams(f *testing.F) {
	for i, params := range []string{
		`{}`, `{"burst_size":0}`, `{"burst_size":-1}`, `{"burst_size":null}`, `{"max_debt":3}`, `{"burst_tolerance_ms":43.75}`,
		`{"tier_multipliers":{"gold":2.5,"free":1},"marker":"plan"}`, `{"load_threshold":0.5}`, `{"default_priority":"high"}`,
		`{"rollover_percentage":0,"max_rollover":0}`, `{"time_windows":[[0,6,2.0],[6,18,1]],"timezone_offset":5.5}`,
		`{"cost_window":3,"min_refill_rate":0.2}`, `{"max_queue_size":5}`, `{"count_rejected":true}`,
	} {
		f.Add(i, params)
	}
	kinds := builtins()
	f.Fuzz(func(t *testing.T, kind int, params string) {
		s, err := kinds[uint(kind)%uint(len(kinds))].Parse([]byte(params))
		if err != nil {
			assert.ErrorContains(t, err, "params")
			return
		}
		p, err := NewPolicy(Limit{Rate: MustRate("100/min"), Strategy: s})
		if err != nil {
			assert.ErrorContains(t, err, "params")
			return
		}
		r, err := NewRegistry()
		require.NoError(t, err)
		_, err = r.DecodePolicy(p.Encoded())
		require.NoError(t, err)
	})
}

// FuzzDecodeState: a state that any strategy decodes encodes to a form that decodes to the same again, and a decision
// on it is sound. Guarantee 7.
func FuzzDecodeState(f *testing.F) {
	kinds := builtins()
	bound := func(tb testing.TB, i int) Algorithm {
		a, err := everyKind(tb)[kinds[i].Name].Bind(MustRate("7/s"))
		require.NoError(tb, err)
		return a
	}
	for i := range kinds {
		a := bound(f, i)
		s := a.New()
		f.Add(uint(i), a.Append(nil, s), int64(benchStart), int64(1))
		for step := range Time(9) {
			a.Decide(s, benchStart+step*350_000, Hit{Key: "user:42", Cost: 1 + int64(step%3)}, true)
		}
		f.Add(uint(i), a.Append(nil, s), int64(benchStart), int64(2))
	}
	f.Fuzz(func(t *testing.T, kind uint, b []byte, now, cost int64) {
		a := bound(t, int(kind%uint(len(kinds))))
		s, err := a.Decode(b)
		if err != nil || cost < 1 || !Time(now).valid() {
			return
		}
		encoded := a.Append(nil, s)
		again, err := a.Decode(encoded)
		require.NoError(t, err)
		require.Equal(t, encoded, a.Append(nil, again))

		h := Hit{Key: "user:42", Cost: cost}
		asked := a.Decide(s, Time(now), h, false)
		assert.Equal(t, encoded, a.Append(nil, s), "a check changes nothing")
		told := a.Decide(s, Time(now), h, true)
		assert.Equal(t, asked.Allowed, told.Allowed)
		assert.GreaterOrEqual(t, told.Remaining, 0.0)
		assert.True(t, told.Allowed || told.Wait == Never || told.Wait > 0, "%+v", told)
		a.(Forgetter).NeutralAt(s)
		a.(Joiner).Join(again, s)
		a.(Refunder).Refund(s, Time(now), Time(now), h)
		a.(Adapter).Adapt(s, a, Time(now))
		for _, s := range []State{s, again} {
			_, err = a.Decode(a.Append(nil, s))
			require.NoError(t, err, "what this state has become is not decoded")
		}
	})
}
