package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// tally counts what became of the results of one strategy's traces.
type tally struct {
	traces, compared, mismatches int
	excluded                     map[string]int // by name of the behaviour
}

func (t *tally) exclude(name string) {
	if t.excluded == nil {
		t.excluded = map[string]int{}
	}
	t.excluded[name]++
}

// String is the line of a report, without the strategy.
func (t *tally) String() string {
	sum, parts := 0, []string{}
	for _, name := range slices.Sorted(maps.Keys(t.excluded)) {
		sum += t.excluded[name]
		parts = append(parts, fmt.Sprintf("%s:%d", name, t.excluded[name]))
	}
	return fmt.Sprintf("traces=%d compared=%d excluded=%d(%s) mismatches=%d",
		t.traces, t.compared, sum, strings.Join(parts, ","), t.mismatches)
}
