package cluster

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// long asks for the scenarios in full: as many rounds as docs/reliability.md tells of, and with times that are judged.
// In short runs, on machines that do other things too, only counts are.
var long = flag.Bool("long", false, "run the fault scenarios in full, and judge times too")

// rounds is n in a long run, else short.
func rounds(short, n int) int {
	if *long {
		return n
	}
	return short
}

// together has a scenario run beside others. In long runs, which judge times, it runs alone.
func together(t *testing.T) {
	t.Helper()
	if !*long {
		t.Parallel()
	}
}

// row is one line of the table that docs/reliability.md keeps.
type row struct{ scenario, figure, criterion, verdict string }

var (
	tableMu sync.Mutex
	table   []row
)

// report notes a figure of a scenario and requires that it is met.
func report(t testing.TB, met bool, scenario, figure, criterion string) {
	t.Helper()
	note(t, row{scenario, figure, criterion, map[bool]string{true: "met", false: "NOT met"}[met]})
	assert.True(t, met, "%s: %s, not %s", scenario, figure, criterion)
}

// reportTime is report for a time, which is judged in long runs only.
func reportTime(t testing.TB, took, limit time.Duration, scenario, criterion string) {
	t.Helper()
	figure := fmt.Sprint(took.Round(100 * time.Microsecond))
	if *long {
		report(t, took <= limit, scenario, figure, criterion)
		return
	}
	note(t, row{scenario, figure, criterion, "not judged"})
}

func note(t testing.TB, r row) {
	t.Helper()
	t.Logf("%s: %s (%s): %s", r.scenario, r.figure, r.criterion, r.verdict)
	tableMu.Lock()
	defer tableMu.Unlock()
	table = append(table, r)
}

// printTable prints what was reported, in verbose runs.
func printTable() {
	tableMu.Lock()
	defer tableMu.Unlock()
	if !testing.Verbose() || len(table) == 0 {
		return
	}
	slices.SortStableFunc(table, func(a, b row) int { return strings.Compare(a.scenario, b.scenario) })
	fmt.Println("| scenario | figure | criterion | verdict |\n|---|---|---|---|")
	for _, r := range table {
		fmt.Printf("| %s | %s | %s | %s |\n", r.scenario, r.figure, r.criterion, r.verdict)
	}
}
