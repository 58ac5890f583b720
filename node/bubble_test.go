package node

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/traffik-io/traffik/node/internal/memnet"
	"github.com/traffik-io/traffik/strategy"
)

// bubble is a cluster of whole nodes on a network in memory, with clients that hit all the time and somebody who looks
// at every node every millisecond. All of it is in one synctest bubble, which also shows that Shutdown ends every
// goroutine. What goes wrong is noted, and shown with the plan.
//
// What a bubble has not: sockets and their buffers, loss and reordering, and processes that stand still. One that is
// paused is cut off and its clock stands, but its goroutines run on: so pauses are shorter than gossip takes to find
// somebody dead, as it would find that the others are. Longer ones are for tests of the machine and of real processes.
type bubble struct {
	t    *testing.T
	plan plan
	net  *memnet.Network
	log  *slog.Logger
	rand *rand.Rand

	change func(*Config) // of nodes that start; may be nil
	keys   []*account
	hits   sync.WaitGroup
	stop   chan struct{}
	tasks  sync.WaitGroup

	// Only the goroutine that carries out the plan writes to these; others read them with the mutex held.

	residents []*resident    // who runs now, by start
	ended     []*resident    // who was there before
	sides     map[string]int // of a split
	fault     faults
	few       bool // there was one node at times, and so one copy
	names     int  // given so far

	mu      sync.Mutex // guards what follows, and the accounts
	wrong   []string
	events  int                  // membership events since the last settling
	peace   time.Time            // when the last fault ended
	silent  bool                 // clients rest
	crashed map[string]time.Time // when the last process of that name did
	served  []map[uint64]bool    // of each partition, the terms that were
	moved   []int                // of each partition, how often it was handed over since the last settling
	total   tally
}

// faults says what has happened since the last settling, and so what may be promised.
type faults struct {
	crashed bool // one more crash could lose what has no other copy yet
	split   bool // two sides that saw nothing of each other
	healed  bool // and do again
	messy   bool // anything
}

// tally sums up a run for the log.
type tally struct{ hits, admitted, denied, unknown, settled int }

// resident is one process.
type resident struct {
	*Node
	host   *memnet.Host
	name   string
	clock  *stoppable
	paused atomic.Bool
	gone   atomic.Bool // it has left or crashed
	killed atomic.Bool
}

// stoppable is a clock that stands still while its process is paused, as it does for a process that does not run.
type stoppable struct {
	base  strategy.Time
	start time.Time
	stood atomic.Int64 // when it stopped; 0: it runs
}

func (c *stoppable) now() strategy.Time {
	if at := c.stood.Load(); at != 0 {
		return strategy.Time(at)
	}
	return c.base + strategy.Time(time.Since(c.start)/time.Microsecond)
}

func (c *stoppable) stand(on bool) {
	if on {
		c.stood.Store(int64(c.now()))
	} else {
		c.stood.Store(0)
	}
}

const (
	bubblePartitions = 32
	bubbleKeys       = 40
	bubbleTimeout    = 2 * time.Second
	bubbleLag        = 10 * time.Millisecond
	// settleIn is how long after the last fault the cluster has one owner for everything: T_settle of invariant I15, a
	// round of joining, then claims and handoffs.
	settleIn = 18 * time.Second
	// mournIn is how long it takes where most have crashed: who is left alone has gossip doubt itself, and be slow.
	mournIn = 30 * time.Second
)

