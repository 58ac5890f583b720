package ownership

import (
	"fmt"
	"hash/fnv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/strategy"
)

func TestConfigValidate(t *testing.T) {
	_, err := New(Config{Replicas: -1, MaxHandoffs: -2, MaxHandoffsTo: -3, MaxRecalls: -4, Batch: -5, MaxLag: -1, Pause: -1, Silence: -1, Patience: -1})
	for _, field := range []string{"self", "partitions", "replicas: -1", "max handoffs: -2", "one target: -3", "recalls: -4", "batch: -5", "max lag", "pause", "silence", "patience"} {
		assert.ErrorContains(t, err, field)
	}
	m, err := New(Config{Self: UID{1}, Partitions: 1})
	require.NoError(t, err)
	assert.Equal(t, Config{UID{1}, 1, 2, 10 * time.Millisecond, time.Second, 250 * time.Millisecond, 2 * time.Second, 256, 64, 64, 256, nil}, m.cfg)
}

func TestOrder(t *testing.T) {
	a, b := UID{1}, UID{2}
	terms := []Term{{}, {1, a, a}, {1, a, b}, {1, b, a}, {2, a, a}}
	for i, x := range terms {
		for j, y := range terms {
			assert.Equal(t, i < j, x.Less(y), "%v %v", x, y)
		}
	}
	v := Version{terms[1], 5}
	assert.True(t, v.covers(Version{}))
	assert.True(t, v.covers(Version{terms[1], 5}))
	assert.False(t, v.covers(Version{terms[1], 6}))
	assert.False(t, v.covers(Version{terms[2], 1}))
}

func TestBackoff(t *testing.T) {
	for n, want := range []int64{100, 200, 400, 800, 1600, 2000, 2000} {
		assert.Equal(t, want, backoff(offerRetry, n).Milliseconds())
	}
}

// pair is two machines, or more, of which the first owns partition 0 and the second backs it up, and a clock.
type pair struct {
	t     *testing.T
	now   strategy.Time
	m     []*Machine
	log   []Effect // of all, since it was last cleared
	cut   bool
	apart func(from, to int) bool // those between whom messages are lost; nil: none
}

type fixedRing []UID

func (r fixedRing) Rank(uint32) []UID { return r }

func newPair(t *testing.T, cfg Config) *pair { return newGroup(t, cfg, 2) }

func newGroup(t *testing.T, cfg Config, n int) *pair {
	p := &pair{t: t, now: 1}
	var all ViewChanged
	var ring fixedRing
	for i := range n {
		cfg.Self, cfg.Partitions = UID{byte(i + 1)}, 1
		m, err := New(cfg)
		require.NoError(t, err)
		p.m = append(p.m, m)
		all.Members, ring = append(all.Members, Member{cfg.Self, Active}), append(ring, cfg.Self)
	}
	all.Ring = ring
	for i := range p.m {
		p.step(i, all)
	}
	require.Equal(t, Owner, p.m[0].Status(0).Role)
	require.Equal(t, 2, p.m[0].Status(0).Copies)
	return p
}

func (p *pair) step(i int, e Event) {
	type told struct {
		i int
		e Event
	}
	for queue := []told{{i, e}}; len(queue) > 0; queue = queue[1:] {
		i := queue[0].i
		effects := append([]Effect(nil), p.m[i].Step(p.now, queue[0].e)...)
		p.log = append(p.log, effects...)
		for _, f := range effects {
			seq := p.m[i].parts[0].copy.Seq
			switch f := f.(type) {
			case Send:
				to := int(f.To[0]) - 1
				if p.cut || to >= len(p.m) || p.apart != nil && p.apart(i, to) {
					continue
				}
				s := State{}
				if f.Attach != AttachNone {
					s.Seq = seq
				}
				queue = append(queue, told{to, Received{UID{byte(i + 1)}, f.Msg, s}})
			case Stream:
				queue = append(queue, told{i, Streamed{P: f.P, To: f.To, Stream: f.Stream}})
			case Freeze:
				queue = append(queue, told{i, Quiesced{P: f.P, Seq: seq}})
			}
		}
	}
}

