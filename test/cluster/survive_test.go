package cluster

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ledger hits keys of a large limit through nodes that may come and go, and keeps account of every answer, so that
// what the cluster remembers can be held against what it told. It never asks a node what it has counted meanwhile.
type ledger struct {
	t     *testing.T
	keys  int
	limit int64

	mu    sync.Mutex
	nodes []*process

	admitted []atomic.Int64 // by key
	unknown  []atomic.Int64 // requests that may have been charged without an answer
	failed   atomic.Int64   // hits that one retry on another node did not save
	stop     chan struct{}
	wg       sync.WaitGroup
}

// run starts to hit the keys from several workers, until close.
func runLedger(t *testing.T, keys, workers int, nodes ...*process) *ledger {
	l := &ledger{
		t: t, keys: keys, limit: 100_000, nodes: nodes, stop: make(chan struct{}),
		admitted: make([]atomic.Int64, keys), unknown: make([]atomic.Int64, keys),
	}
	for range workers {
		l.wg.Go(func() {
			for {
				select {
				case <-l.stop:
					return
				case <-time.After(time.Millisecond):
					l.hit(rand.N(keys))
				}
			}
		})
	}
	return l
}

// use changes the nodes that are hit.
func (l *ledger) use(nodes ...*process) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.nodes = nodes
}

func (l *ledger) pick() *process {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.nodes[rand.N(len(l.nodes))]
}

func (l *ledger) hit(key int) {
	for range 2 {
		r, err := l.pick().send("/v1/hit", fmt.Sprintf(`{"key":"ledger:%d","rate":"%d/day"}`, key, l.limit))
		switch {
		case err == nil && r.Status == 200:
			l.admitted[key].Add(1)
			return
		case err == nil && r.Status == 429:
			assert.Fail(l.t, "refused far below the limit", "%+v", r)
			return
		}
		l.unknown[key].Add(1) // a 503 or a broken connection leaves it open
	}
	l.failed.Add(1)
}

// close ends the load, and reports how many admitted hits the cluster has lost, and how many it has charged that nobody
// may have asked for.
func (l *ledger) close(through *process) (lost, surplus int64) {
	close(l.stop)
	l.wg.Wait()
	for key := range l.keys {
		r := through.post("/v1/stat", `{"key":"ledger:%d","rate":"%d/day"}`, key, l.limit)
		require.Equal(l.t, 200, r.Status, "%+v", r)
		used, admitted := l.limit-int64(r.Remaining), l.admitted[key].Load()
		lost += max(admitted-used, 0)
		surplus += max(used-admitted-l.unknown[key].Load(), 0)
	}
	return lost, surplus
}

func (l *ledger) total() (n int64) {
	for i := range l.admitted {
		n += l.admitted[i].Load()
	}
	return n
}

var strictly = []string{"--on-unreachable", "error", "--timeout", "2s"}

// A node that joins takes over counters, and gives them back when it leaves: no key regains allowance, no hit fails.
func TestCountersMoveWithTheirKeys(t *testing.T) {
	c := three(t, strictly...)
	const keys = 1000
	full := func(p *process, key int) bool {
		r := p.post("/v1/hit", `{"key":"full:%d","rate":"3/day","cost":3}`, key)
		require.Contains(t, []int{200, 429}, r.Status, "%+v", r)
		return r.Status == 429
	}
	for key := range keys {
		require.False(t, full(c[key%3], key), "a fresh key")
	}
	l := runLedger(t, 50, 4, c[:]...)
	regained := func(nodes ...*process) (n int) {
		for key := range keys {
			if !full(nodes[key%len(nodes)], key) {
				n++
			}
		}
		return n
	}
	assert.Zero(t, regained(c[:]...))
	fourth := start(t, "n4", append([]string{"--join", c[0].gossip}, strictly...)...).ready()
	l.use(c[0], c[1], c[2], fourth)
	assert.Zero(t, regained(c[0], c[1], c[2], fourth), "while the fourth joins")
	settled(t, 4, c[0])
	assert.Zero(t, regained(c[0], c[1], c[2], fourth), "with the fourth")

	l.use(c[:]...)
	fourth.signal(syscall.SIGTERM)
	assert.Zero(t, fourth.wait())
	assert.Zero(t, regained(c[:]...), "after the fourth has left")
	lost, surplus := l.close(c[1])
	assert.Zero(t, lost)
	assert.Zero(t, surplus)
	assert.Zero(t, l.failed.Load())
	t.Logf("%d hits admitted, 0 lost, 0 failed", l.total())
}

// settled waits until every member owns about its share and is where keys are.
func settled(t *testing.T, members int, through *process) {
	eventually(t, func() error {
		m, err := through.members()
		if err != nil || len(m) != members {
			return fmt.Errorf("%d members: %w", len(m), err)
		}
		for _, x := range m {
			if x.Partitions < 16384/members*8/10 {
				return fmt.Errorf("%s owns %d partitions", x.Name, x.Partitions)
			}
		}
		return nil
	})
}

// Every node is replaced under load, one after the other: nothing is lost and nothing fails.
func TestRollingReplacementLosesNothing(t *testing.T) {
	c := three(t, strictly...)
	nodes := c[:]
	l := runLedger(t, 200, 4, nodes...)
	for i := range 3 {
		next := start(t, fmt.Sprintf("next%d", i), append([]string{"--join", nodes[1].gossip}, strictly...)...).ready()
		old := nodes[0]
		nodes = append(nodes[1:len(nodes):len(nodes)], next)
		l.use(nodes...)
		old.signal(syscall.SIGTERM)
		require.Zero(t, old.wait())
	}
	lost, surplus := l.close(nodes[0])
	assert.Zero(t, lost)
	assert.Zero(t, surplus)
	assert.Zero(t, l.failed.Load())
	t.Logf("%d hits admitted, 0 lost, 0 failed", l.total())
}

// kill -9 of an owner under synchronous replication loses nothing that was answered.
func TestKillLosesNothingWhenReplicatedSynchronously(t *testing.T) {
	args := append([]string{"--replication", "sync"}, strictly...)
	c := three(t, args...)
	nodes := c[:]
	l := runLedger(t, 200, 4, nodes...)
	for i := range 3 {
		time.Sleep(500 * time.Millisecond) // under load
		victim := nodes[0]
		nodes = nodes[1:len(nodes):len(nodes)]
		l.use(nodes...)
		victim.signal(syscall.SIGKILL)
		victim.wait()
		time.Sleep(time.Second)
		nodes = append(nodes, start(t, fmt.Sprintf("spare%d", i), append([]string{"--join", nodes[0].gossip}, args...)...).ready())
		l.use(nodes...)
		settled(t, 3, nodes[0])
	}
	lost, surplus := l.close(nodes[0])
	assert.Zero(t, lost)
	// A hit that its owner was replicating when it died may be charged again by the next one.
	assert.LessOrEqual(t, surplus, l.total()/100)
	t.Logf("%d hits admitted, %d lost, %d charged twice, %d failed", l.total(), lost, surplus, l.failed.Load())
}
