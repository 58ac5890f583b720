package driver

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/node/ownership"
	"github.com/traffik-io/traffik/strategy"
)

// Guarantees 1 and 2: what was charged moves to a node that joins, and back when that leaves.
func TestPartitionsMoveWithWhatWasCharged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		a := c.add(nil)
		c.see(a)
		pass(100 * time.Millisecond)
		for p := range testPartitions {
			require.NoError(t, a.hit(p, 10+p).Err)
		}
		b := c.add(nil)
		c.see(a, b)
		pass(3 * time.Second)
		for p := range testPartitions {
			owner := c.nodes[p%2]
			require.Equal(t, []*member{owner}, c.owners(p), "partition %d", p)
			assert.Equal(t, 11+p, owner.used(p)+1)
			require.NoError(t, owner.hit(p, 5).Err)
		}
		assert.EqualValues(t, testPartitions/2, b.Stats().In)
		assert.EqualValues(t, testPartitions/2, a.Stats().Out)

		all := []ownership.Member{{UID: a.uid, State: ownership.Active}, {UID: b.uid, State: ownership.Leaving}}
		a.SetView(all, turns(all[:1]))
		b.SetView(all, turns(all[:1]))
		pass(3 * time.Second)
		select {
		case <-b.Drained():
		default:
			t.Error("b is not drained")
		}
		for p := range testPartitions {
			require.Equal(t, []*member{a}, c.owners(p))
			assert.Equal(t, 15+p, a.used(p))
		}
	})
}

// Guarantee 1: two sides of a split both serve; when it heals one of them does, and has charged no less than either.
func TestSidesOfASplitAreJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a, b := two(t, nil)
		for p := range testPartitions {
			c.owners(p)[0].hit(p, 10)
		}
		pass(time.Second)
		c.split(a, b, true)
		c.see(a)
		c.see(b)
		pass(5 * time.Second)
		for p := range testPartitions {
			require.Len(t, c.owners(p), 2)
			assert.Equal(t, 10, a.used(p), "the copy of the other side is there")
			a.hit(p, 20)
			b.hit(p, 5)
		}
		c.split(a, b, false)
		c.see(a, b)
		pass(10 * time.Second)
		for p := range testPartitions {
			require.Equal(t, []*member{c.nodes[p%2]}, c.owners(p))
			assert.Equal(t, 30, c.nodes[p%2].used(p))
		}
		assert.Positive(t, a.Stats().Joined+b.Stats().Joined)
	})
}

// Guarantee 3.
func TestAnswersWaitForCopies(t *testing.T) {
	for name, sync := range map[string]bool{"sync": true, "async": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t)
				change := func(cfg *Config) { cfg.Sync, cfg.MaxLag = sync, 20*time.Millisecond }
				a, b := c.add(change), c.add(change)
				c.see(a, b)
				pass(3 * time.Second)
				ans := a.hit(0, 1)
				var first told
				assert.Equal(t, !sync, a.Await(0, ans.Seq, &first))
				pass(20 * time.Millisecond)
				assert.Equal(t, sync, first.called.Load())
				assert.True(t, a.Await(0, ans.Seq, &first), "the copy holds it")
				assert.True(t, a.Await(0, 0, nil), "nothing was charged")

				c.split(a, b, true)
				ans = a.hit(0, 1)
				var second told
				assert.Equal(t, !sync, a.Await(0, ans.Seq, &second), "within the lag")
				pass(100 * time.Millisecond)
				assert.False(t, second.called.Load())
				var third told
				assert.False(t, a.Await(0, a.hit(0, 1).Seq, &third), "the copy is too old")
				assert.EqualValues(t, 1, a.Stats().Behind)
				c.split(a, b, false)
				pass(time.Second)
				assert.True(t, third.called.Load() && third.ok.Load())
				assert.Equal(t, sync, second.called.Load())
				assert.Zero(t, a.Stats().Behind)
			})
		})
	}
}

// While nobody can hold a copy, nobody waits for one; from the moment that somebody can, all is as ever.
func TestAloneTheMachineIsToldLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		a := c.add(nil)
		c.see(a)
		pass(10 * tickEvery)
		require.NoError(t, a.hit(0, 1).Err)
		pass(2 * tickEvery)
		assert.Zero(t, a.gates[0].safety(), "nobody was told")
		assert.False(t, a.Waits(0))
		assert.Zero(t, a.Stats().Behind)
		pass(aloneLag)
		assert.EqualValues(t, 1, a.gates[0].safety())

		require.NoError(t, a.hit(0, 1).Err)
		b := c.add(nil)
		c.see(a, b)
		pass(3 * time.Second)
		require.NoError(t, a.hit(0, 1).Err)
		pass(10 * time.Millisecond)
		assert.EqualValues(t, 3, b.has(0), "the copy holds all of it")
		assert.Zero(t, a.Stats().Behind)
	})
}

// Guarantee 3: that is the bound, not the next tick.
func TestTheLagIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a, b := two(t, nil)
		c.split(a, b, true)
		for range 20 { // wherever the ticks are
			began := time.Now()
			a.hit(0, 1)
			pass(10 * time.Millisecond)
			assert.True(t, a.Waits(0), "after %v", time.Since(began))
			c.split(a, b, false)
			pass(303 * time.Millisecond)
			assert.False(t, a.Waits(0))
			c.split(a, b, true)
		}
	})
}