// last returns the last effect of type E in the log.
func last[E Effect](p *pair) (e E, ok bool) {
	for _, f := range p.log {
		if x, is := f.(E); is {
			e, ok = x, true
		}
	}
	return e, ok
}

// TestPace is the bound of Guarantee 2: answers wait once the oldest mutation that no backup has is older than MaxLag.
func TestPace(t *testing.T) {
	p := newPair(t, Config{})
	p.step(0, Mutated{0, 1})
	acked, _ := last[Acked](p)
	assert.EqualValues(t, 1, acked.Seq)

	p.cut, p.log = true, nil
	for _, c := range []struct {
		after time.Duration
		wait  bool
	}{{0, false}, {4 * time.Millisecond, false}, {9 * time.Millisecond, false}, {10 * time.Millisecond, true}, {30 * time.Millisecond, true}} {
		start := strategy.Time(1000)
		p.now = start + toTime(c.after)
		p.step(0, Mutated{0, uint64(2 + c.after/time.Millisecond)})
		pace, _ := last[Pace](p)
		assert.Equal(t, c.wait, pace.Wait, "%v", c.after)
	}
	_, ok := last[Acked](p)
	assert.False(t, ok)

	p.cut = false
	p.now += toTime(replRetry)
	p.step(0, Tick{})
	acked, _ = last[Acked](p)
	assert.EqualValues(t, 32, acked.Seq)
	pace, _ := last[Pace](p)
	assert.False(t, pace.Wait)
}

// TestClaimAsksWhoComes: a member that the view shows while a claim is under way may serve what is claimed.
func TestClaimAsksWhoComes(t *testing.T) {
	m, err := New(Config{Self: UID{2}, Partitions: 1})
	require.NoError(t, err)
	asked := func(effects []Effect) (all []UID) {
		for _, f := range effects {
			if s, ok := f.(Send); ok {
				if _, ok := s.Msg.(Claim); ok {
					all = append(all, s.To)
				}
			}
		}
		return all
	}
	members := []Member{{UID{2}, Active}, {UID{3}, Joining}}
	assert.Equal(t, []UID{{3}}, asked(m.Step(1, ViewChanged{members, fixedRing{{2}}})))
	assert.Equal(t, []UID{{1}}, asked(m.Step(2, ViewChanged{append(members, Member{UID{1}, Active}), fixedRing{{2}, {1}}})))
	m.Step(3, Received{UID{3}, ClaimAnswer{P: 0, Round: 1}, State{}})
	assert.Equal(t, Claiming, m.Status(0).Role, "the newcomer has not answered yet")
	m.Step(4, Received{UID{1}, ClaimAnswer{P: 0, Round: 1}, State{}})
	assert.Equal(t, Owner, m.Status(0).Role)
}

func TestPauseGuard(t *testing.T) {
	p := newPair(t, Config{})
	p.cut, p.log = true, nil
	p.now += toTime(time.Second)
	p.step(0, Tick{})
	assert.Empty(t, p.log, "a second is no gap yet")
	p.now += toTime(time.Second) + 1
	p.step(0, Received{UID{2}, Fenced{0, Term{N: 99, Owner: UID{2}}}, State{}})
	_, closed := last[CloseLinks](p)
	gate, _ := last[Gate](p)
	assert.True(t, closed)
	assert.Equal(t, Park, gate.Mode)
	assert.EqualValues(t, 1, p.m[0].Status(0).Term.N, "what had waited in the link is not read")

	p.step(1, Tick{}) // it was away as well
	p.cut = false
	p.step(0, Doubted{})
	gate, _ = last[Gate](p)
	assert.Equal(t, Serve, gate.Mode, "nobody knows a higher term")
}

func TestDoubtedIsFenced(t *testing.T) {
	p := newPair(t, Config{})
	p.m[1].parts[0].hint, p.log = Term{5, UID{3}, UID{3}}, nil
	p.step(0, Doubted{})
	gate, _ := last[Gate](p)
	assert.NotEqual(t, Serve, gate.Mode)
	retained, ok := last[Retain](p)
	assert.True(t, ok)
	assert.EqualValues(t, 1, retained.ID.Version.Term.N)
}

