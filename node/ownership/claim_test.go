package ownership

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
