package node_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/traffik-io/traffik/node"
	"github.com/traffik-io/traffik/strategy"
)

// A cluster of one. Others find it with Join, and the answers stay the same.
func Example() {
	ctx := context.Background()
	n, err := node.Start(ctx, node.Config{
		Name: "n1", GossipAddr: "127.0.0.1:0", ClusterAddr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		panic(err)
	}
	defer func() { _ = n.Shutdown(ctx) }()

	perDay := strategy.MustPolicy(strategy.Limit{Rate: strategy.MustRate("2/day"), Strategy: strategy.TokenBucket{}})
	for range 3 {
		d, err := n.Hit(ctx, strategy.NewHit("user:42", perDay))
		if err != nil {
			panic(err) // nobody could decide; over the limit is no error
		}
		fmt.Println(d.Allowed, int(d.Remaining), d.Owner)
	}
	// Output:
	// true 1 n1
	// true 0 n1
	// false 0 n1
}
