package node

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/strategy"
)

const movedKeys = 1000

// hour is a policy of 5 hits in a window that does not end during a test.
func hour() *strategy.Policy { return policy("5/day", strategy.FixedWindow{}) }

// exhaust brings every key to its limit, from whichever node.
func exhaust(t *testing.T, nodes []*Node, p *strategy.Policy) {
	t.Helper()
	for i := range movedKeys {
		h := strategy.NewHit(fmt.Sprintf("key:%d", i), p)
		h.Cost = 5
		d, err := nodes[i%len(nodes)].Hit(t.Context(), h)
		require.NoError(t, err)
		require.True(t, d.Allowed, "key %d", i)
	}
}

// requireExhausted fails if a key has regained allowance.
func requireExhausted(t *testing.T, nodes []*Node, p *strategy.Policy) {
	t.Helper()
	regained, failed := 0, 0
	for i := range movedKeys {
		d, err := nodes[i%len(nodes)].Hit(t.Context(), strategy.NewHit(fmt.Sprintf("key:%d", i), p))
		if err != nil {
			failed++
			t.Log(i, err)
		} else if d.Allowed {
			regained++
		}
	}
	assert.Zero(t, regained, "keys that regained allowance")
	assert.Zero(t, failed, "hits that failed")
}

func joined(t *testing.T, nodes []*Node, name string) *Node {
	t.Helper()
	return startNode(t, Config{
		Name: name, GossipAddr: "127.0.0.1:0", ClusterAddr: "127.0.0.1:0", Join: []string{nodes[0].GossipAddr()},
		Timeout: 2 * time.Second, OnUnreachable: Fail, Logger: nodes[0].log, Secret: nodes[0].cfg.Secret,
	})
}

// settled waits until the partitions are served by whom they should be.
func settled(t *testing.T, nodes []*Node) {
	t.Helper()
	for _, n := range nodes {
		require.Eventually(t, func() bool {
			want := 0
			v := n.view.Load()
			for i, count := range v.ring.Owned() {
				if v.owners[i] == v.self {
					want = count
				}
			}
			return len(v.owners) == len(nodes) && n.Stats().Serving == int64(want)
		}, 30*time.Second, 10*time.Millisecond, "%s does not serve what it should", n.Name())
	}
}

// Guarantee 8.
func TestKeysSurviveJoinAndLeave(t *testing.T) {
	nodes := startCluster(t, 2, nil)
	p := hour()
	exhaust(t, nodes, p)
	third := joined(t, nodes, "n2")
	requireExhausted(t, append(nodes, third), p) // while partitions move
	settled(t, append(nodes, third))
	assert.Positive(t, third.Stats().In)
	assert.Zero(t, third.Stats().Claimed, "nothing was taken from a live owner")
	requireExhausted(t, append(nodes, third), p)
	require.NoError(t, nodes[1].Shutdown(t.Context()))
	left := []*Node{nodes[0], third}
	requireExhausted(t, left, p)
	settled(t, left)
}

// crash ends a node as kill -9 would: nobody is told, and nothing is handed over.
func crash(n *Node) {
	n.mu.Lock()
	n.closing = true
	n.mu.Unlock()
	n.stopped.Store(true)
	_ = n.server.Close()
	_ = n.gossip.list.Shutdown()
	n.cancel()
	n.driver.Close()
	n.links.close(closed)
	for _, p := range n.others {
		_ = p.link.Close(closed)
	}
	n.tasks.Wait()
	n.shares.close()
	n.actors.Close()
	close(n.done)
}

// Guarantee 9.
func TestKeysSurviveACrash(t *testing.T) {
	for _, r := range []Replication{Sync, Async} {
		t.Run(string(r), func(t *testing.T) {
			nodes := startCluster(t, 3, func(_ int, c *Config) { c.Replication, c.Timeout = r, 10*time.Second })
			p := hour()
			exhaust(t, nodes, p)
			for _, n := range nodes {
				if r == Async { // a crash may lose what the copies lack
					require.Eventually(t, func() bool { return n.Stats().Behind == 0 }, 10*time.Second, time.Millisecond)
				}
			}
			crash(nodes[1])
			left := []*Node{nodes[0], nodes[2]}
			requireExhausted(t, left, p)
			settled(t, left)
			requireExhausted(t, left, p)
			assert.Positive(t, left[0].Stats().Claimed+left[1].Stats().Claimed)
		})
	}
}
