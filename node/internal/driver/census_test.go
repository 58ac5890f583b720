package driver

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/node/ownership"
)

func TestCopiesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		a, b := c.add(nil), c.add(nil)
		c.see(a)
		pass(3 * time.Second)
		assert.Equal(t, Census{UnderReplicated: testPartitions}, a.Stats().Census, "a node alone has one copy of two")
		c.see(a, b)
		pass(3 * time.Second)
		for _, m := range []*member{a, b} {
			assert.Equal(t, Census{Backups: testPartitions / 2}, m.Stats().Census)
		}
		holdersAt := func(m *member) (term ownership.Term, holders []ownership.UID) {
			told := make(chan struct{})
			m.Holders(0, func(n ownership.Term, h []ownership.UID) {
				term, holders = n, h
				close(told)
			})
			<-told
			return term, holders
		}
		term, holders := holdersAt(a)
		assert.Equal(t, []ownership.UID{a.uid, b.uid}, holders)
		assert.Equal(t, a.Term(0), term.N)
		_, holders = holdersAt(b)
		assert.Empty(t, holders, "only the owner knows")

		c.split(a, b, true)
		a.hit(0, 1)
		pass(300 * time.Millisecond)
		assert.InDelta(t, 300*time.Millisecond, a.Stats().Lag, float64(10*time.Millisecond), "what no copy holds gets old")
		c.split(a, b, false)
		pass(time.Second)
		assert.Zero(t, a.Stats().Lag)

		c.split(a, b, true)
		c.see(a)
		pass(3 * time.Second)
		assert.Equal(t, Census{UnderReplicated: testPartitions}, a.Stats().Census)
	})
}

func TestHandoffsAreTimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		a, b := c.add(nil), c.add(nil)
		c.see(a)
		pass(3 * time.Second)
		c.see(a, b)
		pass(3 * time.Second)
		out, in := a.Stats(), b.Stats()
		assert.EqualValues(t, testPartitions/2, out.Out)
		assert.EqualValues(t, out.Out, in.In)
		assert.Zero(t, in.Handoffs, "who gives it away tells how long it took")
		h := out.Handoffs
		assert.EqualValues(t, out.Out, h.Count)
		assert.GreaterOrEqual(t, h.Sum, time.Duration(h.Count)*2*testLatency, "a round trip at least")
		assert.Zero(t, h.Buckets[0])
		assert.Equal(t, h.Count, h.Buckets[len(HandoffBounds)-1])
		assert.IsNonDecreasing(t, h.Buckets[:])
	})
}

// What an owner and its backup take with them is lost; what has a copy, or never was, is not.
func TestLossesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		nodes := []*member{c.add(nil), c.add(nil), c.add(nil)}
		c.see(nodes...)
		pass(5 * time.Second)
		for _, m := range nodes {
			require.Zero(t, m.Stats().Lost, "the first claims continue nothing, and lose nothing")
		}
		left := nodes[2]
		c.split(nodes[0], left, true)
		c.split(nodes[1], left, true)
		c.see(left)
		pass(5 * time.Second)
		s := left.Stats()
		require.EqualValues(t, testPartitions, s.Serving)
		assert.EqualValues(t, 3, s.Lost, "partitions 0, 3 and 6 were those of the other two")

		late := c.add(nil) // it takes over what is left, and loses nothing
		c.see(left, late)
		pass(5 * time.Second)
		assert.EqualValues(t, 3, left.Stats().Lost)
		assert.Zero(t, late.Stats().Lost)
	})
}
