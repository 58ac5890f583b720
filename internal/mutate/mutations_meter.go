package main

// Buckets, GCRA and the arithmetic below them.
var meterMutations = []mutation{
	{
		file: "strategy/meter.go", what: "a wait is rounded down",
		old: "us, _ := need.ceilDiv(m.limit)", new: "us, _, _ := need.divMod(m.limit)",
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
		old: "wait(us + int64(at-now))", new: "wait(us)",
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
		file: "strategy/meter.go", what: "a refund of all whole tokens forgets the part of one",
		old: "st.used.whole -= h.Cost; st.used.whole < 0", new: "st.used.whole -= h.Cost; st.used.whole <= 0",
		tests: "TestRefundOfWhole",
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
		file: "strategy/meter.go", what: "the last part of a token is forgiven",
		old: "if left.whole < 0 {", new: "if left.whole <= 0 {",
		tests: "TestBounded/token_bucket$|TestOracle/token_bucket$",
	},
	{
		file: "strategy/meter.go", what: "a borrow is lost",
		old: "d.part += m.period\n\t\td.whole--", new: "d.part += m.period",
		tests: "TestBounded/token_bucket$|TestOracle/token_bucket$",
	},
	{
		file: "strategy/meter.go", what: "what remains is rounded up to what does not fit",
		old: "return math.Nextafter(next, 0)", new: "return math.Nextafter(next, 2*next)",
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
		old: "capacity = amount{q + 1, part}", new: "capacity = amount{q, part}",
		tests: "TestOracle/gcra$",
	},
	{
		file: "strategy/gcra.go", what: "a tolerance is rounded down to whole hits",
		old: "capacity = amount{q + 1, part}", new: "capacity = amount{q + 1, 0 * part}",
		tests: "TestOracle/gcra$",
	},
	{
		file: "strategy/gcra.go", what: "part of a hit remains",
		old: "m.integral = true", new: "m.integral = false",
		tests: "TestOracle/gcra$",
	},
}
