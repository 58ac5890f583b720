package actor

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/strategy"
)

// waiter is one hit of TestLineProperties, and what came of it.
type waiter struct {
	r        Request
	gap      time.Duration // after the one before
	asked    strategy.Time
	replied  strategy.Time
	order    int // among the answers
	answer   Answer
	scenario *scenario
}

// scenario is hits on one key.
type scenario struct {
	s    *System
	hits []*waiter

	mu      sync.Mutex
	answers int
}

// Reply implements Replier.
func (w *waiter) Reply(a Answer) {
	sc := w.scenario
	sc.mu.Lock()
	defer sc.mu.Unlock()
	w.answer, w.replied, w.order = a, sc.s.cfg.Now(), sc.answers
	sc.answers++
}

func (w *waiter) deadline() strategy.Time {
	return w.asked + strategy.Time(w.r.Hit.MaxWait/time.Microsecond)
}

// play hits the key as planned, in a bubble of its own.
func (sc *scenario) play(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sc.s = start(t, Config{})
		for _, w := range sc.hits {
			time.Sleep(w.gap)
			w.asked = sc.s.cfg.Now()
			sc.s.Tell(Key{}, w.r, w.asked, w)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Zero(t, sc.s.waiting.Load())
		sc.s.Close()
	})
}

// Guarantees 5, 6 and 9, for any hits: those admitted are, in the order and at the instants of their admission, what a
// key that nobody waits for admits; nobody overtakes; nobody is answered after his time, and refused before it only if
// that was known at once.
func TestLineProperties(t *testing.T) {
	policies := []*strategy.Policy{
		policy("10/s", strategy.FixedWindow{}),
		policy("10/s", strategy.TokenBucket{BurstSize: 4}),
		policy("10/s", strategy.GCRA{Burst: 3}),
	}
	rapid.Check(t, func(rt *rapid.T) {
		p := rapid.SampledFrom(policies).Draw(rt, "policy")
		sc := &scenario{}
		for range rapid.IntRange(1, 25).Draw(rt, "hits") {
			// Odd gaps and even waits: no hit comes at the instant of another's deadline.
			gap := time.Duration(rapid.IntRange(0, 120).Draw(rt, "gap"))*time.Millisecond + 1001*time.Microsecond
			wait := time.Duration(rapid.IntRange(0, 10).Draw(rt, "wait")) * 50 * time.Millisecond
			r := request(p, rapid.Int64Range(1, 4).Draw(rt, "cost"), wait)
			sc.hits = append(sc.hits, &waiter{r: r, gap: gap, scenario: sc})
		}
		sc.play(t)
		require.Equal(rt, len(sc.hits), sc.answers)
		checkAnswers(rt, sc.hits)
		checkAdmissions(rt, sc.hits)
	})
}

func checkAnswers(t *rapid.T, all []*waiter) {
	for i, w := range all {
		require.NoError(t, w.answer.Err)
		require.LessOrEqual(t, w.replied, w.deadline())
		if !w.answer.Decision.Allowed && w.replied < w.deadline() {
			require.Equal(t, w.asked, w.replied, "refused, but neither at once nor at the end")
			wait := w.answer.Decision.Wait
			require.True(t, wait == strategy.Never || wait > w.r.Hit.MaxWait)
		}
		for _, later := range all[i+1:] { // while w waited
			if later.asked < w.replied && later.answer.Decision.Allowed {
				require.Greater(t, later.order, w.order, "overtook")
			}
		}
	}
}

// checkAdmissions repeats the admissions on bare records.
func checkAdmissions(t *rapid.T, all []*waiter) {
	byOrder := make([]*waiter, len(all))
	for _, w := range all {
		byOrder[w.order] = w
	}
	var rs strategy.Records
	for _, w := range byOrder {
		if w.answer.Decision.Allowed {
			d, err := rs.Decide(w.replied, w.r.Hit, true)
			require.NoError(t, err)
			require.Equal(t, d, w.answer.Decision)
		}
	}
}
