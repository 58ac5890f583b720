package node

import (
	"context"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/strategy"
	"github.com/traffik-io/traffik/transport"
)

// startOrphan starts a node of role lite with nobody who owns keys: every hit is decided without an owner.
func startOrphan(t *testing.T, u Unreachable) *Node {
	return startNode(t, Config{
		Name: "orphan", Role: Lite, GossipAddr: "127.0.0.1:0", ClusterAddr: "127.0.0.1:0", OnUnreachable: u,
		Timeout: 20 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	})
}

// Guarantee 1: what is decided without the owner says so.
func TestUnreachablePolicies(t *testing.T) {
	h := strategy.NewHit("k", policy("2/day", strategy.TokenBucket{}))
	hit := func(n *Node) strategy.Decision {
		d, err := n.Hit(t.Context(), h)
		require.NoError(t, err)
		assert.True(t, d.Degraded)
		assert.Equal(t, "orphan", d.Owner)
		assert.Equal(t, int64(2), d.Limit)
		return d
	}
	t.Run("allow", func(t *testing.T) {
		n := startOrphan(t, AllowAll)
		for range 5 {
			assert.True(t, hit(n).Allowed)
		}
		_, _, err := n.Stat(t.Context(), h)
		assert.ErrorIs(t, err, ErrUnreachable)
	})
	t.Run("deny", func(t *testing.T) {
		d := hit(startOrphan(t, DenyAll))
		assert.False(t, d.Allowed)
		assert.Positive(t, d.Wait)
	})
	t.Run("local", func(t *testing.T) {
		n := startOrphan(t, LocalShare)
		assert.True(t, hit(n).Allowed)
		assert.True(t, hit(n).Allowed)
		assert.False(t, hit(n).Allowed)
		st, ok, err := n.Stat(t.Context(), h)
		require.NoError(t, err)
		assert.True(t, ok && st.Degraded)
		assert.Less(t, st.Remaining, 1.0)
		assert.ErrorIs(t, n.Refund(t.Context(), h, 0), ErrUnreachable)
		assert.Equal(t, int64(5), n.Stats().Unreachable)
		assert.Equal(t, int64(4), n.Stats().Degraded, "a refund has no answer")
		assert.Equal(t, LocalShare, n.Stats().OnUnreachable)
	})
	t.Run("error", func(t *testing.T) {
		n := startOrphan(t, Fail)
		_, err := n.Hit(t.Context(), h)
		assert.ErrorIs(t, err, ErrUnreachable)
		assert.ErrorContains(t, err, "no full member is alive")
	})
}

// Where an owner answers so slowly that no more hits may be in flight to it, the unreachable policy answers.
func TestUnreachableBehindAFullWindow(t *testing.T) {
	for _, u := range []Unreachable{AllowAll, Fail} {
		t.Run(string(u), func(t *testing.T) {
			owner := startCluster(t, 1, nil)[0]
			asks := startNode(t, Config{
				Name: "lite", Role: Lite, GossipAddr: "127.0.0.1:0", ClusterAddr: "127.0.0.1:0", Join: []string{owner.GossipAddr()},
				OnUnreachable: u, Timeout: 10 * time.Second, Secret: owner.cfg.Secret, Logger: slog.New(slog.DiscardHandler), maxInFlight: 1,
			})
			require.Eventually(t, asks.Ready, 10*time.Second, 10*time.Millisecond)
			h := strategy.NewHit("k", policy("1/min", strategy.GCRA{}))
			_, err := asks.Hit(t.Context(), h)
			require.NoError(t, err)
			ctx, giveUp := context.WithCancel(t.Context())
			waits := h
			waits.MaxWait = strategy.MaxWait
			gaveUp := make(chan error)
			go func() { // until it gives up
				_, err := asks.Hit(ctx, waits)
				gaveUp <- err
			}()
			require.Eventually(t, func() bool { return asks.Stats().InFlight[owner.Name()] == 1 }, 10*time.Second, time.Millisecond)
			d, err := asks.Hit(t.Context(), strategy.NewHit("another", h.Policy))
			if u == Fail {
				assert.ErrorIs(t, err, ErrUnreachable)
				assert.ErrorIs(t, err, ErrOverloaded)
			} else {
				assert.NoError(t, err)
				assert.True(t, d.Allowed && d.Degraded)
			}
			giveUp()
			assert.ErrorIs(t, <-gaveUp, context.Canceled)
		})
	}
}

