package driver

import (
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/actor"
	"github.com/traffik-io/traffik/node/ownership"
	"github.com/traffik-io/traffik/strategy"
)

// BenchmarkCopy is what it takes until another node holds a hit: 1,024 of them at a time, each in another partition.
func BenchmarkCopy(b *testing.B) {
	const partitions, batch = 4096, 1024
	c := &cluster{cut: map[[2]int]bool{}}
	start := time.Now()
	now := func() strategy.Time { return strategy.TimeOf(start) + strategy.Time(time.Since(start).Microseconds()) }
	for i := range 2 {
		m := &member{c: c, i: i, uid: ownership.UID{15: byte(i + 1)}, ended: make(chan struct{})}
		var err error
		m.actors, err = actor.New(actor.Config{
			Partitions: partitions, Now: now, Track: true, Mode: actor.Redirect, Changed: func(x actor.Mutation) uint64 { return m.Changed(x) },
		})
		require.NoError(b, err)
		m.Driver, err = New(Config{
			Self: m.uid, Partitions: partitions, Actors: m.actors, IDs: noIDs{}, Now: now, Logger: slog.New(slog.DiscardHandler), Sync: true,
			Link: func(to ownership.UID, _ bool) Caller { return &wirelink{m, c.nodes[to[15]-1]} },
		})
		require.NoError(b, err)
		c.nodes = append(c.nodes, m)
	}
	var ends sync.WaitGroup
	for _, m := range c.nodes {
		ends.Go(m.Run)
	}
	defer func() {
		for _, m := range c.nodes {
			m.Close()
			m.actors.Close()
		}
		ends.Wait()
	}()
	owner := c.nodes[0]
	members := []ownership.Member{{UID: c.nodes[0].uid, State: ownership.Active}, {UID: c.nodes[1].uid, State: ownership.Active}}
	ring := fixed{turns(members).Rank(0), turns(members).Rank(1)}
	for _, m := range c.nodes {
		m.SetView(members, ring)
	}
	require.Eventually(b, func() bool { return owner.Stats().Serving == partitions/2 && owner.Stats().Behind == 0 }, time.Minute, time.Millisecond)
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for i := 0; i < b.N; i += batch {
		for j := range min(batch, b.N-i) {
			p := (i + j) % (partitions / 2) * 2
			a := owner.actors.Ask(b.Context(), actor.Key{Hi: uint64(p) << 52, Lo: uint64(i + j)}, actor.Request{Hit: strategy.Hit{Policy: testPolicy, Cost: 1}})
			if wg.Add(1); owner.Await(p, a.Seq, waiter{&wg}) {
				wg.Done()
			}
		}
		wg.Wait()
	}
}

// fixed is a ring in which partitions are ranked in turn; it allocates nothing.
type fixed [2][]ownership.UID

func (f fixed) Rank(p uint32) []ownership.UID { return f[p%2] }

type waiter struct{ wg *sync.WaitGroup }

func (w waiter) Copied(bool) { w.wg.Done() }
