package ownership

import (
	"encoding/json"
	"flag"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	flagSeeds = flag.Int("seeds", 120, "seeds that the model runs; CI runs 2000, a night 100000")
	flagFirst = flag.Uint64("first", 0, "the first of them")
	flagPart  = flag.Int("part", -1, "partition to trace in a run of seed -first")
)

// TestModel runs the machine through seeded histories of faults: Guarantees 1 to 6. A seed that fails belongs into
// testdata/seeds.txt; -first and -part show what happened in it.
func TestModel(t *testing.T) {
	if *flagPart >= 0 {
		s := play(withFlows(*flagFirst), 0, func(f string, a ...any) { fmt.Printf(f+"\n", a...) })
		require.Empty(t, s.violations)
		return
	}
	var known []uint64
	for _, l := range lines(t, "testdata/seeds.txt") {
		n, err := strconv.ParseUint(l, 10, 64)
		require.NoError(t, err)
		known = append(known, n)
	}
	for i := range *flagSeeds {
		known = append(known, *flagFirst+uint64(i))
	}
	for i, seed := range failing(known, withFlows, 0) {
		sc := withFlows(seed)
		t.Errorf("seed %d, %s: %q", seed, sc.Mode, play(sc, 0, nil).violations)
		if i == 0 {
			b, err := json.Marshal(shrink(sc, 0))
			assert.NoError(t, err)
			t.Logf("shrunk: %s", b)
		}
	}
}

// TestModelIsBusy shows that the histories contain what they are about.
func TestModelIsBusy(t *testing.T) {
	var acked, commits, claims, joins, parked, flowed int
	for seed := range uint64(40) {
		s := play(withFlows(seed), 0, nil)
		for _, h := range s.hits {
			if h.acked {
				acked++
			}
		}
		for p := range simParts {
			commits += s.commits[p]
			claims += s.activations[p] - s.commits[p]
			joins += s.joins[p]
		}
		parked += s.parked
		flowed += s.flowed
	}
	t.Logf("hits acknowledged %d, commits %d, claims %d, joins of divergent copies %d, hits parked %d, in flows %d",
		acked, commits, claims, joins, parked, flowed)
	assert.Greater(t, acked, 10_000)
	for _, n := range []int{commits, claims, joins, parked, flowed} {
		assert.Greater(t, n, 100)
	}
}

// failing returns those of the seeds whose runs violate something, in order.
func failing(seeds []uint64, of func(uint64) scenario, off rule) []uint64 {
	var next atomic.Int64
	fails := make([]bool, len(seeds))
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for {
				i := next.Add(1) - 1
				if i >= int64(len(seeds)) {
					return
				}
				fails[i] = len(play(of(seeds[i]), off, nil).violations) > 0
			}
		})
	}
	wg.Wait()
	var bad []uint64
	for i, f := range fails {
		if f {
			bad = append(bad, seeds[i])
		}
	}
	return bad
}
