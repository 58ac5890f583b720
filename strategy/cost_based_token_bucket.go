package strategy

import "math"

// CostBasedTokenBucket is a TokenBucket that refills more slowly the more its hits cost: by the rate times
// max(MinRefillRate, 1/average), where average is that of the last CostWindow costs that were allowed. In any interval
// t it admits at most BurstSize + limit·max(1, MinRefillRate)·t/period.
//
// A refill is rounded up to 2^-32 token. A key that was not charged for 100 periods, and whose bucket is full, is a new
// key: its costs are forgotten.
type CostBasedTokenBucket struct {
	// BurstSize is the capacity; 0 means the rate's limit, None a bucket that admits nothing.
	BurstSize Count `json:"burst_size,omitzero"`
	// CostWindow is how many costs make the average, at most 10,000 and such that so many costs of the capacity
	// together are at most 2^60. 0 means 100, None that costs make no difference.
	CostWindow Count `json:"cost_window,omitzero"`
	// MinRefillRate is the part of the rate below which the refill does not slow down, at most 1,000,000 and kept to
	// nine decimals; above 1 it speeds the refill up. 0 means 0.5, None that the average alone counts.
	MinRefillRate Ratio `json:"min_refill_rate,omitzero"`
}

// Name implements Strategy.
func (CostBasedTokenBucket) Name() string { return "cost_based_token_bucket" }

// Bind implements Strategy.
func (s CostBasedTokenBucket) Bind(r Rate) (Algorithm, error) {
	size, err := burst(s.BurstSize, r)
	if err != nil {
		return nil, err
	}
	window, err := s.CostWindow.or(100, 0, 10_000, "cost_window")
	if err != nil {
		return nil, err
	}
	least, err := s.MinRefillRate.or(0.5, 1e6, "min_refill_rate")
	if err != nil {
		return nil, err
	}
	if window > maxCapacity/max(size, 1) {
		return nil, paramError("cost_window", window, "costs of the capacity are together above 2^60")
	}
	c := &costBucket{
		capacity: size,
		window:   int(window),
		period:   r.micros(),
		base:     fraction{r.limit, r.micros()}.reduced(),
		least:    fraction{billionths(least), billion}.reduced(),
	}
	c.slowest = c.base.times(c.least)
	bottom := c.slowest // of what the average can come to
	if c.least.num == 0 {
		bottom = c.base.times(fraction{1, max(size, 1)})
	}
	if t, ok := bottom.timeFor(amount{whole: size}); !ok || t > maxSpan {
		return nil, paramError("min_refill_rate", least, "lets the bucket take more than 100 years to fill at "+r.String())
	}
	return c, nil
}

type costBucket struct {
	capacity int64
	window   int
	period   int64    // microseconds
	base     fraction // tokens per microsecond of the rate
	least    fraction // MinRefillRate
	slowest  fraction // base·least
}

// costParts is how many parts a token of a costBucket has.
const costParts = 1 << 32

// costState is the level at an instant, counted in tokens missing, and the costs that slow the refill down. The zero
// value is that of a key never seen.
type costState struct {
	used  amount
	last  Time
	costs history
}

// New implements Algorithm.
func (*costBucket) New() State { return new(costState) }

// Decide implements Algorithm.
func (c *costBucket) Decide(s State, now Time, h Hit, charge bool) Verdict {
	st := s.(*costState)
	at := max(now, st.last)
	used, speed := c.at(st, at)
	free := amount{whole: c.capacity}.sub(used, costParts)
	v := Verdict{Limit: c.capacity, Allowed: h.Cost <= free.whole}
	switch {
	case v.Allowed && charge:
		if used == (amount{}) && int64(at-st.last) >= idlePeriods*c.period {
			st.costs.clear()
		}
		used.whole += h.Cost
		free.whole -= h.Cost
		st.used, st.last = used, at
		st.costs.push(h.Cost, c.window)
	case h.Cost > c.capacity:
		v.Wait = Never
	case !v.Allowed:
		short := st.used // what must drain from the last charge on
		short.whole += h.Cost - c.capacity
		us, ok := speed.timeFor(short)
		if !ok {
			us = math.MaxInt64 / 2
		}
		v.Wait = wait(us + int64(st.last-now))
	}
	v.Remaining = free.float(costParts)
	return v
}

// at is the level at now, which is not before st.last, and the speed at which it drains.
func (c *costBucket) at(st *costState, now Time) (used amount, speed fraction) {
	speed = c.speed(&st.costs)
	if st.used == (amount{}) {
		return st.used, speed
	}
	gone, ok := speed.in(int64(now-st.last), true)
	if !ok {
		return amount{}, speed
	}
	return st.used.drained(gone, costParts), speed
}

// speed is how fast the level drains: base·max(least, n/sum), or base where no costs are known.
func (c *costBucket) speed(h *history) fraction {
	switch n := int64(len(h.costs)); {
	case n == 0:
		return c.base
	case !mul(h.sum, c.least.num).less(mul(n, c.least.den)):
		return c.slowest
	default:
		return c.base.times(fraction{n, h.sum})
	}
}