func TestSingleCopy(t *testing.T) {
	p := newPair(t, Config{})
	m, err := New(Config{Self: UID{1}, Partitions: 1, Replicas: 1})
	require.NoError(t, err)
	p.m[0], p.log = m, nil
	p.m[0].Step(p.now, ViewChanged{[]Member{{UID{1}, Active}}, fixedRing{{1}}})
	p.step(0, Mutated{0, 7})
	acked, _ := last[Acked](p)
	assert.EqualValues(t, 7, acked.Seq)
}

// With nobody left there is nothing to wait for, unless somebody is missed: this node may be cut off with the only copy.
func TestLeaveAlone(t *testing.T) {
	alone := ViewChanged{[]Member{{UID{1}, Leaving}}, fixedRing{}}
	drained := func(p *pair) bool {
		_, ok := last[Drained](p)
		return ok
	}
	p := newPair(t, Config{})
	p.step(0, ViewChanged{[]Member{{UID{1}, Leaving}, {UID{2}, Leaving}}, fixedRing{}})
	p.step(0, alone)
	assert.True(t, drained(p))

	p = newPair(t, Config{})
	p.step(0, alone)
	assert.False(t, drained(p), "the other one did not leave")
	p.now += toTime(miss)
	p.step(0, Tick{})
	assert.True(t, drained(p))
}

// TestDeterminism is Guarantee 8.
func TestDeterminism(t *testing.T) {
	digest := func() uint64 {
		h := fnv.New64a()
		s := play(newScenario(5), 0, nil)
		for _, x := range s.hits {
			fmt.Fprint(h, *x)
		}
		for p := range simParts {
			fmt.Fprint(h, s.roles(p))
		}
		return h.Sum64()
	}
	assert.Equal(t, digest(), digest())
}

// TestAnyMessage is Guarantee 9: whatever comes, nothing panics, and whoever serves is the owner of the highest term
// that it knows.
func TestAnyMessage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, err := New(Config{Self: UID{1}, Partitions: 2})
		require.NoError(t, err)
		now := strategy.Time(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += strategy.Time(rapid.Int64Range(0, 1_500_000).Draw(t, "gap"))
			for _, f := range m.Step(now, anyEvent(t)) {
				if g, ok := f.(Gate); ok && g.Mode == Serve {
					assert.Equal(t, UID{1}, g.Term.Owner)
				}
			}
			for p := range uint32(2) {
				if s := m.Status(p); s.Serving {
					assert.Equal(t, s.Term, s.Copy.Term)
				}
			}
		}
	})
}

func anyEvent(t *rapid.T) Event {
	uid := func() UID { return UID{rapid.Byte().Draw(t, "uid") % 4} }
	n := func() uint64 { return rapid.Uint64Range(0, 4).Draw(t, "n") }
	term := func() Term { return Term{n(), uid(), uid()} }
	ver := func() Version { return Version{term(), n()} }
	set := func() []UID { return []UID{uid(), uid()} }
	yes := func() bool { return rapid.Bool().Draw(t, "yes") }
	p := uint32(n() / 2)
	id := MergeID{ver(), uid()}
	state := func() MemberState { return MemberState(n() % 4) }
	msgs := []Message{
		Offer{p, term()}, Accept{p, term()}, Refuse{p, term()}, Chunk{p, term(), n(), uint32(n())},
		Intent{p, term(), term()}, IntentAck{p, term()}, Commit{p, term(), ver(), n(), set()}, Committed{p, term()},
		Fenced{p, term()}, Claim{p, n(), term(), yes(), yes()},
		ClaimAnswer{p, n(), Role(n()), yes(), ver(), set(), term(), term(), set()},
		Pull{p, n(), ver()}, Copy{p, n(), ver(), n(), uint32(n())},
		Repl{p, term(), ver(), n(), n(), uint32(n()), set(), yes()}, Rack{p, term(), n(), yes(), yes(), n()},
		Delta{p, term(), n()}, DeltaAck{p, term(), n(), yes()},
		Merge{p, id}, Merged{p, id}, Dismiss{p, term(), ver(), n(), uid()}, Dismissed{p, term(), n(), uid()},
	}
	ring := fixedRing{uid(), uid(), uid()}
	view := ViewChanged{[]Member{{UID{1}, state()}, {UID{2}, state()}, {UID{3}, state()}}, ring}
	events := []Event{
		Tick{}, view, view, Proof{uid()}, ProofCleared{uid()}, Doubted{}, Mutated{p, n()}, Quiesced{p, n()},
		Streamed{p, uid(), n(), uint32(n()), n()}, Joined{p, uid(), id, n()},
	}
	for range 3 {
		for _, msg := range msgs {
			events = append(events, Received{uid(), msg, State{Seq: n()}})
		}
	}
	return rapid.SampledFrom(events).Draw(t, "event")
}

