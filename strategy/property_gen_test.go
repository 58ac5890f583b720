package strategy_test

import (
	"math"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/strategy"
)

const (
	second    = 1_000_000 // in µs, as all times of these tests
	day       = 24 * hourMicros
	firstDay  = 1_767_225_600 * int64(second) // 2026-01-01
	hundredYr = 100 * 365 * int64(day)
)

// drawSpec draws a limit of the strategy that it would accept.
func drawSpec(t *rapid.T, name string) spec {
	s := spec{name: name, params: map[string]any{}}
	s.limit = rapid.OneOf(rapid.Int64Range(1, 10), rapid.SampledFrom([]int64{3, 7, 100, 1000}),
		rapid.Int64Range(1, 1_000_000), rapid.Just(int64(1_000_000_000))).Draw(t, "limit")
	s.period = 1000 * rapid.OneOf(rapid.SampledFrom([]int64{1, 7, 500, 1000, 2500, 60_000, 3_600_000, 5_400_000, 86_400_000, 2_592_000_000}),
		rapid.Int64Range(1, 100_000)).Draw(t, "period_ms")
	set := func(param string, g *rapid.Generator[int64]) {
		if rapid.Bool().Draw(t, "set "+param) {
			s.params[param] = g.Draw(t, param)
		}
	}
	share := func(param string, values ...float64) {
		if rapid.Bool().Draw(t, "set "+param) {
			s.params[param] = rapid.SampledFrom(values).Draw(t, param)
		}
	}
	capacity := rapid.OneOf(rapid.Int64Range(1, 3), rapid.Int64Range(1, min(5*s.limit, 5000)), rapid.Just(s.limit))
	burst := rapid.OneOf(rapid.Just(int64(0)), capacity) // 0 admits nothing
	switch name {
	case "fixed_window", "sliding_window_counter", "tiered_rate", "time_of_day", "adaptive_throttle":
		if rapid.Bool().Draw(t, "count_rejected") {
			s.params["count_rejected"] = true
		}
	case "sliding_window_log", "priority_queue":
		s.limit = min(s.limit, 1_000_000)
	}
	switch name {
	case "token_bucket":
		set("burst_size", burst)
	case "token_bucket_with_debt":
		set("burst_size", burst)
		set("max_debt", burst)
	case "gcra":
		switch rapid.IntRange(0, 2).Draw(t, "by") {
		case 0:
			set("burst", capacity)
		case 1:
			n := rapid.Int64Range(0, 3*s.period).Draw(t, "tolerance in µs")
			s.params["burst_tolerance_ms"] = float64(n) / 1000
		case 2: // a hair more or less than so many intervals, as float64 has it
			n := rapid.SampledFrom([]float64{1, 2, 3, 3.5}).Draw(t, "tolerance in intervals")
			s.params["burst_tolerance_ms"] = n * float64(s.period) / 1000 / float64(s.limit)
		}
	case "tiered_rate":
		if rapid.Bool().Draw(t, "own tiers") {
			m := rapid.SampledFrom([]float64{0.29, 0.5, 1, 1.1, 3})
			s.params["tier_multipliers"] = map[string]float64{"free": m.Draw(t, "free"), "premium": m.Draw(t, "premium")}
			s.params["default_tier"] = rapid.SampledFrom([]string{"free", "premium"}).Draw(t, "default_tier")
		}
	case "adaptive_throttle":
		share("load_threshold", 0.05, 0.25, 0.5, 0.9)
		share("reduction_factor", 0.1, 0.5, 0.95)
		share("recovery_rate", 0.01, 0.25, 0.7)
		share("min_limit_ratio", 0.05, 0.2, 0.9)
	case "priority_queue":
		set("default_priority", rapid.Int64Range(1, 4))
		set("max_queue_size", rapid.OneOf(rapid.Int64Range(1, 5), rapid.Int64Range(1, 2000)))
	case "quota_with_rollover":
		share("rollover_percentage", 0, 0.1, 0.29, 1)
		set("max_rollover", rapid.Int64Range(0, 2*s.limit))
	case "time_of_day":
		share("timezone_offset", -12, -3.5, -1, 0.125, 5.75, 14)
		if rapid.Bool().Draw(t, "own windows") {
			s.params["time_windows"] = drawHours(t)
		}
	case "cost_based_token_bucket":
		set("burst_size", burst)
		set("cost_window", rapid.Int64Range(0, 5))
		share("min_refill_rate", 0, 0.25, 0.75, 1, 2)
	}
	return s.within(s.period)
}

