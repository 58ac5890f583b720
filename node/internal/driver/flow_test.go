package driver

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/actor"
	"github.com/traffik-io/traffik/node/internal/wire"
	"github.com/traffik-io/traffik/node/ownership"
)

// flowing reports whether partition p of m, and the copy at o, are flows.
func (m *member) flowing(p int, o *member) bool {
	in := &o.flows.in[p]
	in.mu.Lock()
	defer in.mu.Unlock()
	return m.flows.out[p].Load() != nil && in.on
}

// has is how many mutations the copy of partition p has.
func (m *member) has(p int) uint64 {
	in := &m.flows.in[p]
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.on {
		return in.seq
	}
	return m.actors.Seq(p)
}

// record is that of the key of partition p.
func (m *member) record(p int) (body []byte) {
	m.actors.All(p, func(some []actor.Record) bool {
		body = slices.Clone(some[0].Body)
		return true
	})
	return body
}

// Guarantee 3: copies and acknowledgements do not wait for what the two drivers have to do.
func TestFlowsDoNotWaitForTheDriver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := two(t, func(cfg *Config) { cfg.Sync = true })
		for _, m := range []*member{a, b} {
			m.post(func() { time.Sleep(500 * time.Millisecond) })
		}
		var w told
		require.False(t, a.Await(0, a.hit(0, 3).Seq, &w))
		pass(5 * time.Millisecond)
		assert.True(t, w.called.Load() && w.ok.Load())
		assert.EqualValues(t, 3, b.has(0))
		assert.Empty(t, a.gates[0].waiting)
	})
}

// Guarantee 3: what is lost on the way is sent by the machine, the answers wait meanwhile, and then it is a flow again.
func TestALostChangeIsSentAgain(t *testing.T) {
	for _, sync := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c, a, b := two(t, func(cfg *Config) { cfg.Sync = sync })
			c.split(a, b, true)
			a.hit(0, 1)
			pass(10 * time.Millisecond)
			assert.True(t, a.Waits(0))
			var w told
			require.False(t, a.Await(0, a.hit(0, 1).Seq, &w))
			assert.False(t, a.flowing(0, b))
			c.split(a, b, false)
			pass(300 * time.Millisecond)
			assert.True(t, w.called.Load() && w.ok.Load())
			assert.EqualValues(t, 2, b.has(0))
			pass(flowPause)
			a.hit(0, 1)
			pass(100 * time.Millisecond)
			assert.True(t, a.flowing(0, b), "again")
			a.hit(0, 1)
			pass(10 * time.Millisecond)
			assert.EqualValues(t, 4, b.has(0))
			assert.Zero(t, a.Stats().Behind)
		})
	}
}

// Guarantee 3: what a flow has left behind when it ends gets no older than what comes later.
func TestTheLagIsBoundedWhenAFlowEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a, b := two(t, nil)
		pass(time.Millisecond) // after a tick
		c.split(a, b, true)
		a.post(func() {
			a.hit(0, 1)
			a.endFlow(0)
		})
		pass(5 * time.Millisecond)
		assert.False(t, a.Waits(0))
		pass(6 * time.Millisecond)
		assert.True(t, a.Waits(0), "10 ms after the charge")
	})
}

// An answer that waits when a flow begins is released by the flow.
func TestAnswersWaitOverTheBeginOfAFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, _ := two(t, func(cfg *Config) { cfg.Sync = true })
		var w told
		a.post(func() {
			a.endFlow(0)
			seq := a.hit(0, 1).Seq
			assert.False(t, a.Await(0, seq, &w))
			a.touched = append(a.touched, 0)
			a.step(ownership.Tick{}) // drives the partition, and then it is a flow
			require.NotNil(t, a.flows.out[0].Load())
		})
		pass(20 * time.Millisecond)
		assert.True(t, w.called.Load() && w.ok.Load())
	})
}

// Guarantee 1: a copy takes what its owner says in the same term, on top of all that came before, and nothing else.
func TestWhatACopyTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := two(t, nil)
		a.hit(0, 5)
		pass(20 * time.Millisecond)
		require.EqualValues(t, 5, b.has(0))
		term := b.flows.in[0].term
		other := term
		other.N++
		forged := term
		forged.Owner = b.uid
		send := func(session uint64, x wire.Change) (lacks []uint64, failed string) {
			var all wire.Changes
			all.Add(&x)
			b.ReceiveChanges(a.uid, all.Append(nil, session), func(answer []byte) {
				var err error
				_, lacks, err = wire.ReadTaken(answer)
				require.NoError(t, err)
			}, func(why string) { failed = why })
			return lacks, failed
		}
		for name, x := range map[string]wire.Change{
			"of another term":     {Term: other, From: 5, Seq: 6},
			"of another owner":    {Term: forged, From: 5, Seq: 6},
			"with a gap":          {Term: term, From: 6, Seq: 7},
			"of no partition":     {P: 1 << 20, Term: term, From: 5, Seq: 6},
			"of one owned here":   {P: 1, Term: term, From: 0, Seq: 1},
			"that cannot be read": {Term: term, From: 5, Seq: 6, Records: []byte{1}},
		} {
			lacks, failed := send(0, x)
			assert.Equal(t, []uint64{0}, lacks, name)
			assert.Empty(t, failed, name)
			assert.EqualValues(t, 5, b.has(0), name)
		}
		lacks, _ := send(0, wire.Change{Term: term, From: 3, Seq: 4})
		assert.Empty(t, lacks, "what it has")
		assert.EqualValues(t, 5, b.has(0))
		_, failed := send(b.session.Load()+1, wire.Change{Term: term, From: 5, Seq: 6})
		assert.NotEmpty(t, failed, "of another session")
		lacks, _ = send(b.session.Load(), wire.Change{Term: term, From: 5, Seq: 6})
		assert.Empty(t, lacks)
		assert.EqualValues(t, 6, b.has(0))
		b.ReceiveChanges(a.uid, []byte("?"), nil, func(why string) { failed = why })
		assert.Contains(t, failed, "malformed")
	})
}

