package strategy

import (
	"math"
	"time"
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

// meterState is the level of one key at an instant. The zero value is that of a key never seen.
type meterState struct {
	used amount
	last Time
}

// metered is an algorithm around a meter.
type metered interface{ base() *meter }

func (m *meter) base() *meter { return m }

// newMeter returns a meter of the rate with a capacity in whole tokens; field names the parameter that set it.
func newMeter(r Rate, capacity amount, field string) (*meter, error) {
	m := &meter{limit: r.limit, period: r.micros(), capacity: capacity}
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
	free := m.capacity.sub(used, m.period)
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
		v.Wait = m.waitFor(need, at, now)
	}
	v.Remaining = m.remaining(free)
	return v
}

// waitFor is the wait from now until so many parts have drained from at on.
func (m *meter) waitFor(parts wide, at, now Time) time.Duration {
	us, ok := parts.ceilDiv(m.limit)
	if !ok {
		us = math.MaxInt64
	}
	return wait(addSaturating(us, int64(at-now)))
}

// Stat implements Statistician.
func (m *meter) Stat(s State, now Time, h Hit) Verdict {
	h.Cost = 1
	return m.Decide(s, now, h, false)
}

// Slot implements Queuer: the wait until the level, the costs ahead and that of h fit together. It may be a microsecond
// early for each hit ahead that costs nearly all the meter holds, since such a meter can run empty before the next
// microsecond begins.
func (m *meter) Slot(s State, now Time, ahead int64, h Hit) Verdict {
	st := s.(*meterState)
	v := m.Decide(s, now, h, false)
	if v.Wait == Never || ahead == 0 {
		return v
	}
	from := max(now, st.last)
	over := amount{whole: addSaturating(ahead, h.Cost)}.sub(m.capacity.sub(m.drained(st, from), m.period), m.period)
	if over.whole < 0 || over == (amount{}) {
		return v
	}
	v.Allowed = false
	v.Wait = m.waitFor(mul(over.whole, m.period).add(wide{lo: uint64(over.part)}), from, now)
	return v
}

// Refund implements Refunder.
func (m *meter) Refund(s State, _, now Time, h Hit) {
	st := s.(*meterState)
	m.drainTo(st, now)
	st.used = st.used.drained(amount{whole: h.Cost}, m.period)
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
	o, st := old.(metered).base(), s.(*meterState)
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

// Append implements Algorithm.
func (m *meter) Append(b []byte, s State) []byte {
	st := s.(*meterState)
	return appendAmount(append(b, version), st.used, st.last)
}

// Decode implements Algorithm.
func (m *meter) Decode(b []byte) (State, error) {
	r := reader{b: b}
	r.version()
	st := &meterState{}
	st.used, st.last = r.amount(m.period)
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
	return st.used.drained(gone, m.period)
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

// remaining is free in tokens, never rounded up to a cost that would not fit.
func (m *meter) remaining(free amount) float64 {
	if m.integral {
		free.part = 0
	}
	return free.float(m.period)
}
