package ownership

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// between reports whether a message goes from one of two nodes to the other.
func between(a, b int) func(int, int) bool {
	return func(from, to int) bool { return from == a && to == b || from == b && to == a }
}

func (p *pair) holders() []UID {
	_, all := p.m[0].Holders(0)
	return all
}

func (p *pair) acked() uint64 {
	a, _ := last[Acked](p)
	return a.Seq
}

// A holder that answers nothing for Patience is replaced, and is back as soon as it answers.
func TestSilentHolder(t *testing.T) {
	p := newGroup(t, Config{}, 3)
	p.apart = between(0, 1)
	p.step(0, Mutated{0, 1})
	p.pass(1950 * time.Millisecond)
	assert.Equal(t, []UID{{1}, {2}}, p.holders(), "it may only be busy")
	assert.Zero(t, p.acked())
	p.pass(50 * time.Millisecond)
	assert.Equal(t, []UID{{1}, {3}}, p.holders())
	assert.EqualValues(t, 1, p.acked())
	assert.Zero(t, p.m[1].Status(0).Copy, "it was told so by the third")
	assert.Equal(t, p.m[0].Status(0).Copy, p.m[2].Status(0).Copy)

	p.step(0, Mutated{0, 2})
	assert.EqualValues(t, 2, p.acked(), "at once")
	p.pass(time.Minute)
	assert.Equal(t, []UID{{1}, {3}}, p.holders())
	p.apart = nil
	p.pass(probeRetry + 50*time.Millisecond)
	assert.Equal(t, []UID{{1}, {2}}, p.holders())
	assert.Zero(t, p.m[2].Status(0).Copy)
}

// A holder that answers again after a while, though not for so long that it was replaced, is sent what it missed at once.
func TestHolderAnswersAgain(t *testing.T) {
	p := newGroup(t, Config{}, 3)
	p.step(0, Mutated{0, 1}) // with that, the holder reports no more
	p.apart = between(0, 1)
	p.step(0, Mutated{0, 2})
	p.pass(1600 * time.Millisecond)
	assert.EqualValues(t, 1, p.acked())
	p.apart = nil
	p.pass(probeRetry + 50*time.Millisecond)
	assert.Equal(t, []UID{{1}, {2}}, p.holders())
	assert.EqualValues(t, 2, p.acked())
}

// What is heard of a peer is no answer: one that is not reached itself may go on telling this node things.
func TestUnheardHolder(t *testing.T) {
	p := newGroup(t, Config{}, 3)
	p.apart = func(from, to int) bool { return from == 0 && to == 1 }
	p.step(0, Mutated{0, 1})
	for range 40 {
		p.pass(50 * time.Millisecond)
		p.step(0, Received{UID{2}, Rack{P: 0, Term: p.m[0].Status(0).Term, Complete: true, Stream: unasked}, State{}})
	}
	assert.Equal(t, []UID{{1}, {3}}, p.holders())
}

// Whoever should tell the silent one may be cut off from it as well.
func TestDismissalGoesAroundCuts(t *testing.T) {
	p := newGroup(t, Config{}, 4)
	p.apart = func(from, to int) bool { return between(0, 1)(from, to) || between(1, 2)(from, to) }
	p.step(0, Mutated{0, 1})
	p.pass(3 * time.Second)
	assert.Equal(t, []UID{{1}, {3}}, p.holders())
	assert.EqualValues(t, 1, p.acked())
}

// With nobody to take its place, a silent holder is waited for.
func TestSilentHolderWithoutSubstitute(t *testing.T) {
	p := newPair(t, Config{})
	p.cut = true
	p.step(0, Mutated{0, 1})
	p.pass(30 * time.Second)
	assert.Zero(t, p.acked())
	p.cut = false
	p.pass(retryMax)
	assert.EqualValues(t, 1, p.acked())
}

// A question that is lost, and not asked again, makes nobody silent.
func TestLostQuestion(t *testing.T) {
	p := newGroup(t, Config{}, 3)
	p.log = nil
	p.m[0].asked(Send{To: UID{2}, Msg: Offer{}})
	p.pass(10 * time.Second)
	_, streams := last[Stream](p)
	assert.False(t, streams, "nobody is to take its place")
}

// The pause of this node is nobody else's silence.
func TestOwnPauseIsNoSilence(t *testing.T) {
	p := newGroup(t, Config{}, 3)
	p.cut = true
	p.step(0, Mutated{0, 1})
	p.cut = false
	p.now += toTime(10 * time.Second)
	p.step(0, Tick{})
	assert.Equal(t, []UID{{1}, {2}}, p.holders())
}

// An owner that does not reach who should own the partition goes on with a backup that it reaches; and that one sends
// hits to it, as to whoever asks.
func TestSilentTarget(t *testing.T) {
	p := newGroup(t, Config{}, 3)
	p.apart = between(0, 1)
	for i := range p.m {
		p.step(i, ViewChanged{[]Member{{UID{1}, Active}, {UID{2}, Active}, {UID{3}, Active}}, fixedRing{{2}, {1}, {3}}})
	}
	p.step(0, Mutated{0, 1})
	p.pass(6 * time.Second)
	assert.True(t, p.m[0].Status(0).Serving)
	assert.Equal(t, []UID{{1}, {3}}, p.holders())
	assert.EqualValues(t, 1, p.acked())
	redirects := 0
	for range 40 {
		p.pass(100 * time.Millisecond)
		if p.m[1].parts[0].gate == (Gate{P: 0, Mode: Redirect, Term: p.m[0].Status(0).Term, Owner: UID{1}}) {
			redirects++
		}
	}
	assert.Greater(t, redirects, 30, "it asks again now and then")
	p.apart = nil
	p.pass(3 * time.Second)
	assert.True(t, p.m[1].Status(0).Serving)
}