// within is s with another period, and without what is too much for it: a bucket that without a least rate would take too
// long to fill, a tolerance of too many hits.
func (s spec) within(period int64) spec {
	s.period = period
	perHit, size := float64(period)/float64(s.limit), float64(newCostOracle(s).size())
	if s.params["min_refill_rate"] == 0.0 && size*size*perHit > float64(hundredYr) {
		delete(s.params, "min_refill_rate")
	}
	if s.number("burst_tolerance_ms", 0)*1000/perHit > 1<<50 {
		delete(s.params, "burst_tolerance_ms")
	}
	return s
}

// drawHours draws up to four windows of a day, which may overlap and leave holes.
func drawHours(t *rapid.T) (windows [][3]float64) {
	for range rapid.IntRange(1, 4).Draw(t, "windows") {
		start := rapid.IntRange(0, 23).Draw(t, "start")
		end := rapid.IntRange(start+1, 24).Draw(t, "end")
		m := rapid.SampledFrom([]float64{0.01, 0.29, 0.5, 1, 2.5}).Draw(t, "multiplier")
		windows = append(windows, [3]float64{float64(start), float64(end), m})
	}
	return windows
}

// drawContext draws what the strategy may read of a hit beside its cost: a key and a context.
func drawContext(t *rapid.T, name string, h *strategy.Hit) {
	h.Key = "user:42"
	context := func(entry string, values ...any) {
		if rapid.Bool().Draw(t, "with "+entry) {
			h.Context = strategy.Context{entry: rapid.SampledFrom(values).Draw(t, entry)}
		}
	}
	switch name {
	case "tiered_rate":
		h.Key = rapid.SampledFrom([]string{
			"user:42", "tier:premium", "a:tier:free:x", "frontier:premium", "frontier:x:tier:premium", "tier:", "tier:none:1",
		}).Draw(t, "key")
		context("tier", "free", "premium", "enterprise", "nobody")
	case "priority_queue":
		h.Key = rapid.SampledFrom([]string{
			"user:42", "priority:3:x", "a:priority:1", "xpriority:4", "priority:9:a", "priority:",
		}).Draw(t, "key")
		context("priority", int64(1), int64(2), int64(3), int64(4), "low", "critical")
	case "adaptive_throttle":
		if rapid.IntRange(0, 3).Draw(t, "external load") == 0 {
			context("load", 0.0, 0.3, 0.85, 1.0)
		}
	}
}

// charge is a hit that was admitted.
type charge struct {
	at      int64
	reached int64 // how far the clock had come for the state
	hit     strategy.Hit
}

// machine drives the records of one key through a random life, and an oracle beside them.
type machine struct {
	spec
	policy  *strategy.Policy
	records *strategy.Records
	judge   oracle // nil: nobody compares
	now     int64
	latest  int64         // the latest now
	reached int64         // the latest now that a state can know of
	wait    time.Duration // of the latest refusal, 0 if none
	charges []charge
	back    bool // the clock may go back
	refunds bool // and hits may be given back
}

func newMachine(t *rapid.T, s spec) *machine {
	m := &machine{spec: s, policy: s.policy(t), records: &strategy.Records{}, back: true, refunds: true}
	m.now = firstDay + rapid.OneOf(rapid.Int64Range(0, 200*day), rapid.Just(int64(0))).Draw(t, "start")
	if rapid.Bool().Draw(t, "at an edge") {
		m.now = floorDiv(m.now, s.period) * s.period
	}
	m.latest = m.now
	return m
}

// drive returns a machine of the strategy after some random steps.
func drive(t *rapid.T, name string) *machine {
	m := newMachine(t, drawSpec(t, name))
	m.steps(t, rapid.IntRange(0, 15).Draw(t, "steps"))
	return m
}

func (m *machine) steps(t *rapid.T, n int) {
	for range n {
		m.move(t)
		m.step(t)
	}
}

