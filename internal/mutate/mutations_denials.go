package main

// Refusals that a forwarder repeats.
var denialMutations = []mutation{
	{
		file: "node/denials.go", what: "a cheaper hit is refused too",
		old: "h.Cost >= x.cost &&", new: "h.Cost > 0 &&",
		tests: "TestDenialsAreNeverLate",
	},
	{
		file: "node/denials.go", what: "a hit of another tier or priority is refused too",
		old: "ok && class == x.class &&", new: "ok && class == class &&",
		tests: "TestDenialsAreNeverLate",
	},
	{
		file: "node/denials.go", what: "a hit under another policy is refused too",
		old: "x.class && samePolicy(h.Policy, x.policy) {", new: "x.class {",
		tests: "TestDenialsOfOthers",
	},
	{
		file: "node/denials.go", what: "a hit that waits is refused at once",
		old: "h.Cost >= x.cost && h.MaxWait == 0", new: "h.Cost >= x.cost",
		tests: "TestDenialsAreNeverLate",
	},
	{
		file: "node/denials.go", what: "a refusal is repeated until the longest wait of several is over",
		old: "hold = min(hold, strategy.Time(v.Wait/time.Microsecond))", new: "hold = min(maxDenial, strategy.Time(v.Wait/time.Microsecond))",
		tests: "TestDenialsOfSeveral",
	},
	{
		file: "node/denials.go", what: "a refusal is repeated for longer than a second",
		old: "hold := maxDenial", new: "hold := 2 * maxDenial",
		tests: "TestDenialsOfOthers",
	},
	{
		file: "node/denials.go", what: "the wait does not get shorter",
		old: "return wait - passed", new: "return wait",
		tests: "TestDenialsAreNeverLate",
	},
	{
		file: "node/denials.go", what: "a refund is not noticed",
		old: "if x := b.ways[i].Load(); x != nil && x.key == k {", new: "if x := b.ways[i].Load(); x != nil && x.key != k {",
		tests: "TestDenialsAreNeverLate",
	},
	{
		file: "node/denials.go", what: "what was refused before a refund, and told after it, is kept",
		old: "if sent <= strategy.Time(b.cleared.Load()) {", new: "if sent < 0 {",
		tests: "TestDenialsToldAfterARefund",
	},
	{
		file: "node/denials.go", what: "a refusal for those who wait is kept",
		old: "a.Allowed || a.Queued ||", new: "a.Allowed ||",
		tests: "TestRefusalsThatAreNotKept",
	},
	{
		file: "strategy/hold.go", what: "refusals that are recorded hold",
		old: "return !p.RecordsRefusals()", new: "return true",
		tests: "TestRefusalsHold",
	},
	{
		file: "strategy/hold.go", what: "what is above the limit is refused though a period has rolled over",
		old: "return 0, h.Cost <= q.limit", new: "return 0, true",
		tests: "TestRefusalsThatEndEarly",
	},
	{
		file: "strategy/hold.go", what: "all tiers are one",
		old: "return t.limitOf(&h), true", new: "return 0, true",
		tests: "TestRefusalsHold",
	},
	{
		file: "strategy/hold.go", what: "all priorities are one",
		old: "return int64(priorityOf(&h, p.marker, p.standard)), true", new: "return 0, true",
		tests: "TestRefusalsHold|TestClassOfSeveral",
	},
}
