package strategy

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A share divides every quantity and rounds up, so that n shares admit at least what one policy does.
func TestShare(t *testing.T) {
	p := MustPolicy(
		Limit{Name: "a", Rate: MustRate("100/min"), Strategy: TokenBucket{BurstSize: 7}},
		Limit{Name: "b", Rate: MustRate("1/s"), Strategy: GCRA{Burst: 2}},
		Limit{Name: "c", Rate: Unlimited()},
	)
	same, err := p.Share(1)
	require.NoError(t, err)
	assert.Same(t, p, same)
	third, err := p.Share(3)
	require.NoError(t, err)
	want := MustPolicy(
		Limit{Name: "a", Rate: MustRate("34/min"), Strategy: TokenBucket{BurstSize: 3}},
		Limit{Name: "b", Rate: MustRate("1/s"), Strategy: GCRA{Burst: 1}},
		Limit{Name: "c", Rate: Unlimited()},
	)
	assert.Equal(t, want.Encoded(), third.Encoded())
}