// What is sent to a holder on two ways may come in any order: a copy is dropped only by what was said after it was made,
// and nothing from before makes another.
func TestLateDismissal(t *testing.T) {
	owner := Term{7, UID{1}, UID{1}}
	m, err := New(Config{Self: UID{2}, Partitions: 1})
	require.NoError(t, err)
	m.Step(0, ViewChanged{[]Member{{UID{1}, Active}, {UID{2}, Active}, {UID{3}, Active}}, fixedRing{{1}, {2}, {3}}})
	answers := func(from UID, msg Message) (all []Message) {
		for _, f := range m.Step(1, Received{from, msg, State{Seq: 5}}) {
			if s, ok := f.(Send); ok {
				assert.Equal(t, from, s.To)
				all = append(all, s.Msg)
			}
		}
		return all
	}
	complete := func(stream uint64) []Message {
		return []Message{Rack{P: 0, Term: owner, Seq: 5, Complete: true, Stream: stream}}
	}
	dismiss := func(stream uint64) Dismiss { return Dismiss{P: 0, Term: owner, Stream: stream, Holder: UID{2}} }
	assert.Equal(t, complete(4), answers(UID{1}, Repl{P: 0, Term: owner, Stream: 4}))
	assert.Empty(t, answers(UID{3}, dismiss(3)))
	assert.Equal(t, complete(3), answers(UID{1}, Repl{P: 0, Term: owner, Stream: 3, Drop: true}))
	assert.Equal(t, Version{owner, 5}, m.Status(0).Copy)

	assert.Equal(t, []Message{Dismissed{0, owner, 6, UID{2}}}, answers(UID{3}, dismiss(6)))
	assert.Zero(t, m.Status(0).Copy)
	assert.Equal(t, []Message{Dismissed{0, owner, 6, UID{2}}}, answers(UID{3}, dismiss(6)), "again")
	assert.Equal(t, []Message{Rack{P: 0, Term: owner, Stream: 5}}, answers(UID{1}, Repl{P: 0, Term: owner, Stream: 5}))
	assert.Equal(t, complete(8), answers(UID{1}, Repl{P: 0, Term: owner, Stream: 8}))
}

// An owner believes that a copy is gone only if it was dropped since it said so last.
func TestLateDismissed(t *testing.T) {
	o := &owning{holders: []holder{{uid: UID{2}, complete: true}, {uid: UID{3}, complete: true, drop: true, stream: 6}}}
	o.dropped(UID{2}, 6)
	o.dropped(UID{3}, 5)
	assert.Equal(t, []UID{{1}, {2}, {3}}, o.holderSet(UID{1}))
	o.dropped(UID{3}, 6)
	assert.Equal(t, []UID{{1}, {2}}, o.holderSet(UID{1}))
}

// Dismissals are passed on once, for owners and holders that are there.
func TestDismissalsArePassedOn(t *testing.T) {
	term := Term{7, UID{1}, UID{1}}
	m, err := New(Config{Self: UID{3}, Partitions: 1})
	require.NoError(t, err)
	m.Step(0, ViewChanged{[]Member{{UID{1}, Active}, {UID{2}, Active}, {UID{3}, Active}}, fixedRing{{1}, {2}, {3}}})
	for _, c := range []struct {
		from UID
		msg  Message
		to   UID
	}{
		{UID{1}, Dismiss{0, term, Version{}, 6, UID{2}}, UID{2}},
		{UID{2}, Dismiss{0, term, Version{}, 6, UID{2}}, UID{}},
		{UID{1}, Dismiss{0, term, Version{}, 6, UID{4}}, UID{}},
		{UID{2}, Dismissed{0, term, 6, UID{2}}, UID{1}},
		{UID{1}, Dismissed{0, term, 6, UID{2}}, UID{}},
		{UID{2}, Dismissed{0, Term{7, UID{4}, UID{4}}, 6, UID{2}}, UID{}},
	} {
		var want []Effect
		if c.to != (UID{}) {
			want = []Effect{Send{To: c.to, Msg: c.msg}}
		}
		assert.ElementsMatch(t, want, m.Step(1, Received{c.from, c.msg, State{}}), "%T from %d", c.msg, c.from[0])
	}
}

// A target that falls silent while it is handed a partition, at the moment when nobody serves, has been handed it or not:
// either way somebody serves soon. So it is if the owner that hands it over is the one that is not heard.
func TestTargetFallsSilent(t *testing.T) {
	for _, cut := range []fault{
		{Kind: "reject", Who: 0, Too: 1, Await: "owner"}, {Kind: "reject", Who: 1, Too: 0, Await: "frozen"},
		{Kind: "oneway", Who: 0, Too: 1, Await: "owner"}, {Kind: "oneway", Who: 1, Too: 0, Await: "frozen"},
	} {
		t.Run(fmt.Sprint(cut.Kind, cut.Who), func(t *testing.T) {
			t.Parallel()
			cut.At, cut.For, cut.Ranked = 1500*msec, 12_000*msec, true
			sc := scenario{
				Seed: 1, Directed: true, LatMin: 20 * msec, LatMax: 25 * msec, Every: 5 * msec, Attempt: 120 * msec, Nodes: 4, Sync: true, Proof: true,
				Load: 12_000 * msec, End: 30_000 * msec, Faults: []fault{{At: 1500 * msec, Kind: "leave", Ranked: true}, cut},
			}
			b, err := json.Marshal(sc)
			require.NoError(t, err)
			assert.Empty(t, play(sc, 0, nil).violations, "%s", b)
			assert.NotEmpty(t, play(sc, ruleSilent, nil).violations, "without the rule: %s", b)
		})
	}
}
