package strategy

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
	return &fixedWindow{window{r.micros(), s.CountRejected}, r.limit}, nil
}

type fixedWindow struct {
	window
	limit int64
}

// Decide implements Algorithm.
func (f *fixedWindow) Decide(s State, now Time, h Hit, charge bool) Verdict {
	return f.decide(s.(*windowState), now, h.Cost, f.limit, charge)
}

// Stat implements Statistician.
func (f *fixedWindow) Stat(s State, now Time, h Hit) Verdict {
	return f.decide(s.(*windowState), now, 1, f.limit, false)
}

// Slot implements Queuer: the beginning of the window that is not used up by the costs ahead. It is early where they do
// not fill their windows, since a hit is never split.
func (f *fixedWindow) Slot(s State, now Time, ahead int64, h Hit) Verdict {
	v := f.Decide(s, now, h, false)
	if v.Wait == Never || ahead == 0 {
		return v
	}
	start, count := f.at(s.(*windowState), now)
	over := addSaturating(ahead, h.Cost) - max(f.limit-count, 0)
	if over <= 0 {
		return v
	}
	us, _, ok := mul((over-1)/f.limit+1, f.period).divMod(1)
	if !ok {
		us = maxCount
	}
	v.Allowed, v.Wait = false, wait(addSaturating(us, int64(start-now)))
	return v
}