// BenchmarkMutated is one hit, replicated to one backup and acknowledged, without the driver's part.
func BenchmarkMutated(b *testing.B) {
	p := newPair(&testing.T{}, Config{})
	q := p.m[0].parts[0]
	rack := Rack{P: 0, Term: q.copy.Term, Complete: true}
	b.ReportAllocs()
	for i := range b.N {
		p.m[0].Step(1, Mutated{0, uint64(i + 1)})
		rack.Seq = uint64(i + 1)
		p.m[0].Step(1, Received{UID{2}, rack, State{}})
	}
}

// A commit that names another owner makes nobody serve: seed 3359266577312998600 of TestAnyMessage.
func TestCommitIsForItsOwner(t *testing.T) {
	m, err := New(Config{Self: UID{1}, Partitions: 1})
	require.NoError(t, err)
	m.Step(0, ViewChanged{[]Member{{UID{1}, Active}, {UID{2}, Active}}, fixedRing{UID{1}, UID{2}}})
	m.Step(1, Received{UID{2}, Commit{P: 0, Term: Term{9, UID{3}, UID{2}}}, State{}})
	assert.NotEqual(t, Term{9, UID{3}, UID{2}}, m.Status(0).Term)
}

// splitRing ranks one of two nodes first, by partition.
type splitRing [2]UID

func (r splitRing) Rank(p uint32) []UID { return []UID{r[p%2], r[1-p%2]} }

// A target that does not answer holds up the handoffs to it, and no others.
func TestHandoffsAreBoundedByTarget(t *testing.T) {
	self, mute, other := UID{1}, UID{2}, UID{3}
	m, err := New(Config{Self: self, Partitions: 20, MaxHandoffs: 8})
	require.NoError(t, err)
	now := strategy.Time(0)
	m.Step(now, ViewChanged{Members: []Member{{self, Active}}, Ring: fixedRing{self}})
	offers := map[UID]int{}
	count := func(effects []Effect) {
		for _, e := range effects {
			if s, ok := e.(Send); ok {
				if _, ok := s.Msg.(Offer); ok {
					offers[s.To]++
				}
			}
		}
	}
	count(m.Step(now, ViewChanged{Members: []Member{{self, Active}, {mute, Active}, {other, Active}}, Ring: splitRing{mute, other}}))
	require.Equal(t, map[UID]int{mute: 2, other: 2}, offers)
	term := m.parts[1].copy.Term
	count(m.Step(now, Received{From: other, Msg: Refuse{1, term}}))
	count(m.Step(now, Tick{}))
	require.Equal(t, map[UID]int{mute: 2, other: 3}, offers)
}

// What a tick has put off goes on before the next, as far as there is room.
func TestProceed(t *testing.T) {
	self, mute, other := UID{1}, UID{2}, UID{3}
	m, err := New(Config{Self: self, Partitions: 20, MaxHandoffs: 8, MaxRecalls: 3})
	require.NoError(t, err)
	assert.False(t, unfinished(m))
	m.Step(0, ViewChanged{Members: []Member{{self, Active}}, Ring: fixedRing{self}})
	m.Step(0, ViewChanged{Members: []Member{{self, Active}, {mute, Active}, {other, Active}}, Ring: splitRing{mute, other}})
	require.True(t, unfinished(m))
	assert.Empty(t, m.Step(0, Proceed{}), "no room")
	m.Step(0, Received{From: other, Msg: Refuse{1, m.parts[1].copy.Term}})
	effects := m.Step(0, Proceed{})
	require.Len(t, effects, 1)
	assert.Equal(t, other, effects[0].(Send).To)
	assert.IsType(t, Offer{}, effects[0].(Send).Msg)

	m.agenda.line = nil
	for _, q := range m.parts[:7] {
		q.flowing, q.misplaced = true, true
		m.agenda.flows = append(m.agenda.flows, q)
	}
	m.parts[1].flowing = false // ended since, and on offer already
	for _, want := range []int{3, 3, 0} {
		effects := m.Step(0, Proceed{})
		assert.Len(t, effects, want)
		for _, e := range effects {
			assert.IsType(t, Recall{}, e)
		}
	}
	assert.False(t, unfinished(m))
}

