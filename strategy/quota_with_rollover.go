package strategy

import (
	"encoding/binary"
	"time"
)

// QuotaWithRollover is a quota per period, aligned to the Unix epoch, of which a part of what was left unused rolls
// over into the next period. It never accumulates: what rolls over counts the base quota of one period only. In one
// period it admits at most limit + min(max_rollover, rollover_percentage·limit).
//
// The first period of a key has nothing to roll over; a period without any hit later on rolls over in full. A key that
// was not charged for 100 whole periods is a new key.
type QuotaWithRollover struct {
	// RolloverPercentage is the part of the unused quota that rolls over, from 0 to 1; the product is rounded toward
	// zero. 0 means 0.5, None means nothing.
	RolloverPercentage Ratio `json:"rollover_percentage,omitzero"`
	// MaxRollover is the most that rolls over; 0 means 500, None means nothing.
	MaxRollover Count `json:"max_rollover,omitzero"`
}

// Name implements Strategy.
func (QuotaWithRollover) Name() string { return "quota_with_rollover" }

// Bind implements Strategy.
func (s QuotaWithRollover) Bind(r Rate) (Algorithm, error) {
	part, err := s.RolloverPercentage.or(0.5, 1, "rollover_percentage")
	if err != nil {
		return nil, err
	}
	most, err := s.MaxRollover.or(500, 0, maxCapacity, "max_rollover")
	if err != nil {
		return nil, err
	}
	return &quota{limit: r.limit, period: r.micros(), part: part, most: most}, nil
}

// idlePeriods is for how many whole periods without a charge a key is remembered where what it did long ago would
// matter forever.
const idlePeriods = 100

type quota struct {
	limit  int64
	period int64   // microseconds
	part   float64 // of the unused quota
	most   int64   // that rolls over
}

// quotaState is what was used in the period that starts at start, and what rolled over into it. Before the first
// charge, known is false and the rest zero.
type quotaState struct {
	start            Time
	used, rolledOver int64
	known            bool
}

// New implements Algorithm.
func (*quota) New() State { return new(quotaState) }

// Decide implements Algorithm.
func (q *quota) Decide(s State, now Time, h Hit, charge bool) Verdict {
	st := s.(*quotaState)
	cur := q.at(st, now)
	limit := q.limit + cur.rolledOver
	v := Verdict{Limit: limit, Allowed: h.Cost <= limit-cur.used}
	switch {
	case !v.Allowed:
		v.Wait = q.wait(&cur, now, h.Cost)
	case charge:
		cur.used += h.Cost
		cur.known = true
		*st = cur
	}
	v.Remaining = float(limit - cur.used)
	return v
}

// wait is until the next period, or the one after it, which has all that can roll over.
func (q *quota) wait(cur *quotaState, now Time, cost int64) time.Duration {
	next, after := q.limit, q.limit
	if cur.known {
		next += q.rollover(cur.used)
		after += q.rollover(0)
	}
	switch left := int64(cur.start-now) + q.period; {
	case cost <= next:
		return wait(left)
	case cost <= after:
		return wait(left + q.period)
	}
	return Never
}

// at is st as it stands at now. A clock that went back stays in the period that it had been in.
func (q *quota) at(st *quotaState, now Time) quotaState {
	age := int64(now - st.start)
	switch {
	case !st.known:
		return quotaState{start: floorTo(now, q.period)}
	case age < q.period:
		return *st
	case age < 2*q.period:
		return quotaState{st.start + Time(q.period), 0, q.rollover(st.used), true}
	case age < (idlePeriods+1)*q.period:
		return quotaState{floorTo(now, q.period), 0, q.rollover(0), true}
	}
	return quotaState{start: floorTo(now, q.period)}
}

// rollover is what the next period gets where so much of the quota was used. The product is one of float64, as in the
// original.
func (q *quota) rollover(used int64) int64 {
	unused := max(q.limit-used, 0)
	return min(int64(float64(unused)*q.part), unused, q.most)
}

// Stat implements Statistician.
func (q *quota) Stat(s State, now Time, h Hit) Verdict {
	h.Cost = 1
	return q.Decide(s, now, h, false)
}

// Refund implements Refunder: what was charged in an earlier period stays used, and does not roll over.
func (q *quota) Refund(s State, charged, now Time, h Hit) {
	st := s.(*quotaState)
	if floorTo(charged, q.period) == st.start && int64(now-st.start) < q.period {
		st.used = max(st.used-h.Cost, 0)
	}
}

// Join implements Joiner: at the later period, the higher use and the lower rollover.
func (q *quota) Join(s, other State) {
	st, o := s.(*quotaState), other.(*quotaState)
	start := max(st.start, o.start)
	a, b := q.at(st, start), q.at(o, start)
	switch {
	case !a.known:
		*st = b
	case !b.known:
		*st = a
	default:
		*st = quotaState{start, max(a.used, b.used), min(a.rolledOver, b.rolledOver), true}
	}
}

// NeutralAt implements Forgetter: after the idle periods, or after the period where nothing can roll over.
func (q *quota) NeutralAt(s State) Time {
	st := s.(*quotaState)
	switch {
	case !st.known:
		return st.start
	case q.rollover(0) > 0:
		return st.start + Time((idlePeriods+1)*q.period)
	case st.used == 0 && st.rolledOver == 0:
		return st.start
	}
	return st.start + Time(q.period)
}

// Adapt implements Adapter: what was used in the old period, and what had rolled over into it, is so in the new one;
// no more rolls over than the new parameters allow.
func (q *quota) Adapt(s State, old Algorithm, now Time) {
	st, o := s.(*quotaState), old.(*quota)
	*st = o.at(st, max(now, st.start))
	if !st.known {
		*st = quotaState{}
		return
	}
	if o.period != q.period {
		st.start = floorTo(max(now, st.start), q.period)
	}
	st.rolledOver = min(st.rolledOver, q.rollover(0))
}

// Append implements Algorithm.
func (*quota) Append(b []byte, s State) []byte {
	st := s.(*quotaState)
	b = append(b, version)
	if !st.known {
		return b
	}
	b = binary.AppendVarint(b, int64(st.start))
	b = binary.AppendUvarint(b, uint64(st.used))
	return binary.AppendUvarint(b, uint64(st.rolledOver))
}

// Decode implements Algorithm.
func (q *quota) Decode(b []byte) (State, error) {
	r := reader{b: b}
	r.version()
	st := &quotaState{}
	if !r.done() {
		*st = quotaState{r.window(q.period), r.uint(maxCount), r.uint(q.rollover(0)), true}
	}
	if !r.done() {
		return nil, errState
	}
	return st, nil
}
