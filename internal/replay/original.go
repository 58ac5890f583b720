package main

import (
	"encoding/json"
	"math"
)

// original follows what the original holds in a trace, to find the quirks that the trace does not label. A label says
// that results differ once that one quirk is switched off; it is missing where a second quirk hides the difference,
// or where nothing came of it later.
type original struct {
	*trace
	admitted []operation // hits
	lastHit  int64       // index of the period of the latest hit, admitted or not
	trimmed  int64       // until when a PriorityQueue lacks hits that it has forgotten, in ms
}

// hit takes note of a hit.
func (o *original) hit(op operation) {
	o.lastHit = op.TimeMS / o.Rate.PeriodMS
	if op.WaitMS == 0 {
		o.admitted = append(o.admitted, op)
		if o.Strategy == "PriorityQueue" && len(o.live(op)) > o.size() {
			o.trimmed = op.TimeMS + o.Rate.PeriodMS
		}
	}
}

// parts is the name of the quirk that makes op, a hit, be admitted in the original only; "" if there is none.
//
// A full PriorityQueue refuses, where the original admits and forgets a hit, and so admits others later.
func (o *original) parts(op operation) string {
	if op.WaitMS == 0 && (o.full(op) || op.TimeMS < o.trimmed) {
		return trims
	}
	return ""
}

// full reports whether the queue of a PriorityQueue is full at op. Hits of one instant and priority share an entry.
func (o *original) full(op operation) bool {
	if o.Strategy != "PriorityQueue" {
		return false
	}
	type entry struct {
		at       int64
		priority int
	}
	entries := map[entry]bool{}
	for _, e := range o.live(op) {
		entries[entry{e.TimeMS, e.Priority}] = true
	}
	return len(entries) >= o.size()
}

// size is how many hits a PriorityQueue remembers.
func (o *original) size() int {
	size := 1000
	o.param("max_queue_size", &size)
	return size
}

// param sets v to a parameter of the trace, where it is given. That it can be read, the strategy has found out.
func (o *original) param(name string, v any) {
	if raw, ok := o.Params[name]; ok {
		_ = json.Unmarshal(raw, v)
	}
}

// hides is the name of the behaviour that makes a result of op, other than a decision, differ; "" if there is none.
func (o *original) hides(op operation, what result) string {
	waits := what == hitWait || what == statWait
	switch {
	case what == statWait && o.closed():
		return "impossible_cost_wait"
	case o.Strategy == "QuotaWithRollover" && what == statRemaining && o.rolls(op):
		return "quota_stat_ignores_rollover"
	case o.Strategy == "QuotaWithRollover" && waits && op.cost() > o.Rate.Limit:
		return "impossible_cost_wait" // it takes a rollover that the next period does not have
	case o.Strategy == "PriorityQueue" && waits && o.short(op):
		return "wait_oldest_only"
	case what != hitWait && o.full(op):
		return trims
	case o.Strategy == "TimeOfDay" && waits && o.slotChanges(op):
		return "tod_wait_ignores_slots"
	}
	return ""
}

// trims is the quirk of a PriorityQueue that admits to a full queue.
const trims = "pq_trim_undercounts"

// closed reports whether a limit that the parameters make is 0, so that a stat may be told a wait for what never fits.
func (o *original) closed() bool {
	size, debt, tiers := o.Rate.Limit, int64(0), map[string]float64{}
	o.param("burst_size", &size)
	o.param("max_debt", &debt)
	o.param("tier_multipliers", &tiers)
	for _, m := range tiers {
		size = min(size, int64(float64(o.Rate.Limit)*m))
	}
	return size+debt == 0
}

// rolls reports whether op is the first of its period for a known key: what rolls over then, the original shows from the
// next hit on. The label is missing where that hit would not show it either, since what was used before is lost.
func (o *original) rolls(op operation) bool {
	return len(o.admitted) > 0 && o.lastHit < op.TimeMS/o.Rate.PeriodMS
}

// short reports whether the wait until the oldest hit leaves is too short for op.
func (o *original) short(op operation) bool {
	sum, oldest := int64(0), int64(0)
	for _, e := range o.live(op) {
		if e.Priority < op.Priority {
			continue
		}
		if sum += *e.Cost; oldest == 0 {
			oldest = *e.Cost
		}
	}
	return sum-oldest+op.cost() > o.Rate.Limit
}

// slotChanges reports whether the multiplier of a TimeOfDay changes between op and the end of its window, inclusive, or
// leaves too little for op at that end. The original waits for it whatever the limit is by then, or before.
func (o *original) slotChanges(op operation) bool {
	windows, offset := [][3]float64{{0, 8, 2}, {8, 17, 1}, {17, 24, 1.5}}, 0.0
	o.param("time_windows", &windows)
	o.param("timezone_offset", &offset)
	multiplier := func(ms int64) float64 {
		hour := math.Floor(math.Mod(float64(ms)/3_600_000+offset, 24))
		for _, w := range windows {
			if w[0] <= hour && hour < w[1] {
				return w[2]
			}
		}
		return 1
	}
	end := (op.TimeMS/o.Rate.PeriodMS + 1) * o.Rate.PeriodMS
	for ms := op.TimeMS; ms < min(end, op.TimeMS+24*3_600_000); ms += 60_000 {
		if multiplier(ms) != multiplier(op.TimeMS) {
			return true
		}
	}
	return multiplier(end) != multiplier(op.TimeMS) || int64(float64(o.Rate.Limit)*multiplier(end)) < op.cost()
}

// live are the admitted hits of the period that ends with op.
func (o *original) live(op operation) (live []operation) {
	for _, e := range o.admitted {
		if e.TimeMS > op.TimeMS-o.Rate.PeriodMS {
			live = append(live, e)
		}
	}
	return live
}
