package strategy

import (
	"encoding/binary"
	"math"
	"time"
)

// AdaptiveThrottle is a FixedWindow with an effective limit that shrinks under load and recovers window by window. Load
// is the use of the effective limit, the hit itself included; or, where the context has a number "load" from 0 to 1,
// that number, so that an application can tell of its own load.
//
// The first hit of a window whose load is above the threshold, allowed or refused, reduces the effective limit once
// for that window and the next ones; each later window starts with a part of the limit more, and after a window
// without any hit it is the full limit again. In one window it admits at most the limit.
//
// The effective limit has a fraction, in float64 as in the original. A limit of 1 is never reached, since its first hit
// alone is above any threshold: unless the context tells of a low load, such a key admits nothing, and is told Never.
type AdaptiveThrottle struct {
	// LoadThreshold is the load above which the limit is reduced, between 0 and 1; 0 means 0.8.
	LoadThreshold Ratio `json:"load_threshold,omitzero"`
	// ReductionFactor is what a reduction multiplies the effective limit by, between 0 and 1; 0 means 0.6.
	ReductionFactor Ratio `json:"reduction_factor,omitzero"`
	// RecoveryRate is the part of the limit that comes back with each window, between 0 and 1; 0 means 0.1.
	RecoveryRate Ratio `json:"recovery_rate,omitzero"`
	// MinLimitRatio is the part of the limit below which no reduction goes, between 0 and 1; 0 means 0.3.
	MinLimitRatio Ratio `json:"min_limit_ratio,omitzero"`
	// CountRejected makes refused hits use quota too.
	CountRejected bool `json:"count_rejected,omitzero"`
}

// Name implements Strategy.
func (AdaptiveThrottle) Name() string { return "adaptive_throttle" }

// Bind implements Strategy.
func (s AdaptiveThrottle) Bind(r Rate) (Algorithm, error) {
	a := &adaptive{limit: r.limit, period: r.micros(), countRejected: s.CountRejected}
	for _, p := range []struct {
		to       *float64
		value    Ratio
		standard float64
		field    string
	}{
		{&a.threshold, s.LoadThreshold, 0.8, "load_threshold"},
		{&a.reduction, s.ReductionFactor, 0.6, "reduction_factor"},
		{&a.recovery, s.RecoveryRate, 0.1, "recovery_rate"},
		{&a.least, s.MinLimitRatio, 0.3, "min_limit_ratio"},
	} {
		x, err := p.value.or(p.standard, 1, p.field)
		if err != nil {
			return nil, err
		}
		if x == 0 || x == 1 {
			return nil, paramError(p.field, x, "is not between 0 and 1")
		}
		*p.to = x
	}
	a.full = float64(a.limit)
	a.recovery *= a.full
	a.least *= a.full
	return a, nil
}

// adaptive computes limits in float64. A product that is part of a sum is computed beforehand or converted, lest a
// processor that fuses the two decides unlike the others.
type adaptive struct {
	limit         int64
	period        int64 // microseconds
	countRejected bool
	threshold     float64
	reduction     float64
	full          float64 // the limit
	recovery      float64 // hits
	least         float64 // hits
}

// adaptiveState is what was counted in the window that starts at start, and the effective limit there.
type adaptiveState struct {
	start     Time
	count     int64
	effective float64
	reduced   bool // in this window
}

// New implements Algorithm.
func (a *adaptive) New() State { return &adaptiveState{effective: a.full} }

// Decide implements Algorithm.
func (a *adaptive) Decide(s State, now Time, h Hit, charge bool) Verdict {
	st := s.(*adaptiveState)
	cur := a.at(st, now)
	tried := a.try(cur, &h)
	v := Verdict{Limit: a.hits(tried.effective)}
	v.Allowed = h.Cost <= v.Limit-tried.count
	if charge && (v.Allowed || a.countRejected || tried.reduced != cur.reduced) {
		if v.Allowed || a.countRejected {
			tried.count = addSaturating(tried.count, h.Cost)
		}
		cur = tried
		*st = cur
	}
	if !v.Allowed {
		v.Wait = a.wait(st, cur.start, now, &h)
	}
	v.Remaining = float(a.most(&cur, &h) - cur.count)
	return v
}

// try is cur as h leaves it apart from its cost: reduced, if the load with h is above the threshold.
func (a *adaptive) try(cur adaptiveState, h *Hit) adaptiveState {
	if cur.reduced {
		return cur
	}
	load, told := h.Context.number("load")
	if !told {
		load = a.load(&cur, addSaturating(cur.count, h.Cost))
	}
	if load > a.threshold {
		cur.effective, cur.reduced = a.reduce(cur.effective), true
	}
	return cur
}

// load is that of so many hits.
func (a *adaptive) load(cur *adaptiveState, hits int64) float64 { return float64(hits) / cur.effective }

