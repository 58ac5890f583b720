package node

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/traffik-io/traffik/strategy"
)

func TestMain(m *testing.M) {
	if os.Getenv(ownerEnv) != "" {
		serveBenchmarks()
		return
	}
	status := m.Run()
	var leak error
	for range 5 { // memberlist may still wait for a peer that was stopped: its TCPTimeout
		if leak = goleak.Find(); leak == nil {
			break
		}
	}
	if status == 0 && leak != nil {
		fmt.Fprintln(os.Stderr, leak)
		status = 1
	}
	os.Exit(status)
}

// startCluster starts named nodes on loopback that join the first, and waits until all serve what they should.
func startCluster(t *testing.T, count int, change func(i int, c *Config)) []*Node {
	t.Helper()
	nodes := make([]*Node, 0, count)
	for i := range count {
		c := Config{
			Name: fmt.Sprintf("n%d", i), GossipAddr: "127.0.0.1:0", ClusterAddr: "127.0.0.1:0", Timeout: 2 * time.Second,
			OnUnreachable: Fail, Logger: slog.New(slog.DiscardHandler), Secret: []byte("secret of a test cluster"),
		}
		if i > 0 {
			c.Join = []string{nodes[0].GossipAddr()}
		}
		if change != nil {
			change(i, &c)
		}
		nodes = append(nodes, startNode(t, c))
	}
	settled(t, nodes)
	return nodes
}

func startNode(t *testing.T, c Config) *Node {
	t.Helper()
	c.partitions = 512
	n, err := Start(t.Context(), c)
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = n.Shutdown(closed) // hands nothing over
	})
	return n
}

func policy(rate string, s strategy.Strategy) *strategy.Policy {
	return strategy.MustPolicy(strategy.Limit{Rate: strategy.MustRate(rate), Strategy: s})
}

// Guarantee 1: hits spread over all nodes are decided by one, exactly.
func TestOneOwnerDecides(t *testing.T) {
	nodes := startCluster(t, 3, nil)
	for _, c := range []struct {
		name string
		s    strategy.Strategy
		want int64
	}{
		{"fixed_window", strategy.FixedWindow{}, 100},
		{"token_bucket", strategy.TokenBucket{}, 100},
		{"gcra", strategy.GCRA{Burst: 100}, 100},
		{"gcra default", strategy.GCRA{}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := strategy.NewHit("user:42", policy("100/day", c.s))
			h.UID = c.name
			var admitted atomic.Int64
			var wg sync.WaitGroup
			for i := range 300 {
				wg.Go(func() {
					d, err := nodes[i%3].Hit(t.Context(), h)
					assert.NoError(t, err)
					assert.False(t, d.Degraded)
					if d.Allowed {
						admitted.Add(1)
					}
				})
			}
			wg.Wait()
			assert.Equal(t, c.want, admitted.Load())
			owner := nodes[0].Owner(h.UID, h.Key, h.Scope)
			for _, n := range nodes {
				seen := n.Owner(h.UID, h.Key, "")
				seen.Term = owner.Term // which only those who hold a copy know
				assert.Equal(t, owner, seen)
				st, ok, err := n.Stat(t.Context(), h)
				require.NoError(t, err)
				assert.True(t, ok)
				assert.Less(t, st.Remaining, 1.0)
				assert.Equal(t, owner.Owner, st.Owner)
				d, err := n.Check(t.Context(), h)
				require.NoError(t, err)
				assert.False(t, d.Allowed)
			}
		})
	}
}

// A lite node has nothing to hand over, and does not wait until it may give up.
func TestALiteNodeLeavesAtOnce(t *testing.T) {
	owner := startCluster(t, 1, nil)[0]
	lite := startNode(t, Config{
		Name: "lite", Role: Lite, GossipAddr: "127.0.0.1:0", ClusterAddr: "127.0.0.1:0", Join: []string{owner.GossipAddr()},
		Secret: owner.cfg.Secret, Logger: slog.New(slog.DiscardHandler),
	})
	require.Eventually(t, lite.Ready, 10*time.Second, 10*time.Millisecond)
	d, err := lite.Hit(t.Context(), strategy.NewHit("k", policy("1/day", nil)))
	require.NoError(t, err)
	assert.Equal(t, owner.Name(), d.Owner)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(t, lite.Shutdown(ctx))
	assert.NoError(t, ctx.Err(), "it waited for as long as it may")
}
