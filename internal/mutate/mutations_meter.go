package main

// Buckets, GCRA and the arithmetic below them.
var meterMutations = []mutation{
	{
		file: "strategy/meter.go", what: "a wait is rounded down",
		old: "us, ok := parts.ceilDiv(m.limit)", new: "us, _, ok := parts.divMod(m.limit)",
		tests: "TestWaits/token_bucket$",
	},
	{
		file: "strategy/meter.go", what: "a hit that fits just so is refused",
		old: "case h.Cost <= free.whole:", new: "case h.Cost < free.whole:",
		tests: "TestOracle/token_bucket$",
	},
	{
		file: "strategy/meter.go", what: "a cost of all the capacity never fits",
		old: "case h.Cost > m.capacity.whole:", new: "case h.Cost >= m.capacity.whole:",
		tests: "TestOracle/token_bucket$",
	},
	{
		file: "strategy/meter.go", what: "a clock that went back is believed",
		old: "at := max(now, st.last)", new: "at := now",
		tests: "TestClockBack/token_bucket$|TestOracle/token_bucket$",
	},
	{
		file: "strategy/meter.go", what: "a wait does not count the time that the clock went back",
		old: "wait(addSaturating(us, int64(at-now)))", new: "wait(addSaturating(us, 0*int64(at-now)))",
		tests: "TestWaits/token_bucket$",
	},
	{
		file: "strategy/meter.go", what: "a wait ignores the part of a token that is free",
		old: ".sub(wide{lo: uint64(free.part)})", new: "",
		tests: "TestWaits/token_bucket$",
	},
	{
		file: "strategy/meter.go", what: "a charge does not move the instant of the level",
		old: "st.used, st.last = used, at", new: "st.used = used",
		tests: "TestBounded/token_bucket$",
	},
	{
		file: "strategy/amount.go", what: "the last part of a token is forgiven",
		old: "d.whole >= 0 {", new: "d.whole > 0 {",
		tests: "TestRefundOfWhole|TestBounded/token_bucket$",
	},
	{
		file: "strategy/meter.go", what: "copies are joined at the earlier instant",
		old: "now := max(st.last, o.last)", new: "now := min(st.last, o.last)",
		tests: "TestJoin/token_bucket$",
	},
	{
		file: "strategy/meter.go", what: "of two copies the lower level is kept",
		old: "if st.used.less(o.used) {", new: "if o.used.less(st.used) {",
		tests: "TestJoin/token_bucket$",
	},
	{
		file: "strategy/meter.go", what: "a level is forgotten when its whole tokens have drained",
		old: "m.drainTime(st.used)", new: "m.drainTime(amount{whole: st.used.whole})",
		tests: "TestForgettable/token_bucket$",
	},
	{
		file: "strategy/meter.go", what: "the past drains by the new rate",
		old: "o.drainTo(st, now)", new: "m.drainTo(st, now)",
		tests: "TestChange/token_bucket$",
	},
	{
		file: "strategy/meter.go", what: "the part of a token is not rescaled to a new period",
		old: "if m.period == o.period {", new: "if m.period <= o.period {",
		tests: "TestChange/token_bucket$",
	},
	{
		file: "strategy/amount.go", what: "a borrow is lost",
		old: "d.part += parts\n\t\td.whole--", new: "d.part += parts",
		tests: "TestBounded/token_bucket$|TestOracle/token_bucket$",
	},
	{
		file: "strategy/amount.go", what: "what remains is rounded up to what does not fit",
		old: "return math.Nextafter(float64(a.whole+1), 0)", new: "return float64(a.whole + 1)",
		tests: "TestRemainingIsRoundedDown",
	},
	{
		file: "strategy/wide.go", what: "a carry is lost",
		old: "hi, _ := bits.Add64(a.hi, b.hi, carry)", new: "hi, _ := bits.Add64(a.hi, b.hi, 0*carry)",
		tests: "TestWide",
	},
	{
		file: "strategy/wide.go", what: "a borrow is lost",
		old: "hi, _ := bits.Sub64(a.hi, b.hi, borrow)", new: "hi, _ := bits.Sub64(a.hi, b.hi, 0*borrow)",
		tests: "TestWide",
	},
	{
		file: "strategy/wide.go", what: "a small remainder is not rounded up",
		old: "if r > 0 {\n\t\tq++", new: "if r > 1 {\n\t\tq++",
		tests: "TestWide",
	},
	{
		file: "strategy/gcra.go", what: "a tolerance of 0 lets nothing through",
		old: "capacity = amount{q.Int64() + 1, part.Int64()}", new: "capacity = amount{q.Int64(), part.Int64()}",
		tests: "TestOracle/gcra$",
	},
	{
		file: "strategy/gcra.go", what: "a tolerance is rounded down to whole hits",
		old: "capacity = amount{q.Int64() + 1, part.Int64()}", new: "capacity = amount{q.Int64() + 1, 0 * part.Int64()}",
		tests: "TestOracle/gcra$",
	},
	{
		file: "strategy/gcra.go", what: "part of a hit remains",
		old: "m.integral = true", new: "m.integral = false",
		tests: "TestOracle/gcra$",
	},
	{
		file: "strategy/amount.go", what: "a whole number that float64 cannot tell is rounded up",
		old: "f >= 1<<53 && int64(f) > n", new: "f >= 1<<63 && int64(f) > n",
		tests: "TestRemainingIsRoundedDown",
	},
	{
		file: "strategy/token_bucket_with_debt.go", what: "debt is not part of the capacity",
		old: "whole: size + s.MaxDebt", new: "whole: size + 0*s.MaxDebt",
		tests: "TestOracle/token_bucket_with_debt",
	},
	{
		file: "strategy/meter.go", what: "a slot does not wait for the costs ahead",
		old: "addSaturating(ahead, h.Cost)", new: "addSaturating(0*ahead, h.Cost)",
		tests: "TestSlots",
	},
	{
		file: "strategy/cost_based_token_bucket.go", what: "expensive hits do not slow the refill down",
		old: "return c.base.times(fraction{n, h.sum})", new: "return c.base",
		tests: "TestHistoryOfCosts",
	},
	{
		file: "strategy/cost_based_token_bucket.go", what: "the refill slows down below its least",
		old: "return c.slowest\n", new: "return c.base.times(fraction{n, h.sum})\n",
		tests: "TestOracle/cost_based",
	},
	{
		file: "strategy/cost_based_token_bucket.go", what: "a refill is rounded down",
		old: "gone, ok := speed.in(int64(now-st.last), true)", new: "gone, ok := speed.in(int64(now-st.last), false)",
		tests: "TestOracle/cost_based|TestWaits/cost_based",
	},
	{
		file: "strategy/cost_based_token_bucket.go", what: "a wait is a microsecond too short",
		old: "return us + 1, ok && us < math.MaxInt64", new: "return us, ok && us < math.MaxInt64",
		tests: "TestWaits/cost_based",
	},
	{
		file: "strategy/cost_based_token_bucket.go", what: "of two copies the faster refill is kept",
		old: "case other.less(speed), ", new: "case speed.less(other), ",
		tests: "TestJoin/cost_based",
	},
	{
		file: "strategy/cost_based_token_bucket.go", what: "costs are forgotten as soon as the bucket is full",
		old: "int64(at-st.last) >= idlePeriods*c.period", new: "int64(at-st.last) >= 0*idlePeriods*c.period",
		tests: "TestHistoryOfCosts",
	},
	{
		file: "strategy/history.go", what: "the oldest cost is kept in the sum",
		old: "h.sum -= h.costs[h.next]\n", new: "_ = h.sum\n",
		tests: "TestHistoryOfCosts",
	},
}
