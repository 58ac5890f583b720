package strategy

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every quantity of hits among the parameters is divided, defaults and an explicit 0 included.
func TestShareOfParams(t *testing.T) {
	for _, c := range []struct{ whole, third Strategy }{
		{TokenBucket{}, TokenBucket{}},
		{TokenBucket{BurstSize: None}, TokenBucket{BurstSize: None}},
		{TokenBucketWithDebt{BurstSize: 4, MaxDebt: 7}, TokenBucketWithDebt{BurstSize: 2, MaxDebt: 3}},
		{CostBasedTokenBucket{BurstSize: 9, CostWindow: 5}, CostBasedTokenBucket{BurstSize: 3, CostWindow: 5}},
		{QuotaWithRollover{}, QuotaWithRollover{MaxRollover: 167}},
		{QuotaWithRollover{MaxRollover: None}, QuotaWithRollover{MaxRollover: None}},
		{PriorityQueue{MaxQueueSize: 5}, PriorityQueue{MaxQueueSize: 5}},
		{TieredRate{DefaultTier: "premium"}, TieredRate{DefaultTier: "premium"}},
	} {
		p := MustPolicy(Limit{Rate: MustRate("100/min"), Strategy: c.whole})
		got, err := p.Share(3)
		require.NoError(t, err)
		want := MustPolicy(Limit{Rate: MustRate("34/min"), Strategy: c.third})
		assert.Equal(t, want.Encoded(), got.Encoded(), "%#v", c.whole)
	}
}
