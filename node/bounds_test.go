package node

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/strategy"
)

// Guarantee 6: at a bound the answer is ErrOverloaded, which names the bound once; known keys go on.
func TestBoundIsNamed(t *testing.T) {
	l, err := NewLocal(LocalConfig{MaxKeys: 1})
	require.NoError(t, err)
	defer func() { assert.NoError(t, l.Shutdown(t.Context())) }()
	p := strategy.MustPolicy(strategy.Limit{Rate: strategy.MustRate("5/day")})
	_, err = l.Hit(t.Context(), strategy.NewHit("known", p))
	require.NoError(t, err)
	_, err = l.Hit(t.Context(), strategy.NewHit("new", p))
	assert.ErrorIs(t, err, ErrOverloaded)
	assert.EqualError(t, err, "overloaded: MaxKeys of 1 is reached")
	_, err = l.Hit(t.Context(), strategy.NewHit("known", p))
	assert.NoError(t, err)
}
