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
