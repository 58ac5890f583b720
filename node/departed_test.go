package node

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/traffik-io/traffik/transport"
)

// A node that leaves waits for nobody if the others have left, and for those who vanished: it may be cut off from them.
func TestLeaveWaitsForTheVanished(t *testing.T) {
	for name, c := range map[string]struct {
		left  bool
		waits bool
	}{"left": {true, false}, "vanished": {false, true}} {
		n := startNode(t, Config{GossipAddr: "127.0.0.1:0", ClusterAddr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
		tell := func(all ...change) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.gossip.mu.Lock()
			n.gossip.changes = append(n.gossip.changes, all...)
			n.gossip.mu.Unlock()
			n.rebuildLocked()
		}
		other := func(s State, gone bool) change {
			m := &meta{uid: transport.UID{1}, name: "other", state: s, role: Full, clusterAddr: "127.0.0.1:1"}
			return change{meta: m, addr: "127.0.0.1:2", gone: gone}
		}
		tell(other(Active, false))
		if c.left { // in one piece: the leave is in no view before the end
			tell(other(Leaving, false), other(Leaving, true))
		} else {
			tell(other(Active, true))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		n.Leave(ctx)
		assert.Equal(t, c.waits, ctx.Err() != nil, name)
		if !c.waits {
			<-n.driver.Drained()
		} else {
			assert.False(t, n.handedOver.Load())
		}
		cancel()
	}
}
