package node

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/strategy"
	"github.com/traffik-io/traffik/transport"
)

func newCharges() *charges { return &charges{node: &Node{}, parts: make([]chargesOf, 2)} }

// charged has a hit charged in partition 0 as mutation seq.
func charged(t testing.TB, c *charges, origin transport.UID, id, seq uint64) *transport.HitResponse {
	d := c.node.origins.of(origin, id)
	verdict, _ := d.accept(id, 0, transport.Responder{})
	require.Equal(t, first, verdict)
	res := &transport.HitResponse{Status: transport.Decided, Decision: strategy.Decision{
		Verdict: strategy.Verdict{Allowed: true, Remaining: float64(id) / 2, Limit: -3, Wait: time.Second},
		Period:  time.Hour, LimitedBy: "burst", At: 1 << 50,
	}}
	d.decided(id, res)
	c.add(0, charge{seq, d, id})
	return res
}

// Guarantee 8: a hit that was charged by the owner before is answered alike by the next, and not charged.
func TestChargesMove(t *testing.T) {
	from, to := newCharges(), newCharges()
	one, two := transport.UID{1}, transport.UID{2}
	const epoch = 1 << epochShift
	want := map[transport.UID]map[uint64]*transport.HitResponse{one: {}, two: {}}
	for seq := uint64(1); seq <= 40; seq++ {
		for origin, answers := range want {
			id := seq/10*epoch + seq
			answers[id] = charged(t, from, origin, id, seq)
		}
	}
	later := waiting | epoch | 7
	want[one][later] = charged(t, from, one, later, 41)
	from.node.origins.of(one, 0).accept(99*epoch, 2*epoch, transport.Responder{}) // the first two epochs of one are settled

	require.NoError(t, to.Install(0, from.Append(nil, 0, 30), false))
	require.NoError(t, to.Install(0, from.Append(nil, 0, 0), false))
	for origin, answers := range want {
		for id, res := range answers {
			verdict, got := to.node.origins.of(origin, id).accept(id, 0, transport.Responder{})
			if origin == one && id < 2*epoch {
				assert.Equal(t, stale, verdict)
				continue
			}
			require.Equal(t, decided, verdict, "%d", id)
			assert.Equal(t, res, got)
		}
	}
	assert.Empty(t, from.Append(nil, 1, 0), "another partition")
	assert.Empty(t, from.Append(nil, 0, 41), "nothing since")
	third := newCharges()
	require.NoError(t, third.Install(0, to.Append(nil, 0, 0), false), "and on to the next")
	verdict, _ := third.node.origins.of(two, 0).accept(4*epoch+40, 0, transport.Responder{})
	assert.Equal(t, decided, verdict)
}

// Guarantee 2: ids are known as long as the copy is here that has their charges, whatever was answered, and so if that
// comes back.
func TestIDsStayWithTheCopy(t *testing.T) {
	c := newCharges()
	origin, id := transport.UID{1}, uint64(1)<<epochShift|7
	res := charged(t, c, origin, id, 1)
	d := c.node.origins.of(origin, id)
	// This node was replaced before a copy held the charge, and nothing was answered.
	(&turn{dedup: d, id: id, noted: true}).conclude(false)
	verdict, got := d.accept(id, 0, transport.Responder{})
	assert.Equal(t, decided, verdict, "it decides again, with the copy that it had")
	assert.Equal(t, res, got)

	moved := c.Append(nil, 0, 0)
	c.Discard(0)
	assert.Nil(t, d.lookup(id), "the charge went with the copy")
	assert.Empty(t, c.Append(nil, 0, 0))
	require.NoError(t, c.Install(0, moved, false))
	assert.Equal(t, res, d.lookup(id), "and has come back")

	next := newCharges()
	require.NoError(t, next.Install(0, moved, true))
	assert.Equal(t, moved, next.Append(nil, 0, 1000), "other copies have not what was joined")

	other := uint64(1)<<epochShift | 8
	verdict, _ = d.accept(other, 0, transport.Responder{})
	require.Equal(t, first, verdict)
	(&turn{dedup: d, id: other}).conclude(false)
	verdict, _ = d.accept(other, 0, transport.Responder{})
	assert.Equal(t, first, verdict, "it was not charged")
}

// What a process that is gone has sent does not go with partitions for ever, nor is it kept.
func TestHitsOfTheDepartedAreSettled(t *testing.T) {
	c := newCharges()
	gone, other := transport.UID{1}, transport.UID{2}
	for _, id := range []uint64{7, waiting | 7} {
		charged(t, c, gone, id, 1)
	}
	c.node.origins.forget(gone)
	assert.Empty(t, c.Append(nil, 0, 0))
	for id := range uint64(100) {
		charged(t, c, other, id, 2)
	}
	for _, x := range c.of(0).list {
		assert.Equal(t, other, x.dedup.origin)
	}
}

// Guarantee 2: a hit that another owner has charged is not charged again when its retry ends at home, because the
// partition has moved there.
func TestARetryThatComesHomeIsNotCharged(t *testing.T) {
	n := startNode(t, Config{GossipAddr: "127.0.0.1:0", ClusterAddr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	r := &transport.HitRequest{Op: transport.Hit, ID: n.ids.begin(), Hit: strategy.NewHit("k", hour()), Budget: time.Second}
	defer n.ids.end(r.ID)
	r.Hi, r.Lo = n.hasher.Key("", "k", strategy.DefaultScope)
	p := n.partition(r.Hi)
	other := newCharges()
	want := charged(t, other, n.id.UID, r.ID, 1)
	require.NoError(t, n.charges.Install(p, other.Append(nil, 0, 0), false))
	var a answer
	require.NoError(t, n.decideLate(t.Context(), p, r, &a))
	require.NoError(t, a.Err)
	want.Decision.Owner = n.Name()
	assert.Equal(t, want.Decision, a.Decision)
	assert.Zero(t, n.actors.Seq(p), "nothing is charged")

	r.ID = n.ids.begin()
	defer n.ids.end(r.ID)
	a = answer{}
	require.NoError(t, n.decideLate(t.Context(), p, r, &a))
	assert.True(t, a.Decision.Allowed)
	assert.EqualValues(t, 1, n.actors.Seq(p))
}

// What is settled makes room for what comes.
func TestChargesAreAsManyAsAreInFlight(t *testing.T) {
	c := newCharges()
	for n := range uint64(10_000) {
		id := n<<epochShift | n
		charged(t, c, transport.UID{1}, id, n+1)
		c.node.origins.of(transport.UID{1}, id).accept(id, n<<epochShift, transport.Responder{})
	}
	assert.Less(t, cap(c.parts[0].list), 64)
}

func FuzzInstallCharges(f *testing.F) {
	c := newCharges()
	for seq := uint64(1); seq < 4; seq++ {
		charged(f, c, transport.UID{byte(seq)}, seq, seq)
	}
	f.Add(c.Append(nil, 0, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		to := newCharges()
		if to.Install(0, b, false) == nil {
			assert.NoError(t, newCharges().Install(0, to.Append(nil, 0, 0), false))
		}
	})
}
