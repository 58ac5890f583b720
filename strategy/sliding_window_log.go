package strategy

// SlidingWindowLog remembers every hit for one period and is exact: in no interval of one period does it admit more
// than the limit. It pays with memory: 16 bytes for each instant with a hit in the last period, at most 2^20 of them.
// Beyond that, hits of the same 2^19th of the period are counted together, at the instant of the latest of them.
type SlidingWindowLog struct{}

// Name implements Strategy.
func (SlidingWindowLog) Name() string { return "sliding_window_log" }

// Bind implements Strategy.
func (SlidingWindowLog) Bind(r Rate) (Algorithm, error) {
	return &slidingLog{limit: r.limit, period: r.micros()}, nil
}

type slidingLog struct {
	limit  int64
	period int64 // microseconds
}

// New implements Algorithm.
func (*slidingLog) New() State { return new(costLog) }

// Decide implements Algorithm.
func (s *slidingLog) Decide(state State, now Time, h Hit, charge bool) Verdict {
	l := state.(*costLog)
	at := max(now, l.latest)
	room := s.limit - l.sum(at, s.period)
	v := Verdict{Limit: s.limit, Allowed: h.Cost <= room}
	switch {
	case v.Allowed && charge:
		l.add(at, h.Cost, s.period)
		room -= h.Cost
	case h.Cost > s.limit:
		v.Wait = Never
	case !v.Allowed:
		v.Wait = wait(int64(clears([]costLog{*l}, at, s.period, s.limit-h.Cost) - now))
	}
	v.Remaining = float(room)
	return v
}

// Stat implements Statistician.
func (s *slidingLog) Stat(state State, now Time, h Hit) Verdict {
	h.Cost = 1
	return s.Decide(state, now, h, false)
}

// Refund implements Refunder: it takes the cost off the entry of the charge.
func (s *slidingLog) Refund(state State, charged, _ Time, h Hit) {
	state.(*costLog).refund(charged, h.Cost)
}

// Join implements Joiner: the union of both logs; of an instant in both, the higher cost.
func (s *slidingLog) Join(state, other State) { state.(*costLog).join(other.(*costLog), s.period) }

// NeutralAt implements Forgetter: one period after the last charge.
func (s *slidingLog) NeutralAt(state State) Time { return state.(*costLog).neutralAt(s.period) }

// Adapt implements Adapter: what counts at now is held against the new limit for the new period.
func (s *slidingLog) Adapt(state State, old Algorithm, now Time) {
	l := state.(*costLog)
	l.prune(max(now, l.latest), old.(*slidingLog).period)
}

// Append implements Algorithm.
func (*slidingLog) Append(b []byte, state State) []byte {
	return state.(*costLog).append(append(b, version))
}

// Decode implements Algorithm.
func (*slidingLog) Decode(b []byte) (State, error) {
	r := reader{b: b}
	r.version()
	l := r.log()
	if !r.done() {
		return nil, errState
	}
	return &l, nil
}
