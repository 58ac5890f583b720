package actor_test

import (
	"context"
	"fmt"

	"github.com/traffik-io/traffik/actor"
	"github.com/traffik-io/traffik/strategy"
)

func Example() {
	actors, err := actor.New(actor.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer actors.Close()

	policy := strategy.MustPolicy(strategy.Limit{
		Rate:     strategy.MustRate("2/day"),
		Strategy: strategy.TokenBucket{},
	})
	key := actor.Key{Hi: 0x5f1d, Lo: 0x77aa} // a keyed hash of uid, key and scope
	for range 3 {
		a := actors.Ask(context.Background(), key, actor.Request{Hit: strategy.NewHit("user:42", policy)})
		fmt.Println(a.Decision.Allowed, a.Err)
	}
	fmt.Println(actors.Keys())
	// Output:
	// true <nil>
	// true <nil>
	// false <nil>
	// 1
}
