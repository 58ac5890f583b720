package strategy

import (
	"encoding/binary"
	"math"
)

// meter is the arithmetic of every bucket here, and of GCRA: a level that rises with each charge, drains by limit
// per period, and never rises above a capacity. A token bucket is a meter that counts the tokens missing; GCRA, whose
// state is a theoretical arrival time, is a meter that counts what drains until then (the two forms of ITU-T I.371,
// annex A, virtual scheduling and continuous-state leaky bucket, decide alike).
//
// The level is exact: whole tokens and parts of 1/period token, period in microseconds, so that a microsecond drains
// exactly limit parts.
type meter struct {
	limit    int64 // tokens drained per period, and parts drained per microsecond
	period   int64 // microseconds, and parts per token
	capacity amount
	integral bool // remaining is told in whole tokens
}

// amount is a number of tokens, whole + part/period, with 0 <= part < period.
type amount struct{ whole, part int64 }

func (a amount) less(b amount) bool {
	return a.whole < b.whole || a.whole == b.whole && a.part < b.part
}

// meterState is the level of one key at an instant. The zero value is that of a key never seen.
type meterState struct {
	used amount
	last Time
}

// newMeter returns a meter of the rate with a capacity in whole tokens; field names the parameter that set it.
func newMeter(r Rate, capacity amount, field string) (*meter, error) {
	m := &meter{limit: r.limit, period: r.periodMS * 1000, capacity: capacity}
	if capacity.whole > maxCapacity {
		return nil, paramError(field, capacity.whole, "is above the largest capacity, 2^60")
	}
	if t, ok := m.drainTime(capacity); !ok || t > maxSpan {
		return nil, paramError(field, capacity.whole, "takes more than 100 years to drain at "+r.String())
	}
	return m, nil
}

// New implements Algorithm.
func (m *meter) New() State { return new(meterState) }

// Decide implements Algorithm.
func (m *meter) Decide(s State, now Time, h Hit, charge bool) Verdict {
	st := s.(*meterState)
	at := max(now, st.last)
	used := m.drained(st, at)
	free := m.sub(m.capacity, used)
	v := Verdict{Limit: m.capacity.whole}
	switch {
	case h.Cost <= free.whole:
		v.Allowed = true
		if charge {
			free.whole -= h.Cost
			used.whole += h.Cost
			st.used, st.last = used, at
		}
	case h.Cost > m.capacity.whole:
		v.Wait = Never
	default:
		need := mul(h.Cost-free.whole, m.period).sub(wide{lo: uint64(free.part)})
		us, _ := need.ceilDiv(m.limit)
		v.Wait = wait(us + int64(at-now))
	}
	v.Remaining = m.remaining(free)
	return v
}

// Stat implements Statistician.
func (m *meter) Stat(s State, now Time, h Hit) Verdict {
	h.Cost = 1
	return m.Decide(s, now, h, false)
}

// Refund implements Refunder.
func (m *meter) Refund(s State, _, now Time, h Hit) {
	st := s.(*meterState)
	m.drainTo(st, now)
	if st.used.whole -= h.Cost; st.used.whole < 0 {
		st.used = amount{}
	}
}

// Join implements Joiner: the higher level at the later of the two instants.
func (m *meter) Join(s, other State) {
	st, o := s.(*meterState), *other.(*meterState)
	now := max(st.last, o.last)
	m.drainTo(st, now)
	m.drainTo(&o, now)
	if st.used.less(o.used) {
		st.used = o.used
	}
}

// NeutralAt implements Forgetter: when the level has drained.
func (m *meter) NeutralAt(s State) Time {
	st := s.(*meterState)
	us, ok := m.drainTime(st.used)
	if !ok || us > int64(forever-st.last) {
		return forever
	}
	return st.last + Time(us)
}

// Adapt implements Adapter: what the old rate had not drained by now is still used.
func (m *meter) Adapt(s State, old Algorithm, now Time) {
	o, st := old.(*meter), s.(*meterState)
	o.drainTo(st, now)
	if m.period == o.period {
		return
	}
	// part < o.period, so the quotient is at most m.period.
	st.used.part, _ = mul(st.used.part, m.period).ceilDiv(o.period)
	if st.used.part == m.period {
		st.used = amount{whole: st.used.whole + 1}
	}
}

const meterVersion = 1

// Append implements Algorithm.
func (m *meter) Append(b []byte, s State) []byte {
	st := s.(*meterState)
	b = append(b, meterVersion)
	b = binary.AppendUvarint(b, uint64(st.used.whole))
	b = binary.AppendUvarint(b, uint64(st.used.part))
	return binary.AppendVarint(b, int64(st.last))
}

// Decode implements Algorithm.
func (m *meter) Decode(b []byte) (State, error) {
	r := reader{b: b}
	r.version(meterVersion)
	st := &meterState{}
	st.used.whole = r.uint(2 * maxCapacity)
	st.used.part = r.uint(m.period - 1)
	st.last = r.time()
	if !r.done() {
		return nil, errState
	}
	return st, nil
}

// drained is the level at now, which is not before st.last.
func (m *meter) drained(st *meterState, now Time) amount {
	if st.used == (amount{}) {
		return amount{}
	}
	gone := amount{}
	parts := mul(int64(now-st.last), m.limit)
	if parts.hi == 0 && parts.lo < uint64(m.period) { // less than a token, the common case, needs no division
		gone.part = int64(parts.lo)
	} else {
		var ok bool
		if gone.whole, gone.part, ok = parts.divMod(m.period); !ok {
			return amount{}
		}
	}
	left := m.sub(st.used, gone)
	if left.whole < 0 {
		return amount{}
	}
	return left
}

func (m *meter) drainTo(st *meterState, now Time) {
	if now > st.last {
		st.used, st.last = m.drained(st, now), now
	}
}

// drainTime is how long, in microseconds rounded up, the level a takes to drain.
func (m *meter) drainTime(a amount) (us int64, ok bool) {
	return mul(a.whole, m.period).add(wide{lo: uint64(a.part)}).ceilDiv(m.limit)
}

func (m *meter) sub(a, b amount) amount {
	d := amount{a.whole - b.whole, a.part - b.part}
	if d.part < 0 {
		d.part += m.period
		d.whole--
	}
	return d
}

// remaining is free in tokens, never rounded up to a cost that would not fit.
func (m *meter) remaining(free amount) float64 {
	switch {
	case free.whole < 0:
		return 0
	case m.integral || free.part == 0:
		return float64(free.whole)
	}
	next := float64(free.whole + 1)
	if sum := float64(free.whole) + float64(free.part)/float64(m.period); sum < next {
		return sum
	}
	return math.Nextafter(next, 0)
}
