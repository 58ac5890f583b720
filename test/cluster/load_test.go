package cluster

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/test/cluster/audit"
)

// aim is a key that is hit, with its limit of a fixed window of a day.
type aim struct {
	key   string
	limit int64
}

// aims are keys of one limit each.
func aims(prefix string, n int, limit int64) []aim {
	list := make([]aim, n)
	for i := range list {
		list[i] = aim{fmt.Sprintf("%s:%d", prefix, i), limit}
	}
	return list
}

// load hits keys at a fixed rate, however long the answers take, and keeps a log of all that it is told. It never asks
// a node what that has counted meanwhile. A hit that is not decided is sent once more, to another node.
type load struct {
	t    testing.TB
	log  *audit.Log
	keys []aim
	stop chan struct{}
	wg   sync.WaitGroup

	mu    sync.Mutex
	asked []*process // by first attempts
	ready []*process // by retries
	aims  map[string]aim
}

// maxInFlight bounds the hits that wait for an answer: at the bound later ones are sent late, and count from when they
// were due.
const maxInFlight = 8192

// runLoad sends rate hits a second to the keys, one after the other, until finish or close.
func runLoad(t testing.TB, rate int, keys []aim, nodes ...*process) *load {
	l := newLoad(t, audit.NewLog(), keys, nodes...)
	l.wg.Go(func() { l.send(rate) })
	return l
}

func newLoad(t testing.TB, log *audit.Log, keys []aim, nodes ...*process) *load {
	l := &load{t: t, log: log, stop: make(chan struct{}), aims: map[string]aim{}}
	l.keys = slices.Clone(keys)
	for _, a := range keys {
		l.aims[a.key] = a
	}
	l.use(nodes...)
	t.Cleanup(l.finish)
	return l
}

// send sends hits when they are due, until finish.
func (l *load) send(rate int) {
	slots := make(chan struct{}, maxInFlight)
	start := l.log.Now()
	for i := 0; ; i++ {
		due := start + time.Duration(i)*time.Second/time.Duration(rate)
		if wait := due - l.log.Now(); wait > 0 {
			time.Sleep(wait)
		}
		select {
		case <-l.stop:
			return
		case slots <- struct{}{}:
		}
		l.wg.Go(func() {
			l.hit(l.keys[i%len(l.keys)], 1, due)
			<-slots
		})
	}
}

// use says which nodes a balancer sends hits to.
func (l *load) use(nodes ...*process) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked, l.ready = slices.Clone(nodes), slices.Clone(nodes)
}

// retryAt says which nodes are ready in truth, before the balancer knows.
func (l *load) retryAt(nodes ...*process) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ready = slices.Clone(nodes)
}

// target is whom to ask: at first anybody, and then another that is ready, where there is one.
func (l *load) target(first *process) *process {
	l.mu.Lock()
	defer l.mu.Unlock()
	if first == nil {
		return l.asked[rand.N(len(l.asked))]
	}
	at := rand.N(len(l.ready))
	if l.ready[at] == first {
		at = (at + 1) % len(l.ready)
	}
	return l.ready[at]
}

// hit sends one hit that was due at the instant, and a second time if nobody decides. It returns the last answer.
func (l *load) hit(to aim, cost int64, due time.Duration) (a audit.Answer) {
	number := l.log.Next()
	var node *process
	for attempt := range 2 {
		node = l.target(node)
		a = l.ask(node, to, cost)
		a.Hit, a.Attempt, a.Due = number, attempt, due
		l.log.Add(a)
		if a.Verdict != audit.Unknown {
			break
		}
	}
	return a
}

// ask sends one attempt.
func (l *load) ask(p *process, to aim, cost int64) audit.Answer {
	a := audit.Answer{Key: to.key, Cost: cost, Asked: p.name, Sent: l.log.Now()}
	r, err := p.send("/v1/hit", fmt.Sprintf(`{"key":%q,"rate":"%d/day","cost":%d}`, to.key, to.limit, cost))
	a.Received = l.log.Now()
	switch {
	case err != nil:
		a.Problem = err.Error()
		return a
	case r.Status == 200:
		a.Verdict = audit.Admitted
	case r.Status == 429:
		a.Verdict = audit.Denied
	default:
		a.Problem = r.Detail
		return a
	}
	a.Owner, a.Term, a.Degraded, a.Used = r.Owner, r.Term, r.Degraded, to.limit-int64(r.Remaining)
	return a
}

// finish ends the load and returns when every hit is answered. It may be called twice.
func (l *load) finish() {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	l.wg.Wait()
}

// close is finish, and returns what was told.
func (l *load) close() []audit.Answer {
	l.finish()
	return l.log.Answers()
}

// used is what the cluster shows of the limits of all keys that may have been hit.
func (l *load) used(through *process) map[string]int64 {
	l.t.Helper()
	used := map[string]int64{}
	for key, a := range l.aims {
		eventually(l.t, func() error {
			r, err := through.send("/v1/stat", fmt.Sprintf(`{"key":%q,"rate":"%d/day"}`, key, a.limit))
			if err != nil || r.Status != 200 || r.Degraded {
				return fmt.Errorf("stat of %s: %+v: %w", key, r, err)
			}
			used[key] = a.limit - int64(r.Remaining)
			return nil
		})
	}
	return used
}

// bound is the limit of a key.
func (l *load) bound(key string) int64 { return l.aims[key].limit }

// steady returns when so much time has passed under load, which must have been answered meanwhile.
func (l *load) steady(d time.Duration) {
	l.t.Helper()
	before := len(l.log.Answers())
	time.Sleep(d)
	require.Greater(l.t, len(l.log.Answers()), before, "nobody answers")
}

// awayFromMidnight waits until a window of a day does not end within the hour of a test.
func awayFromMidnight(t testing.TB, need time.Duration) {
	t.Helper()
	now := time.Now().UTC()
	if left := now.Truncate(24 * time.Hour).Add(24 * time.Hour).Sub(now); left < need {
		t.Logf("waiting %v for the day to end", left)
		time.Sleep(left + time.Second)
	}
}
