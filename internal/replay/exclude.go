package main

import "slices"

// otherwise are the policies of the original that these strategies do not follow. The others of a trace are followed,
// and exclude nothing.
var otherwise = map[string]bool{
	"impossible_cost_wait":   true,
	"min_wait_10ms":          true,
	"gcra_cost_post_charged": true,
	"unknown_tier_is_1x":     true,
	"adaptive_compounding":   true,
}

// decisionsOnly excludes all but decisions of AdaptiveThrottle, which tells what really remains and real waits.
const decisionsOnly = "adaptive_decisions_only"

// rejected are the behaviours of a trace that these strategies do not show: all quirks, and some policies.
func (t *trace) rejected() []behaviour {
	all := slices.Clone(t.Quirks)
	for _, b := range t.Policy {
		if otherwise[b.Name] {
			all = append(all, b)
		}
	}
	return all
}

// partsAt is the name of a rejected behaviour that has affected decisions by operation i, or "".
func (t *trace) partsAt(i int) string {
	for _, b := range t.rejected() {
		if b.At <= i && slices.Contains(b.Affects, decision) {
			return b.Name
		}
	}
	return ""
}

// excludedBy is the name of what excludes a result of operation i, other than a decision; "" if nothing does.
func (t *trace) excludedBy(i int, what result) string {
	for _, b := range t.rejected() {
		if b.At <= i && slices.Contains(b.Affects, what) {
			return b.Name
		}
	}
	if t.Strategy == "AdaptiveThrottle" {
		return decisionsOnly
	}
	return ""
}
