package ownership

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/strategy"
)

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
