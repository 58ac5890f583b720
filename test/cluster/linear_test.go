package cluster

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/test/cluster/audit"
)

// counter is the limiter that a key is held against: a window that does not end while a test runs is a number that only
// grows. A hit without a known outcome was charged or not.
func counter(limit int64) porcupine.Model {
	model := porcupine.NondeterministicModel{
		Init: func() []any { return []any{int64(0)} },
		Step: func(state, _, output any) []any {
			used, a := state.(int64), output.(audit.Answer)
			fits := used+a.Cost <= limit
			switch {
			case a.Verdict == audit.Unknown && fits:
				return []any{used, used + a.Cost}
			case a.Verdict == audit.Unknown:
				return []any{used}
			case a.Verdict == audit.Admitted && fits && a.Used == used+a.Cost:
				return []any{a.Used}
			case a.Verdict == audit.Denied && !fits: // maybe told by a node that remembers, and says what was left then
				return []any{used}
			}
			return nil
		},
		Equal:             func(a, b any) bool { return a == b },
		DescribeOperation: func(_, output any) string { return fmt.Sprintf("%+v", output) },
	}
	return model.ToModel()
}

// nonlinear are the keys whose answers are not those of one counter. A key that cannot be judged in time is one of them.
func nonlinear(answers []audit.Answer, limit int64) (keys []string) {
	histories := map[string][]porcupine.Operation{}
	for i, a := range answers {
		op := porcupine.Operation{ClientId: i, Output: a, Call: int64(a.Sent), Return: int64(a.Received)}
		if a.Verdict == audit.Unknown { // it may be charged at any time
			op.Return = math.MaxInt64
		}
		histories[a.Key] = append(histories[a.Key], op)
	}
	for key, ops := range histories {
		if verdict := porcupine.CheckOperationsTimeout(counter(limit), ops, 10*time.Second); verdict != porcupine.Ok {
			keys = append(keys, fmt.Sprintf("%s: %s, %d answers", key, verdict, len(ops)))
		}
	}
	return keys
}

func TestTheModelTellsHistoriesApart(t *testing.T) {
	t.Parallel()
	op := func(sent, received time.Duration, cost int64, v audit.Verdict, used int64) audit.Answer {
		return audit.Answer{Key: "k", Cost: cost, Sent: sent, Received: received, Verdict: v, Used: used}
	}
	for name, c := range map[string]struct {
		answers []audit.Answer
		linear  bool
	}{
		"one after the other":     {[]audit.Answer{op(0, 1, 2, audit.Admitted, 2), op(2, 3, 2, audit.Denied, 2), op(4, 5, 1, audit.Admitted, 3)}, true},
		"at once, in some order":  {[]audit.Answer{op(0, 9, 1, audit.Admitted, 2), op(0, 9, 1, audit.Admitted, 1)}, true},
		"two with the same place": {[]audit.Answer{op(0, 9, 1, audit.Admitted, 1), op(0, 9, 1, audit.Admitted, 1)}, false},
		"in the wrong order":      {[]audit.Answer{op(0, 1, 1, audit.Admitted, 2), op(2, 3, 1, audit.Admitted, 1)}, false},
		"denied too early":        {[]audit.Answer{op(0, 1, 1, audit.Denied, 0)}, false},
		"above the limit":         {[]audit.Answer{op(0, 1, 4, audit.Admitted, 4)}, false},
		"charged at last":         {[]audit.Answer{op(0, 1, 2, audit.Unknown, 0), op(2, 3, 1, audit.Admitted, 1), op(4, 5, 1, audit.Denied, 3)}, true},
		"never charged":           {[]audit.Answer{op(0, 1, 2, audit.Unknown, 0), op(2, 3, 3, audit.Admitted, 3)}, true},
		"forgotten":               {[]audit.Answer{op(0, 1, 2, audit.Admitted, 2), op(2, 3, 1, audit.Admitted, 1)}, false},
	} {
		assert.Equal(t, c.linear, len(nonlinear(c.answers, 3)) == 0, name)
	}
}

// concurrently has clients hit keys of a limit, each one hit after the other with costs of 1 to 3, until meanwhile
// returns.
func concurrently(t *testing.T, f *fleet, limit int64, meanwhile func(*load)) []audit.Answer {
	t.Helper()
	awayFromMidnight(t, time.Hour)
	keys := aims("linear", 40, limit)
	l := newLoad(t, audit.NewLog(), keys, f.nodes...)
	for range 8 {
		l.wg.Go(func() {
			for {
				select {
				case <-l.stop:
					return
				case <-time.After(2 * time.Millisecond): // the histories get too long to be checked
					l.hit(keys[rand.N(len(keys))], 1+rand.Int64N(3), l.log.Now())
				}
			}
		})
	}
	meanwhile(l)
	return l.close()
}

// movesUnder has a node join and another leave while clients hit keys.
func movesUnder(t *testing.T, ablate string) []audit.Answer {
	t.Helper()
	f := launchFleet(t, 3, ablate)
	return concurrently(t, f, 200, func(l *load) {
		l.steady(500 * time.Millisecond)
		f.join()
		l.use(f.nodes...)
		l.steady(500 * time.Millisecond)
		f.leave(l, f.nodes[0])
		l.steady(500 * time.Millisecond)
	})
}

// The answers for a key are those of one counter, whichever nodes are asked, also while keys move.
func TestKeysAreLinearizable(t *testing.T) {
	together(t)
	for range rounds(1, 5) {
		if *long {
			f := launchFleet(t, 3, "")
			steady := concurrently(t, f, 200, func(l *load) { l.steady(2 * time.Second) })
			report(t, len(nonlinear(steady, 200)) == 0, "steady state", fmt.Sprintf("%d answers", len(steady)), "linearizable, key by key")
			require.Empty(t, audit.Failed(steady))
		}
		moving := movesUnder(t, "")
		report(t, len(nonlinear(moving, 200)) == 0, "a node joins, another leaves", fmt.Sprintf("%d answers", len(moving)), "linearizable, key by key")
	}
}
