package node

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/ring"
	"github.com/traffik-io/traffik/transport"
)

// While partitions move, hits go where they went before, until somebody says better.
func TestRoutesKeepFormerOwners(t *testing.T) {
	const partitions = 64
	empty, err := ring.New(ring.NewHasher(nil), partitions, 2)
	require.NoError(t, err)
	member := func(i byte, s State) *peer {
		return &peer{meta: &meta{uid: transport.UID{i}, name: string('a' + rune(i)), state: s, role: Full}}
	}
	self := member(0, Active)
	see := func(prev *ring.Ring, others ...*peer) *view {
		all := map[transport.UID]*peer{}
		for _, p := range others {
			all[p.meta.uid] = p
		}
		return newView(prev, self, all)
	}
	two := see(empty, member(1, Active))
	three := see(two.ring, member(1, Active), member(2, Active))

	r := make(routes, partitions)
	named := route{3, transport.UID{1}}
	for p, told := 0, 0; told < 2; p++ {
		if three.owner(p).meta.uid == (transport.UID{2}) {
			r.learn(p, named.term, [...]transport.UID{named.owner, {7}}[told]) // 7 is gone since
			told++
		}
	}
	r.keep(two, three)
	moved, kept := 0, 0
	for p := range partitions {
		switch route := r[p].Load(); {
		case three.owner(p).meta.uid == two.owner(p).meta.uid:
			assert.Nil(t, route)
		case *route == named:
			kept++
		default:
			moved++
			assert.Equal(t, two.owner(p).meta.uid, route.owner)
			r.learn(p, 1, transport.UID{2})
			assert.Equal(t, transport.UID{2}, r[p].Load().owner, "somebody knows better")
		}
	}
	assert.Equal(t, 1, kept)
	assert.Greater(t, moved, partitions/6)

	r = make(routes, partitions)
	r.keep(three, see(three.ring, member(1, Active), member(2, Leaving)))
	assert.Equal(t, three.ring.Owned()[2], countRoutes(r, transport.UID{2}), "it leaves, and serves still")
	r = make(routes, partitions)
	r.keep(three, two)
	assert.Zero(t, countRoutes(r, transport.UID{2}), "it is gone")
}

func countRoutes(r routes, to transport.UID) (n int) {
	for p := range r {
		if route := r[p].Load(); route != nil && route.owner == to {
			n++
		}
	}
	return n
}