func unfinished(m *Machine) bool {
	all, _ := m.Unfinished()
	return all
}

// After a change of the view, partitions are looked at a few at a time, those in use first.
func TestTheRestIsLookedAtLater(t *testing.T) {
	m, err := New(Config{Self: UID{1}, Partitions: 10, Batch: 4, InUse: func(p uint32) bool { return p >= 8 }})
	require.NoError(t, err)
	asked := func(effects []Effect) (p []uint32) {
		for _, e := range effects {
			if s, ok := e.(Send); ok {
				p = append(p, s.Msg.(Claim).P)
			}
		}
		return p
	}
	members := []Member{{UID{1}, Active}, {UID{2}, Active}}
	assert.Equal(t, []uint32{8, 9, 0, 1}, asked(m.Step(1, ViewChanged{Members: members, Ring: rankAll{{1}, {2}}})))
	assert.True(t, m.LooksOn())
	assert.Equal(t, []uint32{2, 3, 4, 5}, asked(m.Step(1, Proceed{})))
	assert.Equal(t, []uint32{6, 7}, asked(m.Step(1, Proceed{})))
	assert.False(t, m.LooksOn())
}

// Hits may wait for a look at all partitions after a member was lost, and else not.
func TestALossIsUrgent(t *testing.T) {
	members := []Member{{UID{1}, Active}, {UID{2}, Active}, {UID{3}, Leaving}}
	with := func(members ...Member) Event { return ViewChanged{members, rankAll{{1}, {2}}} }
	for name, c := range map[string]struct {
		event  Event
		urgent bool
	}{
		"one comes":                  {with(append(members, Member{UID{4}, Active})...), false},
		"one begins to leave":        {with(members[0], Member{UID{2}, Leaving}, members[2]), false},
		"one that was leaving goes":  {with(members[:2]...), false},
		"one that was leaving dies":  {Proof{UID{3}}, false},
		"one is gone":                {with(members[0], members[2]), true},
		"one is held dead":           {with(members[0], Member{UID{2}, Dead}, members[2]), true},
		"one is proved to be dead":   {Proof{UID{2}}, true},
		"one that was dead is heard": {Received{From: UID{5}, Msg: Fenced{0, Term{}}}, false},
	} {
		m, err := New(Config{Self: UID{1}, Partitions: 10, Batch: 4})
		require.NoError(t, err)
		m.Step(1, with(members...))
		for m.LooksOn() {
			m.Step(1, Proceed{})
		}
		m.Step(1, c.event)
		_, urgent := m.Unfinished()
		assert.Equal(t, c.urgent, urgent, name)
		for m.LooksOn() {
			m.Step(1, Proceed{})
		}
		_, urgent = m.Unfinished()
		assert.False(t, urgent, name)
	}
}

// What has to be looked at anew before all of it was looked at goes round.
func TestNothingIsPutOffForEver(t *testing.T) {
	m, err := New(Config{Self: UID{1}, Partitions: 10, Batch: 4})
	require.NoError(t, err)
	view := ViewChanged{Members: []Member{{UID{1}, Active}, {UID{2}, Active}}, Ring: rankAll{{1}, {2}}}
	left := func() (p []uint32) {
		for _, q := range m.agenda.unseen {
			p = append(p, q.id)
		}
		return p
	}
	m.Step(1, view)
	assert.Equal(t, []uint32{4, 5, 6, 7, 8, 9}, left())
	m.Step(1, view)
	assert.Equal(t, []uint32{8, 9, 0, 1, 2, 3}, left(), "first what was not looked at")

	m.Step(1, ProofCleared{UID{2}}) // for a while every tick has all looked at
	m.Step(2, Tick{})
	assert.Equal(t, []uint32{2, 3}, left())
	m.Step(3, Tick{})
	assert.Empty(t, left())
	m.Step(4, Tick{})
	assert.Equal(t, []uint32{4, 5, 6, 7, 8, 9}, left())

	for len(left()) > 0 { // a second after that
		m.Step(toTime(10*time.Second), Proceed{})
	}
	m.Step(toTime(10*time.Second), view)
	m.broken = true // a silent one has answered amid a look
	m.Step(toTime(10*time.Second), Tick{})
	assert.Equal(t, []uint32{8, 9}, left())
	m.Step(toTime(10*time.Second), Tick{})
	assert.Empty(t, left())
	m.Step(toTime(10*time.Second), Tick{})
	assert.Equal(t, []uint32{4, 5, 6, 7, 8, 9}, left(), "all are looked at once more")
}

