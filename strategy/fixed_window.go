package strategy

import (
	"encoding/binary"
	"math"
)

// FixedWindow counts hits in windows of one period, aligned to the Unix epoch. In one window it admits the limit;
// around the edge of two, up to twice the limit within less than a period. It is the default strategy, and the
// cheapest.
type FixedWindow struct {
	// CountRejected makes refused hits use quota too, as in the original; good against clients that hammer.
	CountRejected bool `json:"count_rejected,omitzero"`
}

// Name implements Strategy.
func (FixedWindow) Name() string { return "fixed_window" }

// Bind implements Strategy.
func (s FixedWindow) Bind(r Rate) (Algorithm, error) {
	return &fixedWindow{limit: r.limit, period: r.periodMS * 1000, countRejected: s.CountRejected}, nil
}

type fixedWindow struct {
	limit         int64
	period        int64 // microseconds
	countRejected bool
}

// windowState is what was counted in the window that starts at start. The zero value is that of a key never seen.
type windowState struct {
	start Time
	count int64
}

// New implements Algorithm.
func (*fixedWindow) New() State { return new(windowState) }

// Decide implements Algorithm.
func (f *fixedWindow) Decide(s State, now Time, h Hit, charge bool) Verdict {
	st := s.(*windowState)
	start, count := windowAt(st, now, f.period)
	v := Verdict{Limit: f.limit, Allowed: h.Cost <= f.limit-count}
	if charge && (v.Allowed || f.countRejected) {
		count = addSaturating(count, h.Cost)
		st.start, st.count = start, count
	}
	if !v.Allowed {
		v.Wait = wait(int64(start-now) + f.period)
		if h.Cost > f.limit {
			v.Wait = Never
		}
	}
	v.Remaining = float64(max(f.limit-count, 0))
	return v
}

// Stat implements Statistician.
func (f *fixedWindow) Stat(s State, now Time, h Hit) Verdict {
	h.Cost = 1
	return f.Decide(s, now, h, false)
}

// Refund implements Refunder: what was charged in an earlier window is gone with it.
func (f *fixedWindow) Refund(s State, charged, _ Time, h Hit) {
	st := s.(*windowState)
	if floorTo(charged, f.period) == st.start {
		st.count = max(st.count-h.Cost, 0)
	}
}

// Join implements Joiner: the later window wins; of one window, the higher count.
func (f *fixedWindow) Join(s, other State) {
	st, o := s.(*windowState), other.(*windowState)
	switch {
	case o.start > st.start:
		*st = *o
	case o.start == st.start:
		st.count = max(st.count, o.count)
	}
}

// NeutralAt implements Forgetter: the end of the window.
func (f *fixedWindow) NeutralAt(s State) Time {
	st := s.(*windowState)
	if st.count == 0 {
		return st.start
	}
	return st.start + Time(f.period)
}

// Adapt implements Adapter: what the old window still holds at now is used in the new one.
func (f *fixedWindow) Adapt(s State, old Algorithm, now Time) {
	st, o := s.(*windowState), old.(*fixedWindow)
	if o.period == f.period {
		return
	}
	at := max(now, st.start)
	_, st.count = windowAt(st, at, o.period)
	st.start = floorTo(at, f.period)
}

// RecordsRefusals implements RefusalRecorder.
func (f *fixedWindow) RecordsRefusals() bool { return f.countRejected }

const windowVersion = 1

// Append implements Algorithm.
func (*fixedWindow) Append(b []byte, s State) []byte {
	st := s.(*windowState)
	b = append(b, windowVersion)
	b = binary.AppendVarint(b, int64(st.start))
	return binary.AppendUvarint(b, uint64(st.count))
}

// Decode implements Algorithm.
func (f *fixedWindow) Decode(b []byte) (State, error) {
	r := reader{b: b}
	r.version(windowVersion)
	st := &windowState{start: r.time(), count: r.uint(math.MaxInt64)}
	if !r.done() || floorTo(st.start, f.period) != st.start {
		return nil, errState
	}
	return st, nil
}

// windowAt is the window of now and what was counted in it. A clock that went back stays in the window it had been in.
func windowAt(st *windowState, now Time, period int64) (start Time, count int64) {
	if int64(now-st.start) < period {
		return st.start, st.count
	}
	return floorTo(now, period), 0
}

// floorTo is the last multiple of period that is not after t.
func floorTo(t Time, period int64) Time {
	r := int64(t) % period
	if r < 0 {
		r += period
	}
	return t - Time(r)
}

// addSaturating is a+b for non-negative numbers, at most the largest int64.
func addSaturating(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
