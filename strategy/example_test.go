package strategy_test

import (
	"fmt"
	"time"

	"github.com/traffik-io/traffik/strategy"
)

func Example() {
	policy := strategy.MustPolicy(strategy.Limit{
		Rate:     strategy.MustRate("2/min"),
		Strategy: strategy.TokenBucket{BurstSize: 3},
	})
	var records strategy.Records // of one key
	now := strategy.TimeOf(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	for range 4 {
		d, _ := records.Decide(now, strategy.NewHit("user:42", policy), true)
		fmt.Println(d.Allowed, d.Remaining, d.Wait)
	}
	// Output:
	// true 2 0s
	// true 1 0s
	// true 0 0s
	// false 0 30s
}
