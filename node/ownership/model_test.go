package ownership

import (
	"flag"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	flagSeeds = flag.Int("seeds", 300, "seeds that the model runs")
	flagFirst = flag.Uint64("first", 0, "the first of them")
	flagTrace = flag.Int("part", -1, "partition to trace; runs only the seed of -first")
)

func tracedPart() int { return *flagTrace }

// TestModel runs the machine through seeded histories of faults. Guarantees 1 to 6.
func TestModel(t *testing.T) {
	if *flagTrace >= 0 {
		s := play(newScenario(*flagFirst), 0, func(f string, a ...any) { fmt.Printf(f+"\n", a...) })
		fmt.Println(s.violations)
		return
	}
	bad := runSeeds(*flagFirst, *flagSeeds, 0)
	for _, seed := range bad {
		sc := newScenario(seed)
		s := play(sc, 0, nil)
		t.Errorf("seed %d %s sync=%v proof=%v lat %d..%d: %q", seed, sc.Mode, sc.Sync, sc.Proof, sc.LatMin, sc.LatMax, s.violations[0])
	}
	require.Empty(t, bad)
}

// runSeeds returns the seeds that fail, in order.
func runSeeds(first uint64, n int, off rule) []uint64 {
	var next atomic.Int64
	fails := make([]bool, n)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for {
				i := next.Add(1) - 1
				if i >= int64(n) {
					return
				}
				fails[i] = len(play(newScenario(first+uint64(i)), off, nil).violations) > 0
			}
		})
	}
	wg.Wait()
	var bad []uint64
	for i, f := range fails {
		if f {
			bad = append(bad, first+uint64(i))
		}
	}
	return bad
}
