package main

import "encoding/json"

// original follows what the original holds in a trace, to find the quirks that the trace does not label. A label says
// that results differ once that one quirk is switched off; it is missing where a second quirk hides the difference,
// or where nothing came of it later.
type original struct {
	*trace
	admitted []operation // hits
	lastHit  int64       // index of the period of the latest hit, admitted or not
}

// hit takes note of a hit.
func (o *original) hit(op operation) {
	o.lastHit = op.TimeMS / o.Rate.PeriodMS
	if op.WaitMS == 0 {
		o.admitted = append(o.admitted, op)
	}
}

// parts is the name of the quirk that makes op, a hit, be admitted in the original only; "" if there is none.
//
// A full PriorityQueue refuses, where the original admits and forgets a hit. Hits of one instant and priority share an
// entry.
func (o *original) parts(op operation) string {
	if o.Strategy != "PriorityQueue" || op.WaitMS != 0 {
		return ""
	}
	size := 1000
	if raw, ok := o.Params["max_queue_size"]; ok {
		if err := json.Unmarshal(raw, &size); err != nil {
			return "" // the strategy has refused it
		}
	}
	type entry struct {
		at       int64
		priority int
	}
	entries := map[entry]bool{}
	for _, e := range o.live(op) {
		entries[entry{e.TimeMS, e.Priority}] = true
	}
	if len(entries) < size {
		return ""
	}
	return "pq_trim_undercounts"
}

// hides is the name of the quirk that makes a result of op, a stat, differ; "" if there is none.
func (o *original) hides(op operation, what result) string {
	switch {
	case what == statRemaining && o.Strategy == "QuotaWithRollover" && o.idle(op):
		return "quota_stat_ignores_rollover"
	case what == statWait && o.Strategy == "PriorityQueue" && o.short(op):
		return "wait_oldest_only"
	}
	return ""
}

// idle reports whether no hit of a known key was admitted in the period before that of op, nor any made in its own: of
// two quirks, one loses the rollover, and the other would not show it.
func (o *original) idle(op operation) bool {
	if len(o.admitted) == 0 {
		return false
	}
	period := op.TimeMS / o.Rate.PeriodMS
	last := o.admitted[len(o.admitted)-1].TimeMS / o.Rate.PeriodMS
	return o.lastHit < period && last < period-1
}

// short reports whether the wait until the oldest hit leaves is too short for a cost of 1.
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
	return sum >= o.Rate.Limit && sum-oldest >= o.Rate.Limit
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