// An owner that lives is given time to hand over what a holder should own.
func TestAnOwnerThatLivesIsGivenTime(t *testing.T) {
	p := newPair(t, Config{})
	p.log = nil
	p.step(1, ViewChanged{[]Member{{UID{1}, Active}, {UID{2}, Active}}, fixedRing{{2}, {1}}}) // the other does not see that yet
	p.pass(ownerPatience - 100*time.Millisecond)
	_, claims := last[Gate](p)
	assert.False(t, claims)
	p.pass(200 * time.Millisecond)
	_, claims = last[Gate](p)
	assert.True(t, claims, "it asks, and hits wait")
	p.log = nil
	p.pass(ownerPatience - time.Second)
	_, claims = last[Gate](p)
	assert.False(t, claims, "it has been told who serves")

	p = newGroup(t, Config{}, 3)
	p.log = nil
	p.step(2, ViewChanged{[]Member{{UID{1}, Active}, {UID{2}, Active}, {UID{3}, Active}}, fixedRing{{3}, {1}, {2}}})
	_, claims = last[Gate](p)
	assert.True(t, claims, "it knows of nobody")
	p.log = nil
	p.pass(ownerPatience - 100*time.Millisecond)
	_, claims = last[Gate](p)
	assert.False(t, claims, "it has been told who serves, without a copy")
}

// A backup that another replaces keeps its copy until that one holds all that was acknowledged meanwhile: were it dropped
// as soon as the other copy is complete, the owner could die before what lacks there is on its way.
func TestABackupIsKeptUntilTheNextHasCaughtUp(t *testing.T) {
	p := newPair(t, Config{})
	old, next := UID{2}, UID{3}
	dropped := func() bool {
		for _, f := range p.log {
			if s, ok := f.(Send); ok && s.To == old {
				if r, ok := s.Msg.(Repl); ok && r.Drop {
					return true
				}
			}
		}
		return false
	}
	p.step(0, ViewChanged{[]Member{{UID{1}, Active}, {old, Active}, {next, Active}}, fixedRing{{1}, next, old}})
	term := p.m[0].Status(0).Term
	p.step(0, Received{next, Rack{P: 0, Term: term}, State{}})
	stream, ok := last[Stream](p)
	require.True(t, ok, "it is sent a copy")
	p.step(0, Mutated{0, 5})
	acked, _ := last[Acked](p)
	require.EqualValues(t, 5, acked.Seq, "the old backup holds them")
	p.step(0, Received{next, Rack{P: 0, Term: term, Complete: true, Seq: 3, Stream: stream.Stream}, State{}})
	assert.False(t, dropped(), "it alone has the last two")
	p.step(0, Received{next, DeltaAck{0, term, 5, false}, State{}})
	assert.True(t, dropped())
}

// What is in use is looked after first.
func TestPartitionsInUseComeFirst(t *testing.T) {
	m, err := New(Config{Self: UID{1}, Partitions: 4, InUse: func(p uint32) bool { return p == 2 }})
	require.NoError(t, err)
	members := []Member{{UID{1}, Active}, {UID{2}, Active}}
	var asked []uint32
	for _, e := range m.Step(1, ViewChanged{Members: members, Ring: rankAll{{1}, {2}}}) {
		if s, ok := e.(Send); ok {
			asked = append(asked, s.Msg.(Claim).P)
		}
	}
	assert.Equal(t, []uint32{2, 0, 1, 3}, asked)
}