// move moves the clock: a little, a lot, to an edge, to the end of a wait, and sometimes back.
func (m *machine) move(t *rapid.T) {
	edge := (floorDiv(m.now, m.period) + 1) * m.period
	switch rapid.IntRange(0, 9).Draw(t, "move") {
	case 0, 1:
	case 2:
		m.now += rapid.Int64Range(1, 10).Draw(t, "µs")
	case 3:
		m.now += rapid.Int64Range(0, 3*m.period/m.limit+1).Draw(t, "intervals")
	case 4:
		m.now += rapid.Int64Range(0, m.period).Draw(t, "part of a period")
	case 5:
		m.now = edge + rapid.Int64Range(-1, 1).Draw(t, "beside an edge")
	case 6:
		if m.wait > 0 {
			m.now += m.wait.Microseconds() - rapid.Int64Range(0, 1).Draw(t, "before")
		}
	case 7:
		m.now += m.period * rapid.Int64Range(1, 3).Draw(t, "periods")
	case 8:
		hour := (m.now/hourMicros + 1) * hourMicros
		if m.name == "time_of_day" {
			m.now = hour + rapid.Int64Range(-1, 1).Draw(t, "beside an hour")
		}
	case 9:
		if m.back {
			m.now -= rapid.OneOf(rapid.Int64Range(1, 10), rapid.Int64Range(1, 2*m.period)).Draw(t, "back")
		}
	}
	m.wait = 0
	m.latest = max(m.latest, m.now)
}

// hit draws a hit: cheap, fitting just so, just not, or never.
func (m *machine) hit(t *rapid.T) strategy.Hit {
	h := strategy.NewHit("", m.policy)
	drawContext(t, m.name, &h)
	st, ok, err := m.records.Stat(strategy.Time(m.now), h)
	require.NoError(t, err)
	require.True(t, ok)
	room := int64(st.Remaining)
	h.Cost = rapid.OneOf(rapid.Just(int64(1)), rapid.Int64Range(1, 5), rapid.Int64Range(1, st.Limit+2),
		rapid.SampledFrom([]int64{room, room + 1, room/2 + 1, st.Limit + 1, 3*st.Limit + 1, math.MaxInt64})).Draw(t, "cost")
	h.Cost = max(h.Cost, 1)
	return h
}

// step does one thing: mostly a hit.
func (m *machine) step(t *rapid.T) {
	switch rapid.IntRange(0, 9).Draw(t, "do") {
	case 0:
		m.ask(t, m.hit(t), false)
	case 1:
		if m.refunds && len(m.charges) > 0 {
			m.refund(t)
		}
	default:
		m.ask(t, m.hit(t), true)
	}
}

func (m *machine) ask(t *rapid.T, h strategy.Hit, charged bool) strategy.Decision {
	d, err := m.records.Decide(strategy.Time(m.now), h, charged)
	require.NoError(t, err)
	if m.judge != nil {
		m.compare(t, ask(m.judge, m.now, h, charged), d.Verdict, h, charged)
	}
	if charged && (d.Allowed || m.policy.RecordsRefusals()) {
		m.reached = max(m.reached, m.now)
	}
	if d.Allowed && charged {
		m.charges = append(m.charges, charge{m.now, m.reached, h})
	}
	m.wait = max(d.Wait, 0)
	return d
}

// refund gives back part of an earlier charge, or all of it, once.
func (m *machine) refund(t *rapid.T) {
	i := rapid.IntRange(0, len(m.charges)-1).Draw(t, "which")
	c := m.charges[i]
	m.charges = append(m.charges[:i:i], m.charges[i+1:]...)
	c.hit.Cost = rapid.OneOf(rapid.Just(c.hit.Cost), rapid.Int64Range(1, c.hit.Cost)).Draw(t, "back")
	err := m.records.Refund(strategy.Time(c.at), strategy.Time(m.now), c.hit)
	require.NoError(t, err)
	if m.judge != nil {
		m.judge.refund(c.at, m.now, c.hit)
	}
}

// clone is a copy of the records that shares nothing with them.
func (m *machine) clone(t require.TestingT) *strategy.Records {
	return decode(t, m.records.Append(nil))
}

func decode(t require.TestingT, b []byte) *strategy.Records {
	r, err := strategy.NewRegistry()
	require.NoError(t, err)
	rs, err := r.DecodeRecords(b)
	require.NoError(t, err)
	return rs
}

// decide is Decide where no error is possible.
func decide(t require.TestingT, rs *strategy.Records, now int64, h strategy.Hit, charge bool) strategy.Decision {
	d, err := rs.Decide(strategy.Time(now), h, charge)
	require.NoError(t, err)
	return d
}
