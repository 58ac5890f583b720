//go:build !race

package node

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/strategy"
)

// A hit allocates nothing, whether its key is owned here or by another node; nor does that node. (With the race
// detector, pools drop at random.)
func TestHitAllocatesNothing(t *testing.T) {
	owner := startCluster(t, 1, nil)[0]
	forwarder := startNode(t, Config{
		Name: "lite", Role: Lite, GossipAddr: "127.0.0.1:0", ClusterAddr: "127.0.0.1:0", Join: []string{owner.GossipAddr()},
		Secret: owner.cfg.Secret, Logger: slog.New(slog.DiscardHandler), Timeout: 10 * time.Second,
	})
	require.Eventually(t, forwarder.Ready, 10*time.Second, 10*time.Millisecond)
	h := strategy.NewHit("user:42", policy("1000000000/day", strategy.TokenBucket{}))
	for name, n := range map[string]*Node{"owned": owner, "forwarded": forwarder} {
		assert.Zero(t, testing.AllocsPerRun(5000, func() {
			if d, err := n.Hit(t.Context(), h); err != nil || !d.Allowed || d.Owner != owner.Name() {
				t.Errorf("%+v %v", d, err)
			}
		}), name)
	}
}
