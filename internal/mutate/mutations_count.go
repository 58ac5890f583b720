package main

// Counting in windows.
var countMutations = []mutation{
	{
		file: "strategy/fixed_window.go", what: "a slot is a window early where the costs ahead fill the last",
		old: "(over-1)/f.limit+1", new: "(over-2)/f.limit+1",
		tests: "TestSlots",
	},
	{
		file: "strategy/fixed_window.go", what: "what is left of a window is not for the line",
		old: "max(f.limit-count, 0)", new: "0*max(f.limit-count, 0)",
		tests: "TestSlots",
	},
	{
		file: "strategy/window.go", what: "a hit above the limit fits",
		old: "Allowed: cost <= limit-count}", new: "Allowed: cost <= limit-count+1}",
		tests: "TestOracle/fixed_window",
	},
	{
		file: "strategy/window.go", what: "the boundary instant belongs to the old window",
		old: "int64(now-st.start) < w.period", new: "int64(now-st.start) <= w.period",
		tests: "TestOracle/fixed_window",
	},
	{
		file: "strategy/window.go", what: "a window begins with its first hit",
		old: "return floorTo(now, w.period), 0", new: "return now, 0",
		tests: "TestOracle/fixed_window",
	},
	{
		file: "strategy/window.go", what: "a wait is a whole window",
		old: "wait(int64(start-now) + w.period)", new: "wait(0*int64(start-now) + w.period)",
		tests: "TestWaits/fixed_window",
	},
	{
		file: "strategy/window.go", what: "a cost of all the limit never fits",
		old: "if cost > limit {", new: "if cost >= limit {",
		tests: "TestOracle/fixed_window",
	},
	{
		file: "strategy/window.go", what: "a refused hit consumes",
		old: "charge && (v.Allowed || w.countRejected)", new: "charge",
		tests: "TestCheckAgreesWithHit/fixed_window|TestOracle/fixed_window",
	},
	{
		file: "strategy/window.go", what: "a refund reaches a later window",
		old: "if floorTo(charged, w.period) == st.start {", new: "if floorTo(charged, w.period) <= st.start {",
		tests: "TestRefund/fixed_window|TestOracle/fixed_window",
	},
	{
		file: "strategy/window.go", what: "a refund gives back more than was used",
		old: "max(st.count-h.Cost, 0)", new: "st.count - h.Cost",
		tests: "TestRefundNeverAboveFull/fixed_window",
	},
	{
		file: "strategy/window.go", what: "of two copies the earlier window is kept",
		old: "case o.start > st.start:", new: "case o.start < st.start:",
		tests: "TestJoin/fixed_window",
	},
	{
		file: "strategy/window.go", what: "of two copies the lower count is kept",
		old: "st.count = max(st.count, o.count)", new: "st.count = min(st.count, o.count)",
		tests: "TestJoin/fixed_window",
	},
	{
		file: "strategy/window.go", what: "a window is forgotten before it is over",
		old: "return st.start + Time(w.period)\n", new: "return st.start + Time(w.period) - 1\n",
		tests: "TestForgettable/fixed_window",
	},
	{
		file: "strategy/window.go", what: "a new period begins with nothing used",
		old: "_, st.count = o.at(st, at)", new: "st.count = 0",
		tests: "TestChange/fixed_window",
	},
	{
		file: "strategy/tiered_rate.go", what: "a client can invent a tier",
		old: "if limit, ok := t.limits[tier]; ok {", new: "if limit, ok := t.limits[tier]; ok || tier != \"\" {",
		tests: "TestOracle/tiered",
	},
	{
		file: "strategy/tiered_rate.go", what: "a marker is found inside a word",
		old: "if i == 0 || key[i-1] == ':' {", new: "if i >= 0 {",
		tests: "TestOracle/tiered",
	},
	{
		file: "strategy/params.go", what: "a multiplied limit is rounded up",
		old: "return int64(x), true", new: "return int64(math.Ceil(x)), true",
		tests: "TestOracle/tiered",
	},
	{
		file: "strategy/time_of_day.go", what: "the zone counts the wrong way",
		old: "local := at + Time(t.offset)", new: "local := at - Time(t.offset)",
		tests: "TestOracle/time_of_day",
	},
	{
		file: "strategy/time_of_day.go", what: "a wait does not see a larger hour before the end of the window",
		old: "ok && change < end {", new: "ok && change < end && false {",
		tests: "TestOracle/time_of_day",
	},
	{
		file: "strategy/time_of_day.go", what: "never is said though a later hour is large enough",
		old: "if change, ok := t.hourFor(0, cost, end); ok {", new: "if change, ok := t.hourFor(0, cost, end); ok && cost == 0 {",
		tests: "TestOracle/time_of_day",
	},
	{
		file: "strategy/quota_with_rollover.go", what: "what rolled over rolls over again",
		old: "unused := max(q.limit-used, 0)", new: "unused := max(q.limit+1-used, 0)",
		tests: "TestOracle/quota",
	},
	{
		file: "strategy/quota_with_rollover.go", what: "an idle period rolls nothing over",
		old: "return quotaState{floorTo(now, q.period), 0, q.rollover(0), true}", new: "return quotaState{floorTo(now, q.period), 0, 0, true}",
		tests: "TestOracle/quota",
	},
	{
		file: "strategy/quota_with_rollover.go", what: "more rolls over than the most",
		old: "unused, q.most)", new: "unused, q.most+1)",
		tests: "TestOracle/quota",
	},
	{
		file: "strategy/quota_with_rollover.go", what: "of two copies the higher rollover is kept",
		old: "min(a.rolledOver, b.rolledOver)", new: "max(a.rolledOver, b.rolledOver)",
		tests: "TestJoinOfRollovers",
	},
	{
		file: "strategy/adaptive_throttle.go", what: "each hit above the threshold reduces the limit again",
		old: "if cur.reduced {\n\t\treturn cur\n", new: "if cur.reduced && !cur.reduced {\n\t\treturn cur\n",
		tests: "TestOracle/adaptive",
	},
	{
		file: "strategy/adaptive_throttle.go", what: "a load at the threshold reduces the limit",
		old: "if load > a.threshold {", new: "if load >= a.threshold {",
		tests: "TestOracle/adaptive",
	},
	{
		file: "strategy/adaptive_throttle.go", what: "a reduction goes below the least",
		old: "return max(a.least, float64(effective*a.reduction))", new: "return float64(effective * a.reduction)",
		tests: "TestOracle/adaptive",
	},
	{
		file: "strategy/adaptive_throttle.go", what: "a window restores the limit at once",
		old: "min(a.full, st.effective+a.recovery)}", new: "a.full}",
		tests: "TestOracle/adaptive",
	},
	{
		file: "strategy/adaptive_throttle.go", what: "a reduced limit is forgotten with its window",
		old: "return st.start + 2*Time(a.period)", new: "return st.start + Time(a.period)",
		tests: "TestForgettable/adaptive",
	},
}
