package main

// Sliding windows: counters and logs.
var logMutations = []mutation{
	{
		file: "strategy/sliding_window_counter.go", what: "the window before counts in full",
		old: "mul(cur.previous, c.period-int64(at-cur.start))", new: "mul(cur.previous, c.period-0*int64(at-cur.start))",
		tests: "TestOracle/sliding_window_counter",
	},
	{
		file: "strategy/sliding_window_counter.go", what: "what is carried over is rounded down to whole hits",
		old: "v.Allowed = !mul(room-h.Cost, c.period).less(carried)", new: "v.Allowed = !mul(room-h.Cost+1, c.period-1).less(carried)",
		tests: "TestOracle/sliding_window_counter",
	},
	{
		file: "strategy/sliding_window_counter.go", what: "a wait does not look past the end of the window",
		old: "start, fading, room = start+Time(c.period), cur.count, c.limit-cost", new: "fading, room = cur.count, c.limit-cost",
		tests: "TestWaits/sliding_window_counter",
	},
	{
		file: "strategy/sliding_window_counter.go", what: "a wait is rounded the wrong way",
		old: "wait(int64(start-now) + c.period - left)", new: "wait(int64(start-now) + c.period - left - 1)",
		tests: "TestWaits/sliding_window_counter",
	},
	{
		file: "strategy/sliding_window_counter.go", what: "the window before is lost with the first hit of the next",
		old: "slidingState{start: st.start + Time(c.period), previous: st.count}", new: "slidingState{start: st.start + Time(c.period)}",
		tests: "TestOracle/sliding_window_counter",
	},
	{
		file: "strategy/sliding_window_counter.go", what: "it is forgotten when the window is over",
		old: "return st.start + 2*Time(c.period)", new: "return st.start + Time(c.period)",
		tests: "TestForgettable/sliding_window_counter",
	},
	{
		file: "strategy/sliding_window_counter.go", what: "the estimate is rounded down for a new period",
		old: "carried, _ := mul(cur.previous, o.period-int64(at-cur.start)).ceilDiv(o.period)", new: "carried, _, _ := mul(cur.previous, o.period-int64(at-cur.start)).divMod(o.period)",
		tests: "TestChange/sliding_window_counter",
	},
	{
		file: "strategy/sliding_window_counter.go", what: "copies of different windows are not aligned",
		old: "a, b := c.at(st, start), c.at(o, start)", new: "a, b := *st, *o",
		tests: "TestJoinWithThePast/sliding_window_counter",
	},
	{
		file: "strategy/cost_log.go", what: "an entry counts at the end of its period",
		old: "int64(now-l.entries[i+j].at) < period })", new: "int64(now-l.entries[i+j].at) <= period })",
		tests: "TestOracle/sliding_window_log",
	},
	{
		file: "strategy/cost_log.go", what: "a refund of one hit gives back its whole instant",
		old: "back := min(cost, had)", new: "back := had + 0*min(cost, had)",
		tests: "TestOracle/sliding_window_log",
	},
	{
		file: "strategy/cost_log.go", what: "a refund gives back more than was charged at its instant",
		old: "back := min(cost, had)", new: "back := cost",
		tests: "TestOracle/sliding_window_log|TestRefundNeverAboveFull/sliding_window_log",
	},
	{
		file: "strategy/cost_log.go", what: "of an instant in both copies the lower cost is kept",
		old: "cost = max(cost, o.entries[j].total-o.through(j))", new: "cost = min(cost, o.entries[j].total-o.through(j))",
		tests: "TestJoin/sliding_window_log",
	},
	{
		file: "strategy/cost_log.go", what: "a log is forgotten a microsecond early",
		old: "return max(l.latest, l.entries[n-1].at+Time(period))", new: "return max(l.latest, l.entries[n-1].at+Time(period)-1)",
		tests: "TestForgettable/sliding_window_log",
	},
	{
		file: "strategy/cost_log.go", what: "the wait is until the oldest entry leaves, though that is not enough",
		old: "return sums(logs, entries[j].at+Time(period), period) <= keep", new: "return keep >= 0",
		tests: "TestWaits/sliding_window_log",
	},
	{
		file: "strategy/cost_log.go", what: "a full log forgets what it merges",
		old: "kept[n-1] = e\n", new: "kept[n-1].at = e.at\n",
		tests: "TestLongLog",
	},
	{
		file: "strategy/sliding_window_log.go", what: "a clock that went back is believed",
		old: "at := max(now, l.latest)\n\troom", new: "at := now\n\troom",
		tests: "TestOracle/sliding_window_log",
	},
	{
		file: "strategy/priority_queue.go", what: "a hit sees lower priorities only",
		old: "rivals := q[level:]", new: "rivals := q[:level+1]",
		tests: "TestOracle/priority_queue",
	},
	{
		file: "strategy/priority_queue.go", what: "a full queue takes one more",
		old: "h.Cost <= room && seats > 0}", new: "h.Cost <= room && seats >= 0}",
		tests: "TestOracle/priority_queue",
	},
	{
		file: "strategy/priority_queue.go", what: "the wait does not look at the length of the queue",
		old: "free = max(free, q.vacates(at, p.period, p.size))", new: "free = max(free, 0*q.vacates(at, p.period, p.size))",
		tests: "TestWaits/priority_queue|TestOracle/priority_queue",
	},
	{
		file: "strategy/priority.go", what: "the key counts for more than the context",
		old: "if p := h.Context.Priority(); p != 0 {", new: "if p := h.Context.Priority(); p != 0 && marked(h.Key, marker) == \"\" {",
		tests: "TestOracle/priority_queue",
	},
}
