package main

// mutations are the mistakes that must be noticed.
var mutations = []mutation{
	{
		file: "strategy/meter.go", what: "a wait is rounded down",
		old: "us, _ := need.ceilDiv(m.limit)", new: "us, _, _ := need.divMod(m.limit)",
		tests: "TestOracle/token_bucket|TestWaits/token_bucket",
	},
	{
		file: "strategy/meter.go", what: "a hit that fits just so is refused",
		old: "case h.Cost <= free.whole:", new: "case h.Cost < free.whole:",
		tests: "TestOracle/token_bucket",
	},
}