// Guarantee 3: changes are told while the driver works off much else.
func TestChangesAreToldAmidWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := two(t, nil)
		a.post(func() {
			a.step(ownership.Mutated{P: 0}) // the machine looks after it now
			a.endFlow(0)
		})
		for range 50 {
			a.post(func() { time.Sleep(time.Millisecond) })
		}
		synctest.Wait()
		require.Nil(t, a.flows.out[0].Load())
		a.hit(0, 1)
		pass(8 * time.Millisecond)
		assert.EqualValues(t, 1, b.actors.Seq(0), "the copy holds it")
	})
}

// Guarantee 3: nor does it depend on whether the driver has time.
func TestAnswersWaitForADriverThatIsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, _ := two(t, nil)
		a.post(func() {
			a.step(ownership.Mutated{P: 0}) // the machine looks after it now
			a.endFlow(0)
			time.Sleep(30 * time.Millisecond)
		})
		synctest.Wait()
		now := func() strategy.Time { return strategy.TimeOf(time.Now()) }
		ans := a.hit(0, 1)
		a.Awake(now())
		assert.True(t, a.Await(0, ans.Seq, nil), "within the lag")
		pass(11 * time.Millisecond)
		ans = a.hit(0, 1)
		a.Awake(now())
		var w told
		assert.False(t, a.Await(0, ans.Seq, &w))
		pass(100 * time.Millisecond)
		assert.True(t, w.called.Load() && w.ok.Load())
		a.Awake(now())
		assert.False(t, a.Waits(0), "it has caught up")
	})
}

// Guarantee 4: a process that was away serves nothing before it has asked, and then knows who took over.
func TestNothingIsDecidedAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a, b := two(t, nil)
		a.hit(0, 7)
		pass(time.Second)
		require.Equal(t, Serve, a.Mode(0))
		c.split(a, b, true)
		all := []ownership.Member{{UID: b.uid, State: ownership.Active}}
		b.SetView(all, turns(all))
		pass(5 * time.Second)
		require.Equal(t, Serve, b.Mode(0), "b has taken over")
		c.split(a, b, false)
		session := a.session.Load()
		a.offset.Add(int64(2 * time.Second / time.Microsecond)) // as a clock shows after SIGCONT
		now := strategy.TimeOf(time.Now()) + strategy.Time(a.offset.Load())
		require.True(t, a.Slept(now))
		a.Awake(now)
		assert.NotEqual(t, Serve, a.Mode(0))
		assert.Greater(t, a.session.Load(), session, "what was sent to it before is of the past")
		pass(100 * time.Millisecond)
		assert.Equal(t, Redirect, a.Mode(0))
		owner, _ := a.Owner(0)
		assert.Equal(t, b.uid, owner)
		assert.Equal(t, 7, b.used(0))
	})
}

// Guarantee 3: what is charged while the log is kept for a stream, and after, is copied as well.
func TestChargesDuringAStreamAreCopied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, _ := two(t, nil)
		a.post(func() { a.holds[0] = time.Now().Add(holdFor) }) // as a stream to a third does
		a.hit(0, 1)
		pass(100 * time.Millisecond)
		a.post(func() { delete(a.holds, 0) })
		pass(100 * time.Millisecond)
		a.hit(0, 1)
		pass(100 * time.Millisecond)
		assert.Zero(t, a.Stats().Behind)
	})
}

// Guarantee 4, however many ask: a driver that thousands made look at the time, one after the other, did nothing else.
func TestManyHitsRouseOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		a := c.add(nil)
		c.see(a)
		pass(3 * time.Second)
		a.post(func() { time.Sleep(2 * time.Second) }) // it is busy
		pass(1500 * time.Millisecond)
		var hits sync.WaitGroup
		for range 1000 {
			hits.Go(func() { a.Awake(strategy.TimeOf(time.Now())) })
		}
		synctest.Wait()
		a.mu.Lock()
		assert.Len(t, a.inbox, 1)
		a.mu.Unlock()
		hits.Wait()
		assert.False(t, a.Slept(strategy.TimeOf(time.Now())))
	})
}

// lateness counts how requests that were kept are resumed.
type lateness struct{ late, early int }

func (l *lateness) Resume(late bool) {
	if late {
		l.late++
	} else {
		l.early++
	}
}

// Guarantee 5: requests are kept for a moment, and no more than so many.
func TestRequestsAreKeptForAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		a, b := c.add(nil), c.add(nil)
		c.split(a, b, true)
		c.see(a, b) // a asks b, which does not answer
		pass(10 * time.Millisecond)
		require.Equal(t, Park, a.Mode(0))
		require.Equal(t, Redirect, a.Mode(1))
		l := &lateness{}
		assert.False(t, a.Park(1, l))
		for range maxKept {
			assert.True(t, a.Park(0, l))
		}
		assert.False(t, a.Park(0, l))
		pass(200 * time.Millisecond)
		assert.Equal(t, lateness{late: maxKept}, *l)
		assert.True(t, a.Park(0, l))
		a.post(func() { a.setGate(ownership.Gate{P: 0, Mode: ownership.Serve}) })
		synctest.Wait()
		assert.Equal(t, lateness{late: maxKept, early: 1}, *l)
	})
}
