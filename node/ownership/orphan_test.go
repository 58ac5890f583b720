package ownership

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whoever should own what a dead node owned, and cannot talk to the holder of its copy, leaves it to that one, and has it
// as soon as they can talk.
func TestOrphanedCopy(t *testing.T) {
	for name, lost := range map[string]func(from, to int) bool{
		"both ways":       between(1, 2),
		"to the holder":   func(from, to int) bool { return from == 2 && to == 1 },
		"from the holder": func(from, to int) bool { return from == 1 && to == 2 },
	} {
		t.Run(name, func(t *testing.T) {
			p := newGroup(t, Config{}, 4)
			p.step(0, Mutated{0, 1})
			crashed := func(from, to int) bool { return from == 0 || to == 0 }
			p.apart = func(from, to int) bool { return crashed(from, to) || lost(from, to) }
			for i := range p.m[1:] {
				p.step(i+1, ViewChanged{[]Member{{UID{2}, Active}, {UID{3}, Active}, {UID{4}, Active}}, fixedRing{{3}, {2}, {4}}})
			}
			p.pass(4 * time.Second)
			assert.Equal(t, Backup, p.m[1].Status(0).Role, "somebody may come for the copy")
			p.pass(3 * time.Second)
			assert.True(t, p.m[1].Status(0).Serving)
			p.step(1, Mutated{0, 1})
			p.pass(2 * time.Second)
			_, all := p.m[1].Holders(0)
			assert.Equal(t, []UID{{2}, {4}}, all)
			assert.EqualValues(t, 1, p.acked())
			p.apart = crashed
			p.pass(3 * time.Second)
			assert.True(t, p.m[2].Status(0).Serving)
		})
	}
}

// orphan returns a machine that has a copy, whose owner dies at once, and a function that has time pass.
func orphan(t *testing.T) (m *Machine, until func(time.Duration) Role) {
	owner := Term{7, UID{1}, UID{1}}
	m, err := New(Config{Self: UID{2}, Partitions: 1})
	require.NoError(t, err)
	m.Step(0, ViewChanged{[]Member{{UID{1}, Active}, {UID{2}, Active}, {UID{3}, Active}}, fixedRing{{1}, {2}, {3}}})
	m.Step(1, Received{UID{1}, Repl{P: 0, Term: owner, Stream: 1}, State{Seq: 5}})
	m.Step(2, ViewChanged{[]Member{{UID{2}, Active}, {UID{3}, Active}}, fixedRing{{3}, {2}}})
	m.Step(2, Proof{UID{1}})
	require.Equal(t, Version{owner, 5}, m.Status(0).Copy)
	return m, func(end time.Duration) Role {
		for now := m.now; now < toTime(end); now += 50 * msec {
			m.Step(now, Tick{})
		}
		return m.Status(0).Role
	}
}

// A copy that somebody comes for is left to that one, as long as that may take.
func TestOrphanedCopyIsAskedFor(t *testing.T) {
	m, until := orphan(t)
	assert.Equal(t, Backup, until(4*time.Second))
	m.Step(toTime(4*time.Second), Received{UID{3}, Pull{P: 0, Round: 1, Version: m.Status(0).Copy}, State{}})
	assert.Equal(t, Backup, until(8*time.Second))
	assert.Equal(t, Claiming, until(8200*time.Millisecond))
}

// A newer copy is left to whoever has it, and what others hold as well is not claimed without a pause: another may reach
// those, too.
func TestOrphanedCopyGivesWay(t *testing.T) {
	m, until := orphan(t)
	m.parts[0].set = []UID{{1}, {2}, {3}}
	assert.Equal(t, Claiming, until(4200*time.Millisecond))
	newer := m.Status(0).Copy
	newer.Seq++
	m.Step(m.now, Received{UID{3}, ClaimAnswer{Round: m.rounds, Role: Backup, Copy: newer, Known: newer.Term}, State{}})
	assert.Equal(t, Backup, m.Status(0).Role)
	assert.Equal(t, Claiming, until(8400*time.Millisecond))
	assert.Equal(t, Backup, until(10500*time.Millisecond), "it waits for a holder that is silent")
}