// Stat implements Statistician.
func (c *costBucket) Stat(s State, now Time, h Hit) Verdict {
	h.Cost = 1
	return c.Decide(s, now, h, false)
}

// Refund implements Refunder. The average keeps what the hit had cost.
func (c *costBucket) Refund(s State, _, _ Time, h Hit) {
	st := s.(*costState)
	st.used = st.used.drained(amount{whole: h.Cost}, costParts)
}

// Join implements Joiner: the higher level at the later of the two instants, and the costs that slow the refill
// down more.
func (c *costBucket) Join(s, other State) {
	st, o := s.(*costState), *other.(*costState)
	last := max(st.last, o.last)
	c.drainTo(st, last)
	c.drainTo(&o, last)
	if st.used.less(o.used) {
		st.used = o.used
	}
	switch speed, other := c.speed(&st.costs), c.speed(&o.costs); {
	case other.less(speed), !speed.less(other) && st.costs.cheaper(&o.costs):
		st.costs = o.costs.clone()
	}
}

// drainTo moves st to now, with what has drained rounded down.
func (c *costBucket) drainTo(st *costState, now Time) {
	if now <= st.last {
		return
	}
	if now >= c.NeutralAt(st) {
		*st = costState{last: now}
		return
	}
	gone, _ := c.speed(&st.costs).in(int64(now-st.last), false) // less than used, or used would be neutral
	st.used, st.last = st.used.drained(gone, costParts), now
}

// NeutralAt implements Forgetter: when the level has drained and, where there are costs, the idle periods are over.
func (c *costBucket) NeutralAt(s State) Time {
	st := s.(*costState)
	us, ok := c.speed(&st.costs).timeFor(st.used)
	if !ok || us > int64(forever-st.last) {
		return forever
	}
	if len(st.costs.costs) > 0 {
		us = max(us, idlePeriods*c.period)
	}
	return st.last + Time(us)
}

// Adapt implements Adapter: what the old rate had not drained by now is still used, and the latest costs count.
func (c *costBucket) Adapt(s State, old Algorithm, now Time) {
	st, o := s.(*costState), old.(*costBucket)
	if o.base != c.base || o.least != c.least || o.window != c.window || o.period != c.period {
		o.drainTo(st, now)
		st.costs.trim(c.window)
	}
}

// Append implements Algorithm.
func (*costBucket) Append(b []byte, s State) []byte {
	st := s.(*costState)
	b = append(b, version)
	b = appendAmount(b, st.used, st.last)
	return st.costs.append(b)
}

// Decode implements Algorithm.
func (c *costBucket) Decode(b []byte) (State, error) {
	r := reader{b: b}
	r.version()
	st := &costState{}
	st.used, st.last = r.amount(costParts)
	st.costs = r.history(c.window)
	if !r.done() {
		return nil, errState
	}
	return st, nil
}

// fraction is num/den of two positive numbers, or 0/den.
type fraction struct{ num, den int64 }

// reduced is f in lowest terms.
func (f fraction) reduced() fraction {
	d := gcd(f.num, f.den)
	return fraction{f.num / d, f.den / d}
}

func (f fraction) less(o fraction) bool { return mul(f.num, o.den).less(mul(o.num, f.den)) }

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// times is f·o. It is exact unless the terms leave int64; then it is rounded up, to about 60 bits.
func (f fraction) times(o fraction) fraction { return speedOf(mul(f.num, o.num), mul(f.den, o.den)) }

// speedOf is num/den with both in int64, rounded up where they are not.
func speedOf(num, den wide) fraction {
	for num.hi|den.hi > 0 || int64(num.lo|den.lo) < 0 {
		num, den = num.half(true), den.half(false)
	}
	return fraction{int64(num.lo), max(int64(den.lo), 1)}
}

// in is what drains at f tokens per microsecond in us microseconds, in tokens of costParts, rounded up or down; ok is
// false if that is more than any level.
func (f fraction) in(us int64, up bool) (gone amount, ok bool) {
	whole, rest, ok := mul(us, f.num).divMod(f.den)
	if !ok {
		return amount{}, false
	}
	part, left, _ := mul(rest, costParts).divMod(f.den)
	if up && left > 0 {
		if part++; part == costParts {
			return amount{whole + 1, 0}, whole < math.MaxInt64
		}
	}
	return amount{whole, part}, true
}

// timeFor is the least number of microseconds in which, rounded up, a drains at f tokens per microsecond; ok is false
// if that exceeds int64.
func (f fraction) timeFor(a amount) (us int64, ok bool) {
	switch {
	case a.whole < 0 || a == amount{}:
		return 0, true
	case f.num == 0:
		return 0, false
	}
	// All but the last part must have drained, and more than that, in units of 2^-32: parts-1 < us·num·2^32/den.
	if a.part--; a.part < 0 {
		a.whole, a.part = a.whole-1, costParts-1
	}
	below := mul(a.part, f.den).shift32()
	us, _, ok = mul(a.whole, f.den).add(below).divMod(f.num)
	return us + 1, ok && us < math.MaxInt64
}
