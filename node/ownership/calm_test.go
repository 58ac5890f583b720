package ownership

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// A tick may pass over a partition only if driving it would do nothing: histories in which ticks drive all are the same.
func TestTicksPassOverWhatWaitsForNothing(t *testing.T) {
	t.Parallel()
	for seed := range uint64(60) {
		sc := newScenario(seed)
		sc.Batch = simParts // what a view puts off a tick may drive first
		lazy, eager := play(sc, 0, nil), play(sc, ruleCalm, nil)
		assert.Equal(t, eager.seq, lazy.seq, "seed %d: events", seed)
		assert.Equal(t, eager.commits, lazy.commits, "seed %d", seed)
		assert.Equal(t, eager.activations, lazy.activations, "seed %d", seed)
		assert.Equal(t, eager.parked, lazy.parked, "seed %d", seed)
		for i := range eager.hits {
			assert.Equal(t, eager.hits[i].acked, lazy.hits[i].acked, "seed %d, hit %d", seed, i)
		}
	}
}
