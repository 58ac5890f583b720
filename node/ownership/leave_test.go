package ownership

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
