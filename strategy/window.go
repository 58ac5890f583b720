package strategy

import "encoding/binary"

// window is what the strategies that count in windows share: a counter that starts anew with each window of one
// period, aligned to the Unix epoch. They differ in the limit that they hold the counter against.
type window struct {
	period        int64 // microseconds
	countRejected bool
}

// windowState is what was counted in the window that starts at start. The zero value is that of a key never seen.
type windowState struct {
	start Time
	count int64
}

// windowed is an algorithm around a window.
type windowed interface{ base() *window }

func (w *window) base() *window { return w }

// New implements Algorithm.
func (*window) New() State { return new(windowState) }

// decide holds the counter against limit. A refused hit waits for the next window.
func (w *window) decide(st *windowState, now Time, cost, limit int64, charge bool) Verdict {
	start, count := w.at(st, now)
	v := Verdict{Limit: limit, Allowed: cost <= limit-count}
	if charge && (v.Allowed || w.countRejected) {
		count = addSaturating(count, cost)
		st.start, st.count = start, count
	}
	if !v.Allowed {
		v.Wait = wait(int64(start-now) + w.period)
		if cost > limit {
			v.Wait = Never
		}
	}
	v.Remaining = float(limit - count)
	return v
}

// at is the window of now and what was counted in it. A clock that went back stays in the window it had been in.
func (w *window) at(st *windowState, now Time) (start Time, count int64) {
	if int64(now-st.start) < w.period {
		return st.start, st.count
	}
	return floorTo(now, w.period), 0
}

// Refund implements Refunder: what was charged in an earlier window is gone with it.
func (w *window) Refund(s State, charged, _ Time, h Hit) {
	st := s.(*windowState)
	if floorTo(charged, w.period) == st.start {
		st.count = max(st.count-h.Cost, 0)
	}
}

// Join implements Joiner: the later window wins; of one window, the higher count.
func (*window) Join(s, other State) {
	st, o := s.(*windowState), other.(*windowState)
	switch {
	case o.start > st.start:
		*st = *o
	case o.start == st.start:
		st.count = max(st.count, o.count)
	}
}

// NeutralAt implements Forgetter: the end of the window.
func (w *window) NeutralAt(s State) Time {
	st := s.(*windowState)
	if st.count == 0 {
		return st.start
	}
	return st.start + Time(w.period)
}

// Adapt implements Adapter: what the old window still holds at now is used in the new one.
func (w *window) Adapt(s State, old Algorithm, now Time) {
	st, o := s.(*windowState), old.(windowed).base()
	if o.period == w.period {
		return
	}
	at := max(now, st.start)
	_, st.count = o.at(st, at)
	st.start = floorTo(at, w.period)
}

// RecordsRefusals implements RefusalRecorder.
func (w *window) RecordsRefusals() bool { return w.countRejected }

// Append implements Algorithm.
func (*window) Append(b []byte, s State) []byte {
	st := s.(*windowState)
	b = append(b, version)
	b = binary.AppendVarint(b, int64(st.start))
	return binary.AppendUvarint(b, uint64(st.count))
}

// Decode implements Algorithm.
func (w *window) Decode(b []byte) (State, error) {
	r := reader{b: b}
	r.version()
	st := &windowState{start: r.window(w.period), count: r.uint(maxCount)}
	if !r.done() {
		return nil, errState
	}
	return st, nil
}

// floorTo is the last multiple of period that is not after t.
func floorTo(t Time, period int64) Time {
	r := int64(t) % period
	if r < 0 {
		r += period
	}
	return t - Time(r)
}

// maxCount is where counters stop: above every capacity, and the sum of two fits int64.
const maxCount = 1 << 62

// addSaturating is a+b for non-negative numbers, at most maxCount.
func addSaturating(a, b int64) int64 {
	if a > maxCount-b {
		return maxCount
	}
	return a + b
}
