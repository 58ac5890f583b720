package actor

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/strategy"
)

// noted counts the mutations that it was told of.
type noted struct {
	count *atomic.Uint64
	seq   uint64
}

func (n *noted) Note(seq uint64, a Answer) {
	n.seq = seq
	n.count.Add(1)
}

// Whoever sees a mutation finds that its request was told of it.
func TestNoteComesBeforeChanges(t *testing.T) {
	s, err := New(Config{Partitions: 2, Track: true})
	require.NoError(t, err)
	defer s.Close()
	p := strategy.MustPolicy(strategy.Limit{Rate: strategy.MustRate("1000000/day"), Strategy: strategy.FixedWindow{}})
	var count atomic.Uint64
	var wg sync.WaitGroup
	const callers, hits = 8, 500
	for i := range callers {
		wg.Go(func() {
			for range hits {
				n := &noted{count: &count}
				a := s.Ask(t.Context(), Key{Lo: uint64(i % 3)}, Request{Hit: strategy.Hit{Policy: p, Cost: 1}, Note: n})
				assert.NoError(t, a.Err)
				assert.Equal(t, a.Seq, n.seq)
			}
		})
	}
	for seq := uint64(0); seq < callers*hits; {
		_, seq = changes(s, seq)
		assert.GreaterOrEqual(t, count.Load(), seq)
	}
	wg.Wait()
	n := &noted{count: &count}
	a := s.Ask(t.Context(), Key{}, Request{Op: OpCheck, Hit: strategy.Hit{Policy: p, Cost: 1}, Note: n})
	require.NoError(t, a.Err)
	assert.Zero(t, n.seq, "a check changes nothing")
}
