package strategy

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func (a wide) big() *big.Int {
	n := new(big.Int).SetUint64(a.hi)
	return n.Lsh(n, 64).Add(n, new(big.Int).SetUint64(a.lo))
}

// TestWide: 128-bit arithmetic agrees with that of math/big, at the edges above all.
func TestWide(t *testing.T) {
	edges := []uint64{0, 1, 2, math.MaxInt64, 1 << 63, math.MaxUint64 - 1, math.MaxUint64}
	word := rapid.OneOf(rapid.SampledFrom(edges), rapid.Uint64())
	high := rapid.OneOf(rapid.SampledFrom(edges[:4]), rapid.Uint64Range(0, 1<<62))
	rapid.Check(t, func(t *rapid.T) {
		a := wide{high.Draw(t, "a.hi"), word.Draw(t, "a.lo")}
		b := wide{high.Draw(t, "b.hi"), word.Draw(t, "b.lo")}
		if a.less(b) {
			a, b = b, a
		}
		require.Equal(t, b != a, b.big().Cmp(a.big()) < 0 && b.less(a))
		require.Zero(t, a.big().Cmp(new(big.Int).Add(a.sub(b).big(), b.big())))
		require.Zero(t, a.add(b).big().Cmp(new(big.Int).Add(a.big(), b.big())))

		n := rapid.OneOf(rapid.Int64Range(1, 3), rapid.Int64Range(1, math.MaxInt64)).Draw(t, "n")
		x := rapid.Int64Range(0, math.MaxInt64).Draw(t, "x")
		require.Zero(t, mul(x, n).big().Cmp(new(big.Int).Mul(big.NewInt(x), big.NewInt(n))))
		want, rest := new(big.Int).DivMod(a.big(), big.NewInt(n), new(big.Int))
		q, r, ok := a.divMod(n)
		require.Equal(t, want.IsInt64(), ok)
		if ok {
			require.Equal(t, want.Int64(), q)
			require.Equal(t, rest.Int64(), r)
		}
		if rest.Sign() > 0 {
			want.Add(want, big.NewInt(1))
		}
		up, ok := a.ceilDiv(n)
		require.Equal(t, want.IsInt64(), ok)
		if ok {
			require.Equal(t, want.Int64(), up)
		}
	})
}
