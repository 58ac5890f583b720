package ownership

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