// A share is an nth of the limit, rounded up, for each of n owners.
func TestShareOfTheLimit(t *testing.T) {
	s, err := newShares(10, nil)
	require.NoError(t, err)
	defer s.close()
	p := policy("100/day", nil)
	third, err := s.policy(p, 3)
	require.NoError(t, err)
	r := third.Limit(0).Rate
	assert.Equal(t, int64(34), r.Limit())
	again, err := s.policy(p, 3)
	require.NoError(t, err)
	assert.Same(t, third, again)
}

// An owner whose copies do not follow is one that cannot be asked, also by callers of its own.
func TestAnOwnerWithoutCopiesIsUnreachable(t *testing.T) {
	mute, err := net.Listen("tcp", "127.0.0.1:0") // it accepts, and says nothing
	require.NoError(t, err)
	defer mute.Close()
	for u, admitted := range map[Unreachable]int{LocalShare: 2, AllowAll: 3, DenyAll: 0, Fail: 0} {
		n := startNode(t, Config{
			Name: "owner", GossipAddr: "127.0.0.1:0", ClusterAddr: "127.0.0.1:0", Replication: Sync, OnUnreachable: u,
			Timeout: 20 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
		})
		n.mu.Lock()
		n.applyLocked(change{meta: &meta{uid: transport.UID{1}, name: "mute", state: Active, role: Full, clusterAddr: mute.Addr().String()}})
		n.rebuildLocked()
		told := n.tellDriver(n.view.Load())
		n.mu.Unlock()
		<-told
		h := strategy.NewHit("k", policy("4/day", nil))
		for range 3 {
			d, err := n.Hit(t.Context(), h)
			if u == Fail {
				assert.ErrorIs(t, err, ErrUnreachable)
				assert.ErrorContains(t, err, "no copy holds the charge")
				continue
			}
			require.NoError(t, err)
			assert.True(t, d.Degraded, u)
			if d.Allowed {
				admitted--
			}
		}
		assert.Zero(t, admitted, u)
	}
}

// A member that vanishes keeps its share, so that a split network has no more shares than nodes; one that leaves, or is
// started again, does not.
func TestTheVanishedKeepTheirShare(t *testing.T) {
	n := startOrphan(t, LocalShare)
	tell := func(gone bool, uid byte, name string, s State) {
		n.mu.Lock()
		defer n.mu.Unlock()
		m := &meta{uid: transport.UID{uid}, name: name, state: s, role: Lite, clusterAddr: "127.0.0.1:1"}
		n.applyLocked(change{meta: m, addr: "127.0.0.1:2", gone: gone})
		n.rebuildLocked()
	}
	for i, name := range []string{"a", "b", "c"} {
		tell(false, byte(i), name, Active)
	}
	assert.Equal(t, 4, n.sharers())
	tell(true, 0, "a", Active)
	assert.Equal(t, 4, n.sharers(), "a has vanished")
	tell(false, 7, "a", Active)
	assert.Equal(t, 4, n.sharers(), "a was started again")
	tell(false, 1, "b", Leaving)
	tell(true, 1, "b", Leaving)
	assert.Equal(t, 3, n.sharers(), "b has left")
	tell(true, 2, "c", Active)
	assert.Equal(t, 3, n.sharers())
	n.forgetDeparted(time.Now().Add(departedFor + time.Second))
	assert.Equal(t, 2, n.sharers(), "c is gone for good")
}

// What consumes nothing is allowed without asking anyone, and what is wrong is refused without asking anyone.
func TestNothingToAsk(t *testing.T) {
	n := startOrphan(t, Fail)
	free := strategy.NewHit("k", policy("1/day", nil))
	free.Cost = 0
	endless := strategy.NewHit("k", strategy.MustPolicy(strategy.Limit{Rate: strategy.Unlimited()}))
	for _, h := range []strategy.Hit{free, endless} {
		d, err := n.Hit(t.Context(), h)
		require.NoError(t, err)
		assert.True(t, d.Allowed)
	}
	_, err := n.Hit(t.Context(), strategy.Hit{})
	assert.ErrorIs(t, err, ErrInvalid)
	assert.ErrorContains(t, err, "key: empty")
}