// rankAll ranks all partitions alike.
type rankAll []UID

func (r rankAll) Rank(uint32) []UID { return r }

// A leave must end: the longer it takes, the more is handed over at once.
func TestALeaveIsHurried(t *testing.T) {
	self, other := UID{1}, UID{2}
	m, err := New(Config{Self: self, Partitions: 40, MaxHandoffs: 3, MaxHandoffsTo: 2})
	require.NoError(t, err)
	view := ViewChanged{Members: []Member{{self, Active}}, Ring: fixedRing{self}}
	m.Step(0, view)
	now := toTime(time.Minute)
	m.Step(now, view)
	view = ViewChanged{Members: []Member{{self, Leaving}, {other, Active}}, Ring: fixedRing{other}}
	m.Step(now, view)
	assert.Equal(t, 2, m.handing)
	for range 4 {
		now += toTime(time.Second) / 2
		view.Members = append(view.Members, Member{UID{9, byte(len(view.Members))}, Active}) // does not begin the leave anew
		m.Step(now, view)
		m.Step(now, Proceed{})
	}
	assert.Equal(t, 8, m.handing)
}

// A flow goes on when others ask whose it is, as thousands do when a node joins; unless they know of a later term.
func TestAFlowGoesOnWhenItIsAskedFor(t *testing.T) {
	p := newGroup(t, Config{}, 3)
	f, ok := p.m[0].Flow(0)
	require.True(t, ok)
	asked := func(known Term) Received { return Received{From: UID{3}, Msg: Claim{P: 0, Round: 7, Known: known}} }
	require.Equal(t, NoPartition, p.m[0].Concerns(p.now, asked(f.Term)))
	p.log = nil
	p.step(0, asked(f.Term))
	answer := p.log[0].(Send)
	assert.Equal(t, UID{3}, answer.To)
	assert.Equal(t, Owner, answer.Msg.(ClaimAnswer).Role)
	assert.Equal(t, f.Term, answer.Msg.(ClaimAnswer).Copy.Term)

	later := f.Term
	later.N++
	assert.Equal(t, 0, p.m[0].Concerns(p.now, asked(later)))
	assert.Equal(t, 0, p.m[0].Concerns(p.now, Received{From: UID{3}, Msg: Fenced{0, later}}))
	p.m[1].have(0).flowing = true
	assert.Equal(t, 0, p.m[1].Concerns(p.now, asked(f.Term)), "how much a copy has is told exactly")
}

// A tick looks at nothing where nothing is due.
func TestTicksLookAtWhatIsRestless(t *testing.T) {
	p := newPair(t, Config{})
	p.pass(100 * time.Millisecond)
	assert.Empty(t, p.m[0].agenda.restless)
	p.step(0, Mutated{0, 1})
	p.pass(100 * time.Millisecond)
	assert.Empty(t, p.m[0].agenda.restless)
	p.cut = true
	p.step(0, Mutated{0, 2})
	p.pass(100 * time.Millisecond)
	assert.Len(t, p.m[0].agenda.restless, 1, "the copy is to get what it lacks")
	p.cut = false
	p.pass(time.Second)
	assert.Empty(t, p.m[0].agenda.restless)
	_, ok := p.m[0].Flow(0)
	require.True(t, ok)
	p.m[0].Step(p.now, Flowed{P: 0, Seq: 3, Acked: []uint64{2}, At: p.now})
	assert.Len(t, p.m[0].agenda.restless, 1, "nor has it what a flow leaves behind")
}

// Who reports a copy that its owner knows of is told so, and leaves it at that.
func TestReportsEnd(t *testing.T) {
	p := newPair(t, Config{})
	p.step(0, Mutated{0, 1})
	q := p.m[1].have(0)
	for range 2 { // the first may find the owner amid something
		q.report = p.now
		p.log = nil
		p.pass(time.Second)
		reports := 0
		for _, e := range p.log {
			if s, ok := e.(Send); ok {
				if r, ok := s.Msg.(Rack); ok && r.Stream == unasked {
					reports++
				}
			}
		}
		assert.Equal(t, 1, reports)
		assert.Zero(t, q.report)
	}
}