func newBubble(t *testing.T, p plan) *bubble {
	b := &bubble{
		t: t, plan: p, net: memnet.New(p.latency), rand: rand.New(rand.NewPCG(p.seed, 1)), stop: make(chan struct{}),
		log: slog.New(slog.DiscardHandler), served: make([]map[uint64]bool, bubblePartitions), moved: make([]int, bubblePartitions),
		sides: map[string]int{}, crashed: map[string]time.Time{},
	}
	if *flagLog {
		b.log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	for i := range bubbleKeys {
		limit := 1_000_000
		if i%4 == 0 { // that is reached
			limit = 60
		}
		b.keys = append(b.keys, &account{
			hit: strategy.NewHit(fmt.Sprintf("key:%d", i), policy(fmt.Sprintf("%d/day", limit), strategy.FixedWindow{})), limit: limit,
			acked: map[int]int{},
		})
	}
	for p := range b.served {
		b.served[p] = map[uint64]bool{}
	}
	t.Cleanup(func() { b.end() }) // a bubble that is left with goroutines in it panics
	b.tasks.Go(b.look)
	b.tasks.Go(b.clients)
	return b
}

func (b *bubble) blame(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.blameLocked(format, args...)
}

func (b *bubble) blameLocked(format string, args ...any) {
	if len(b.wrong) < 20 {
		b.wrong = append(b.wrong, fmt.Sprintf("%s %s", time.Now().Format("04:05.000"), fmt.Sprintf(format, args...)))
	}
}

// join starts a process; one with a name that was there before is a restart, on the same host.
func (b *bubble) join(name string) {
	i := b.names
	if name == "" {
		name = fmt.Sprintf("n%d", i)
		b.names++
	} else {
		_, _ = fmt.Sscanf(name, "n%d", &i)
	}
	now := time.Now()
	r := &resident{name: name, host: b.net.Host(ipOf(i)), clock: &stoppable{base: strategy.TimeOf(now), start: now}}
	c := Config{
		Name: name, GossipAddr: ipOf(i) + ":7946", ClusterAddr: ipOf(i) + ":7947", Timeout: bubbleTimeout, OnUnreachable: Fail,
		Replication: b.plan.replication, ReplicationLag: bubbleLag, Logger: b.log.With("node", name),
		partitions: bubblePartitions, network: r.host, now: r.clock.now,
	}
	if b.change != nil {
		b.change(&c)
	}
	for _, o := range slices.Concat(b.residents, b.ended) {
		if !o.gone.Load() {
			c.Join = append(c.Join, o.GossipAddr())
		}
	}
	var err error
	if r.Node, err = Start(b.t.Context(), c); err != nil {
		b.blame("start of %s: %v", name, err)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.residents = append(b.residents, r)
	b.events++
	b.peace = time.Now()
}

func ipOf(i int) string { return fmt.Sprintf("10.0.0.%d", i+1) }

func (b *bubble) resident(name string) *resident {
	for _, r := range b.residents {
		if r.name == name {
			return r
		}
	}
	return nil
}

// remove takes a process off the list, so that clients use it no more.
func (b *bubble) remove(r *resident) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.residents = slices.DeleteFunc(b.residents, func(o *resident) bool { return o == r })
	b.ended = append(b.ended, r)
	b.events++
	b.few = b.few || len(b.residents) < 2
}

// leave shuts a process down, as on SIGTERM; it goes on in the background. It waits first for somebody who can take
// over: a node that knows of nobody exits at once, and takes what it has with it.
func (b *bubble) leave(r *resident) {
	b.await(func() string {
		if b.fault.messy {
			return ""
		}
		for _, o := range b.residents {
			if p := r.view.Load().find(o.id.UID); o != r && p != nil && p.meta.state == Active {
				return ""
			}
		}
		return r.name + " sees nobody active"
	})
	b.remove(r)
	b.tasks.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		began := time.Now()
		err := r.Shutdown(ctx)
		r.gone.Store(true)
		b.mu.Lock()
		defer b.mu.Unlock()
		if err != nil && !b.fault.messy && !b.fault.split {
			b.blameLocked("shutdown of %s, %v: %v", r.name, time.Since(began), err)
		}
		b.peace = time.Now()
	})
}

// crash kills a process.
func (b *bubble) crash(r *resident) {
	b.remove(r)
	b.mu.Lock()
	for _, a := range b.keys {
		for _, x := range a.recent {
			if x.owner == r.name && time.Since(x.at) <= bubbleLag+4*b.plan.latency {
				a.lossy++
			}
		}
	}
	b.fault.crashed = true
	b.peace = time.Now()
	b.crashed[r.name] = b.peace
	b.mu.Unlock()
	r.killed.Store(true)
	r.gone.Store(true)
	r.mu.Lock()
	r.closing = true // that it cannot listen any more is no news
	r.mu.Unlock()
	r.host.Crash()
	crash(r.Node)
}

// pause stops a process for a while. Its goroutines run on, but its clock stands, it hears and says nothing.
func (b *bubble) pause(r *resident, d time.Duration) {
	b.mu.Lock()
	b.fault.crashed = true
	b.mu.Unlock()
	r.paused.Store(true)
	r.clock.stand(true)
	r.host.Pause(true)
	time.Sleep(d)
	r.clock.stand(false)
	r.host.Pause(false)
	r.paused.Store(false)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.peace = time.Now()
}

// split parts the nodes into those that are named and the others.
func (b *bubble) split(names []string, s memnet.State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range names {
		b.sides[name] = 1
	}
	for _, a := range b.keys {
		a.before, a.copies = a.before+sum(a.acked), map[int]bool{}
		clear(a.acked)
		hi, _ := b.residents[0].hasher.Key(a.hit.UID, a.hit.Key, strategy.DefaultScope)
		for _, name := range b.ranked(b.residents[0].partition(hi))[:min(2, len(b.residents))] {
			a.copies[b.sides[name]] = true
		}
	}
	b.fault.split = true
	b.events += len(b.residents)
	for _, r := range b.residents {
		for _, o := range b.residents {
			if b.sides[r.name] != b.sides[o.name] {
				b.net.Set(r.host.IP(), o.host.IP(), memnet.Way{State: s})
			}
		}
	}
}

// cut changes the way from one node to another.
func (b *bubble) cut(from, to *resident, s memnet.State) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fault.messy = true
	b.net.Set(from.host.IP(), to.host.IP(), memnet.Way{State: s})
}

// heal opens all ways.
func (b *bubble) heal() {
	b.net.Heal()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events += len(b.residents)
	b.peace = time.Now()
	b.fault.healed = b.fault.split
}

// end stops everything and reports what went wrong.
func (b *bubble) end() []string {
	select {
	case <-b.stop:
		return b.wrong
	default:
	}
	close(b.stop)
	b.tasks.Wait()
	b.hits.Wait()
	var all sync.WaitGroup
	for _, r := range b.residents {
		all.Go(func() { _ = r.Shutdown(closed) })
	}
	all.Wait()
	time.Sleep(10 * time.Second) // memberlist may still wait for peers that are gone
	synctest.Wait()
	return b.wrong
}

// failed reports whether anything is wrong.
func (b *bubble) failed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.wrong) > 0
}
