package cluster

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/test/cluster/audit"
)

// hold has a cluster keep so many keys, which are hit once each, in batches.
func (f *fleet) hold(keys int) {
	f.t.Helper()
	const size = 1000
	next := make(chan int)
	var workers sync.WaitGroup
	for i := range 2 * len(f.nodes) {
		workers.Go(func() {
			for first := range next {
				var entries strings.Builder
				for key := first; key < first+size; key++ {
					fmt.Fprintf(&entries, `,{"op":"hit","key":"held:%d","rate":"10/day"}`, key)
				}
				f.nodes[i%len(f.nodes)].batch(entries.String()[1:])
			}
		})
	}
	for first := 0; first < keys; first += size {
		next <- first
	}
	close(next)
	workers.Wait()
}

// A node that joins is given its share of many keys soon, and the hits meanwhile do not wait for that.
func TestManyKeysMove(t *testing.T) {
	if !*long {
		t.Skip("in long runs only: it says something about time, and TestScaleUpAndDown about counts")
	}
	const n = 1_000_000
	name := fmt.Sprintf("join 3 → 4 with %d keys", n)
	awayFromMidnight(t, time.Hour)
	f := launchFleet(t, 3, "")
	f.hold(n)
	f.settle()
	l := runLoad(t, hitRate(), aims("open", 100, 1_000_000), f.nodes...)
	calm := l.log.Now()
	l.steady(10 * time.Second)
	begins := l.log.Now()
	p := f.launch("n4")
	f.nodes = append(f.nodes, p)
	listens := l.log.Now()
	settled := f.settle()
	moved := l.log.Now() - time.Since(settled)
	l.use(f.nodes...)
	l.steady(time.Second)
	answers := l.close()
	l.judge(name, answers, f.nodes[0])
	values, err := p.metrics("traffik_keys")
	require.NoError(t, err)
	t.Logf("the fourth holds %v keys", values[0])
	p99 := func(from, to time.Duration) time.Duration {
		return audit.Percentile(audit.Latencies(audit.Between(answers, from, to)), 0.99)
	}
	before, during := p99(calm, begins), p99(begins, moved)
	reportTime(t, moved-listens, 5*time.Second, name, "moved within 5 s of when the node listens")
	reportTime(t, during, 2*before, name, fmt.Sprintf("p99 meanwhile at most twice that before, which is %v", before.Round(10*time.Microsecond)))
}