// Guarantee 1: what a copy has acknowledged is read when it is much, after a while, and before the machine looks.
func TestCopiesCatchUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := two(t, nil)
		unread := func() int { return int(b.has(0) - b.actors.Seq(0)) }
		assert.False(t, b.inUse(0))
		a.hit(0, 3)
		pass(10 * time.Millisecond)
		assert.Equal(t, 3, unread())
		assert.Zero(t, b.actors.KeysOf(0))
		assert.True(t, b.inUse(0), "hits will wait for it if its owner dies")
		pass(time.Second)
		assert.Zero(t, unread(), "after a while")
		for range 2 * maxUnread / 40 { // a record takes more
			a.hit(0, 1)
			pass(3 * time.Millisecond)
			in := &b.flows.in[0]
			in.mu.Lock()
			assert.Less(t, len(in.unread), maxUnread)
			in.mu.Unlock()
		}
		a.hit(0, 1)
		pass(10 * time.Millisecond)
		require.Positive(t, unread())
		had := b.has(0)
		b.post(func() {
			b.endFlow(0)
			assert.Equal(t, had, b.actors.Seq(0), "before the machine looks")
			assert.Equal(t, a.record(0), b.record(0))
		})
		synctest.Wait()
	})
}

// Guarantee 4: nothing is taken after a pause before the machine knows.
func TestNothingIsTakenAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, b := two(t, nil)
		b.offset.Add(int64(2 * time.Second / time.Microsecond))
		var all wire.Changes
		all.Add(&wire.Change{Term: b.flows.in[0].term, Seq: 1})
		failed := ""
		b.ReceiveChanges(b.c.nodes[0].uid, all.Append(nil, 0), nil, func(why string) { failed = why })
		assert.NotEmpty(t, failed)
		assert.Zero(t, b.has(0))
	})
}

// The feed of a peer ends when that is gone.
func TestFeedsEndWithTheirPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a, b := two(t, nil)
		ended := a.feeds[b.uid].ctx.Done()
		c.see(a)
		pass(3 * time.Second)
		<-ended
		assert.Empty(t, a.feeds)
		require.NoError(t, a.hit(0, 1).Err)
		assert.False(t, a.Waits(0))
	})
}

// A view in which a partition is where it was does not end its flow; where something is due it does.
func TestFlowsGoOnInAnotherView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a, b := two(t, nil)
		before := a.flows.out[0].Load()
		third := c.add(nil)
		c.see(a, b, third) // p0 is ranked a, b, third as before, p2 third, a, b
		synctest.Wait()
		assert.Same(t, before, a.flows.out[0].Load())
		assert.Nil(t, a.flows.out[2].Load())
		pass(3 * time.Second)
		assert.Same(t, before, a.flows.out[0].Load())
		assert.Equal(t, Serve, third.Mode(2))
		c.split(a, b, true)
		c.split(third, b, true)
		c.see(a, third) // p0 is ranked a, third
		pass(3 * time.Second)
		assert.NotSame(t, before, a.flows.out[0].Load())
		assert.True(t, a.flowing(0, third))
	})
}

// What was heard of a process before it was proved dead does not bring it back.
func TestWhatWasHeardBeforeAProofIsOfThePast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, a, b := two(t, func(cfg *Config) { cfg.Sync = true })
		c.split(a, b, true)
		a.hear(b.uid)
		a.Proved(b.uid)
		pass(2 * tickEvery)
		var w told
		if !a.Await(0, a.hit(0, 1).Seq, &w) {
			pass(2 * tickEvery)
			assert.True(t, w.called.Load() && w.ok.Load(), "nobody is there who could hold a copy")
		}
	})
}

// A partition whose changes a peer does not take stays with the machine for a while, though hits come.
func TestAFlowThatFailsRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := two(t, nil)
		a.giveBack(a.feeds[b.uid], []shipped{{o: a.flows.out[0].Load()}}, false)
		for range 3 {
			a.hit(0, 1)
			pass(flowPause / 5)
			assert.False(t, a.flowing(0, b))
		}
		assert.EqualValues(t, 3, b.has(0), "the machine has sent them")
		pass(flowPause)
		a.hit(0, 1)
		pass(flowPause / 5)
		assert.True(t, a.flowing(0, b))
	})
}
