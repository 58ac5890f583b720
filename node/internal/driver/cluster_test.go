package driver

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/traffik-io/traffik/actor"
	"github.com/traffik-io/traffik/node/ownership"
	"github.com/traffik-io/traffik/strategy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testPartitions = 8
	testLatency    = time.Millisecond
)

var testPolicy = strategy.MustPolicy(strategy.Limit{Rate: strategy.MustRate("1000/day"), Strategy: strategy.FixedWindow{}})

// cluster is some drivers with links in memory, in a bubble.
type cluster struct {
	t     *testing.T
	nodes []*member

	mu  sync.Mutex
	cut map[[2]int]bool // from, to: requests are lost, and their callers wait
}

// member is one node.
type member struct {
	*Driver
	c      *cluster
	i      int
	uid    ownership.UID
	actors *actor.System
	offset atomic.Int64 // of its clock, in µs
	ended  chan struct{}
}

// noIDs are those of nodes that get no hits from others.
type noIDs struct{}

func (noIDs) Append(b []byte, _ int, _ uint64) []byte { return b }
func (noIDs) Install(int, []byte, bool) error         { return nil }
func (noIDs) Discard(int)                             {}

func newCluster(t *testing.T) *cluster {
	c := &cluster{t: t, cut: map[[2]int]bool{}}
	t.Cleanup(func() {
		for _, m := range c.nodes {
			m.Close()
			<-m.ended
			m.actors.Close()
		}
	})
	return c
}

// add starts a node that knows nobody.
func (c *cluster) add(change func(*Config)) *member {
	m := &member{c: c, i: len(c.nodes), uid: ownership.UID{15: byte(len(c.nodes) + 1)}, ended: make(chan struct{})}
	now := func() strategy.Time { return strategy.TimeOf(time.Now()) + strategy.Time(m.offset.Load()) }
	var err error
	m.actors, err = actor.New(actor.Config{
		Partitions: testPartitions, Now: now, Track: true, Mode: actor.Redirect, Changed: func(x actor.Mutation) uint64 { return m.Changed(x) },
	})
	require.NoError(c.t, err)
	cfg := Config{
		Self: m.uid, Partitions: testPartitions, Actors: m.actors, IDs: noIDs{}, Now: now, Logger: slog.New(slog.DiscardHandler),
		Link: func(to ownership.UID, _ bool) Caller { return &wirelink{m, c.nodes[to[15]-1]} },
	}
	if change != nil {
		change(&cfg)
	}
	m.Driver, err = New(cfg)
	require.NoError(c.t, err)
	c.nodes = append(c.nodes, m)
	go func() { // until Close
		defer close(m.ended)
		m.Run()
	}()
	return m
}

// two are two nodes that have settled: a owns partition 0, and b has the copy.
func two(t *testing.T, change func(*Config)) (c *cluster, a, b *member) {
	c = newCluster(t)
	a, b = c.add(change), c.add(change)
	c.see(a, b)
	pass(3 * time.Second)
	require.True(t, a.flowing(0, b))
	return c, a, b
}

// see makes each of the nodes see all of them, active, and nobody else.
func (c *cluster) see(all ...*member) {
	var members []ownership.Member
	for _, m := range all {
		members = append(members, ownership.Member{UID: m.uid, State: ownership.Active})
	}
	for _, m := range all {
		m.SetView(members, turns(members))
	}
}

// turns ranks members in turn.
type turns []ownership.Member

func (r turns) Rank(p uint32) []ownership.UID {
	uids := make([]ownership.UID, len(r))
	for i := range r {
		uids[i] = r[(i+int(p))%len(r)].UID
	}
	return uids
}

// wirelink is a link in memory.
type wirelink struct{ from, to *member }

func (l *wirelink) Call(ctx context.Context, kind uint8, body []byte) ([]byte, error) {
	c := l.from.c
	c.mu.Lock()
	cut := c.cut[[2]int{l.from.i, l.to.i}]
	c.mu.Unlock()
	if cut {
		return nil, errors.New("cut")
	}
	if c.t != nil { // in a bubble
		time.Sleep(testLatency)
	}
	type answer struct {
		b    []byte
		text string
	}
	answers := make(chan answer, 1)
	receive := l.to.Receive
	if kind == FlowKind {
		receive = l.to.ReceiveChanges
	}
	receive(l.from.uid, body, func(b []byte) { answers <- answer{b: slices.Clone(b)} }, func(s string) { answers <- answer{text: s} })
	select {
	case a := <-answers:
		if a.text != "" {
			return nil, errors.New(a.text)
		}
		return a.b, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// split cuts, or joins again, all links between the two.
func (c *cluster) split(a, b *member, cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut[[2]int{a.i, b.i}], c.cut[[2]int{b.i, a.i}] = cut, cut
}

// key is the key of partition p.
func key(p int) actor.Key { return actor.Key{Hi: uint64(p) << 61, Lo: 1} }

// hit charges n hits in partition p at m, and returns how the last was answered.
func (m *member) hit(p, n int) (a actor.Answer) {
	for range n {
		a = m.actors.Ask(m.c.t.Context(), key(p), actor.Request{Hit: strategy.Hit{Policy: testPolicy, Cost: 1}})
	}
	return a
}

// used is what was charged in partition p as m knows; -1 if it does not serve.
func (m *member) used(p int) int {
	a := m.actors.Ask(m.c.t.Context(), key(p), actor.Request{Op: actor.OpCheck, Hit: strategy.Hit{Policy: testPolicy, Cost: 1}})
	if a.Err != nil {
		return -1
	}
	return 1000 - int(a.Decision.Remaining)
}

// owners are those who serve partition p.
func (c *cluster) owners(p int) (all []*member) {
	for _, m := range c.nodes {
		if m.Mode(p) == Serve {
			all = append(all, m)
		}
	}
	return all
}

// pass lets time pass, in the bubble.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// told is a Waiter that tells.
type told struct{ ok, called atomic.Bool }

func (f *told) Copied(ok bool) {
	f.ok.Store(ok)
	f.called.Store(true)
}
