package node

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/traffik-io/traffik/strategy"
)

// benchCluster starts nodes that wait for each other, and returns when each is ready.
func benchCluster(b *testing.B, count int, change func(*Config)) []*Node {
	b.Helper()
	var nodes []*Node
	for i := range count {
		c := Config{
			Name: fmt.Sprintf("n%d", i), GossipAddr: "127.0.0.1:0", ClusterAddr: "127.0.0.1:0", Timeout: 5 * time.Second,
			OnUnreachable: Fail, Logger: slog.New(slog.DiscardHandler), Replicas: 1,
		}
		if i > 0 {
			c.Join = []string{nodes[0].GossipAddr()}
		}
		if change != nil {
			change(&c)
		}
		n, err := Start(b.Context(), c)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = n.Shutdown(closed) })
		for !n.Ready() {
			time.Sleep(10 * time.Millisecond)
		}
		nodes = append(nodes, n)
	}
	time.Sleep(2 * time.Second) // partitions have moved by then
	return nodes
}

// benchHits hits keys of the owner, all admitted, by 32 callers per processor.
func benchHits(b *testing.B, n *Node, owner string, keys int) {
	p := policy("1000000000/s", strategy.FixedWindow{})
	hits := make([]strategy.Hit, 0, keys)
	for i := 0; len(hits) < keys; i++ {
		h := strategy.NewHit(fmt.Sprintf("key:%d", i), p)
		if n.Owner(h.UID, h.Key, h.Scope).Owner == owner {
			hits = append(hits, h)
		}
	}
	var next atomic.Int64
	b.SetParallelism(32)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		i := int(next.Add(7919))
		for pb.Next() {
			if d, err := n.Hit(b.Context(), hits[i%keys]); err != nil || !d.Allowed {
				b.Error(d, err)
				return
			}
			i += 7
		}
	})
}

func BenchmarkLocal(b *testing.B) {
	n := benchCluster(b, 1, nil)[0]
	for _, keys := range []int{1, 10_000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) { benchHits(b, n, n.Name(), keys) })
	}
}

func BenchmarkForwarded(b *testing.B) {
	nodes := benchCluster(b, 2, nil)
	b.Run("replicas=1", func(b *testing.B) { benchHits(b, nodes[0], nodes[1].Name(), 10_000) })
}
