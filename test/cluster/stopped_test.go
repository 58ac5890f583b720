package cluster

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/test/cluster/audit"
)

// I14: a node that is stopped delays nothing that it neither owns nor backs, for longer than it takes to give it up.
func TestAStoppedNodeDelaysNobodyElse(t *testing.T) {
	t.Parallel()
	const name = "I14 one node is stopped"
	awayFromMidnight(t, time.Hour)
	f := launchFleet(t, 4, "")
	all := aims("k", 400, 1_000_000)
	places := f.nodes[0].places(all)
	stopped := f.nodes[3]
	theirs := kept(places, stopped.name)
	keys := slices.DeleteFunc(all, func(a aim) bool { return slices.Contains(theirs, a.key) })
	require.NotEmpty(t, keys)
	l := runLoad(t, hitRate(), keys, f.nodes[:3]...)
	calm := l.log.Now()
	l.steady(time.Second)
	at := l.log.Now()
	stopped.signal(syscall.SIGSTOP)
	l.steady(time.Duration(rounds(4, 15)) * time.Second)
	awake := l.log.Now()
	stopped.signal(syscall.SIGCONT)
	l.steady(time.Second)
	answers := l.close()
	failed := audit.Failed(answers)
	report(t, len(failed) == 0, name, fmt.Sprintf("%d of %d", len(failed), len(audit.Hits(answers))), "0 hits fail on keys that it does not keep")
	for _, a := range failed[:min(3, len(failed))] {
		t.Logf("failed: %+v", a)
	}
	used := l.used(f.nodes[0])
	lost, surplus := audit.Sum(audit.Lost(answers, used)), audit.Sum(audit.Surplus(answers, used))
	report(t, lost == 0 && surplus == 0, name, fmt.Sprintf("%d lost, %d twice", lost, surplus), "each is charged once")
	before := audit.Percentile(audit.Latencies(audit.Between(answers, calm, at)), 0.99)
	during := audit.Percentile(audit.Latencies(audit.Between(answers, at, awake)), 0.99)
	reportTime(t, during-before, 20*time.Millisecond, name, "p99 at most 20 ms above that of before")
}
