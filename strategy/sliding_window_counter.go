package strategy

import (
	"encoding/binary"
	"time"
)

// SlidingWindowCounter estimates what was used in the last period from two counters: that of the current window, and
// that of the one before, weighted by how much of it the period still overlaps. In any interval t it admits at most
// limit + limit·t/period, and in one window at most the limit.
type SlidingWindowCounter struct {
	// CountRejected makes refused hits use quota too. They are carried into the next window: a client that hammers
	// never recovers.
	CountRejected bool `json:"count_rejected,omitzero"`
}

// Name implements Strategy.
func (SlidingWindowCounter) Name() string { return "sliding_window_counter" }

// Bind implements Strategy.
func (s SlidingWindowCounter) Bind(r Rate) (Algorithm, error) {
	return &slidingCounter{r.limit, r.micros(), s.CountRejected}, nil
}

type slidingCounter struct {
	limit         int64
	period        int64 // microseconds
	countRejected bool
}

// slidingState is what was counted in the window that starts at start, and in the one before.
type slidingState struct {
	start           Time
	previous, count int64
}

// New implements Algorithm.
func (*slidingCounter) New() State { return new(slidingState) }

// Decide implements Algorithm. The cost fits iff previous·(period-elapsed)/period + count + cost <= limit, with the
// fraction multiplied out.
func (c *slidingCounter) Decide(s State, now Time, h Hit, charge bool) Verdict {
	st := s.(*slidingState)
	at := max(now, st.start)
	cur := c.at(st, at)
	carried := mul(cur.previous, c.period-int64(at-cur.start)) // in parts of 1/period
	v := Verdict{Limit: c.limit}
	if room := c.limit - cur.count; room >= h.Cost {
		v.Allowed = !mul(room-h.Cost, c.period).less(carried)
	}
	if charge && (v.Allowed || c.countRejected) {
		cur.count = addSaturating(cur.count, h.Cost)
		*st = cur
	}
	if !v.Allowed {
		v.Wait = c.wait(&cur, now, h.Cost)
	}
	whole, part, _ := carried.divMod(c.period)
	v.Remaining = amount{whole: c.limit - cur.count}.sub(amount{whole, part}, c.period).float(c.period)
	return v
}

// wait is how long until a refused cost fits: in this window, while the one before fades, or in the next, while this
// one does.
func (c *slidingCounter) wait(cur *slidingState, now Time, cost int64) time.Duration {
	if cost > c.limit {
		return Never
	}
	start, fading, room := cur.start, cur.previous, c.limit-cost-cur.count
	if room < 0 {
		start, fading, room = start+Time(c.period), cur.count, c.limit-cost
	}
	// fading·(period-elapsed) <= room·period; it did not fit before, so room < fading, and the quotient < period.
	left, _, _ := mul(room, c.period).divMod(fading)
	return wait(int64(start-now) + c.period - left)
}

// at is st as it stands at now, which is not before its start.
func (c *slidingCounter) at(st *slidingState, now Time) slidingState {
	age := int64(now - st.start)
	switch {
	case age < c.period:
		return *st
	case age < 2*c.period:
		return slidingState{start: st.start + Time(c.period), previous: st.count}
	}
	return slidingState{start: floorTo(now, c.period)}
}

// Stat implements Statistician.
func (c *slidingCounter) Stat(s State, now Time, h Hit) Verdict {
	h.Cost = 1
	return c.Decide(s, now, h, false)
}

// Refund implements Refunder. What was charged in the window before is worth as much as it weighs now.
func (c *slidingCounter) Refund(s State, charged, _ Time, h Hit) {
	st := s.(*slidingState)
	switch floorTo(charged, c.period) {
	case st.start:
		st.count = max(st.count-h.Cost, 0)
	case st.start - Time(c.period):
		st.previous = max(st.previous-h.Cost, 0)
	}
}

// Join implements Joiner: of each window the higher count.
func (c *slidingCounter) Join(s, other State) {
	st, o := s.(*slidingState), other.(*slidingState)
	start := max(st.start, o.start)
	a, b := c.at(st, start), c.at(o, start)
	*st = slidingState{start, max(a.previous, b.previous), max(a.count, b.count)}
}

// NeutralAt implements Forgetter: when the last window that counted has faded.
func (c *slidingCounter) NeutralAt(s State) Time {
	st := s.(*slidingState)
	switch {
	case st.count > 0:
		return st.start + 2*Time(c.period)
	case st.previous > 0:
		return st.start + Time(c.period)
	}
	return st.start
}

// Adapt implements Adapter: the estimate at now, rounded up, is used in the window of the new period.
func (c *slidingCounter) Adapt(s State, old Algorithm, now Time) {
	st, o := s.(*slidingState), old.(*slidingCounter)
	if o.period == c.period {
		return
	}
	at := max(now, st.start)
	cur := o.at(st, at)
	carried, _ := mul(cur.previous, o.period-int64(at-cur.start)).ceilDiv(o.period)
	*st = slidingState{start: floorTo(at, c.period), count: addSaturating(cur.count, carried)}
}

// RecordsRefusals implements RefusalRecorder.
func (c *slidingCounter) RecordsRefusals() bool { return c.countRejected }

// Append implements Algorithm.
func (*slidingCounter) Append(b []byte, s State) []byte {
	st := s.(*slidingState)
	b = append(b, version)
	b = binary.AppendVarint(b, int64(st.start))
	b = binary.AppendUvarint(b, uint64(st.previous))
	return binary.AppendUvarint(b, uint64(st.count))
}

// Decode implements Algorithm.
func (c *slidingCounter) Decode(b []byte) (State, error) {
	r := reader{b: b}
	r.version()
	st := &slidingState{start: r.window(c.period), previous: r.uint(maxCount), count: r.uint(maxCount)}
	if !r.done() {
		return nil, errState
	}
	return st, nil
}