// reduce is the effective limit after a reduction.
func (a *adaptive) reduce(effective float64) float64 {
	return max(a.least, float64(effective*a.reduction))
}

// hits is how many hits an effective limit admits.
func (a *adaptive) hits(effective float64) int64 { return min(int64(effective), a.limit) }

// most is the largest count that a hit like h could lead to: the effective limit once it is reduced, and before that
// either what the reduction would leave, or what does not set it off.
func (a *adaptive) most(cur *adaptiveState, h *Hit) int64 {
	if _, told := h.Context.number("load"); told || cur.reduced {
		return a.hits(a.try(*cur, h).effective)
	}
	calm := a.hits(cur.effective * a.threshold) // to within rounding
	for a.load(cur, calm) > a.threshold {
		calm--
	}
	for a.load(cur, calm+1) <= a.threshold {
		calm++
	}
	return max(calm, a.hits(a.reduce(cur.effective)))
}

// wait is until the next window, or the one after it, which has the full limit, since nothing arrives before.
func (a *adaptive) wait(st *adaptiveState, start, now Time, h *Hit) time.Duration {
	for range 2 {
		start += Time(a.period)
		if next := a.at(st, start); h.Cost <= a.most(&next, h) {
			return wait(int64(start - now))
		}
	}
	return Never
}

// at is st as it stands at now, recovered. A clock that went back stays in the window that it had been in.
func (a *adaptive) at(st *adaptiveState, now Time) adaptiveState {
	age := int64(now - st.start)
	switch {
	case age < a.period:
		return *st
	case age < 2*a.period:
		return adaptiveState{start: st.start + Time(a.period), effective: min(a.full, st.effective+a.recovery)}
	}
	return adaptiveState{start: floorTo(now, a.period), effective: a.full}
}

// Stat implements Statistician.
func (a *adaptive) Stat(s State, now Time, h Hit) Verdict {
	h.Cost = 1
	return a.Decide(s, now, h, false)
}

// Refund implements Refunder. A reduction that the charge set off stays.
func (a *adaptive) Refund(s State, charged, _ Time, h Hit) {
	st := s.(*adaptiveState)
	if floorTo(charged, a.period) == st.start {
		st.count = max(st.count-h.Cost, 0)
	}
}

// Join implements Joiner: at the later window, the higher count and the lower effective limit; where one copy was
// reduced, as if both were.
func (a *adaptive) Join(s, other State) {
	st, o := s.(*adaptiveState), other.(*adaptiveState)
	start := max(st.start, o.start)
	x, y := a.at(st, start), a.at(o, start)
	if x.reduced != y.reduced {
		for _, z := range []*adaptiveState{&x, &y} {
			if !z.reduced {
				z.effective = a.reduce(z.effective)
			}
		}
	}
	*st = adaptiveState{start, max(x.count, y.count), min(x.effective, y.effective), x.reduced || y.reduced}
}

// NeutralAt implements Forgetter: after the window, or the one after it if the limit has not recovered there.
func (a *adaptive) NeutralAt(s State) Time {
	st := s.(*adaptiveState)
	switch {
	case st.effective+a.recovery < a.full:
		return st.start + 2*Time(a.period)
	case st.count > 0 || st.effective < a.full:
		return st.start + Time(a.period)
	}
	return st.start
}

// Adapt implements Adapter: what was counted and the part of the limit in effect stay, within the new parameters.
func (a *adaptive) Adapt(s State, old Algorithm, now Time) {
	st, o := s.(*adaptiveState), old.(*adaptive)
	if o.period != a.period {
		at := max(now, st.start)
		*st = o.at(st, at)
		st.start = floorTo(at, a.period)
	}
	if o.full != a.full {
		st.effective = float64(st.effective/o.full) * a.full
	}
	st.effective = min(max(st.effective, a.least), a.full)
}

// RecordsRefusals implements RefusalRecorder: a refusal may reduce the limit.
func (*adaptive) RecordsRefusals() bool { return true }

// Append implements Algorithm.
func (*adaptive) Append(b []byte, s State) []byte {
	st := s.(*adaptiveState)
	reduced := uint64(0)
	if st.reduced {
		reduced = 1
	}
	b = append(b, version)
	b = binary.AppendVarint(b, int64(st.start))
	b = binary.AppendUvarint(b, uint64(st.count))
	b = binary.AppendUvarint(b, reduced)
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(st.effective))
}

// Decode implements Algorithm.
func (a *adaptive) Decode(b []byte) (State, error) {
	r := reader{b: b}
	r.version()
	st := &adaptiveState{start: r.window(a.period), count: r.uint(maxCount)}
	st.reduced = r.uint(1) == 1
	st.effective = r.float()
	if !r.done() || !(st.effective >= a.least && st.effective <= a.full) {
		return nil, errState
	}
	return st, nil
}
