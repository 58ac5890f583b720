package ring

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func names(n int) []string {
	s := make([]string, n)
	for i := range s {
		s[i] = fmt.Sprintf("node-%d", i)
	}
	return s
}

func seeded(seed int) Hasher {
	return NewHasher(binary.LittleEndian.AppendUint64(nil, uint64(seed)))
}

func drawRing(t *rapid.T, members int) *Ring {
	r, err := New(seeded(rapid.Int().Draw(t, "seed")), 256, rapid.IntRange(1, 4).Draw(t, "depth"), names(members)...)
	require.NoError(t, err)
	return r
}

func requireSame(t *rapid.T, want, got *Ring) {
	require.Equal(t, want.Members(), got.Members())
	for p := range want.Partitions() {
		require.Equal(t, want.Ranked(p), got.Ranked(p), "partition %d", p)
	}
	require.Equal(t, want.Owned(), got.Owned())
}

// Guarantee 1: the order of joins and leaves does not matter.
func TestRankingIsIndependentOfOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawRing(t, rapid.IntRange(0, 12).Draw(t, "members"))
		got, err := New(want.hasher, 256, want.depth)
		require.NoError(t, err)
		got = got.With("passing").With("through")
		for _, name := range rapid.Permutation(want.Members()).Draw(t, "order") {
			got = got.With(name).With(name)
		}
		got = got.Without("through").Without("passing").Without("nobody")
		requireSame(t, want, got)
	})
}

// Guarantees 2 and 3: only the changed member's partitions move, and its backups inherit them.
func TestMinimalMovement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRing(t, rapid.IntRange(2, 12).Draw(t, "members"))
		gone := rapid.SampledFrom(r.Members()).Draw(t, "leaves")
		less := r.Without(gone)
		for p := range r.Partitions() {
			before, after := r.Ranked(p), less.Ranked(p)
			kept := slices.DeleteFunc(slices.Clone(before), func(s string) bool { return s == gone })
			require.Equal(t, kept, after[:len(kept)], "partition %d: those who stay keep their order", p)
		}
		requireSame(t, r, less.With(gone)) // a join undoes the leave
	})
}

// Guarantee 4, for many seeds.
func TestBalance(t *testing.T) {
	for seed := range 40 {
		for n := 3; n <= 10; n++ {
			r, err := New(seeded(seed), DefaultPartitions, 2, names(n)...)
			require.NoError(t, err)
			count := map[string]int{}
			for i := range 10_000 {
				hi, _ := r.hasher.Key("api", fmt.Sprintf("user:%d", i), "default")
				count[r.Owner(r.Partition(hi))]++
			}
			for name, c := range count {
				assert.LessOrEqual(t, float64(c)*float64(n)/10_000, 1.15, "seed %d, %d members, %s", seed, n, name)
			}
		}
	}
}

// Guarantee 5: members of equal hash are ordered by name.
func TestRanksNeverTie(t *testing.T) {
	r, err := New(Hasher{}, 4, 2, "a", "b")
	require.NoError(t, err)
	r.members[1].hash = r.members[0].hash
	for p := range 4 {
		r.rank(p)
		assert.Equal(t, []string{"a", "b"}, r.Ranked(p))
		assert.Equal(t, []int{0, 1}, r.AppendRanked(nil, p))
	}
}

// Guarantee 6: moving a byte over a border changes the hash.
func TestKeyBordersCount(t *testing.T) {
	h := NewHasher(nil)
	seen := map[[2]uint64][3]string{}
	for _, k := range [][3]string{{"", "ab", ""}, {"a", "b", ""}, {"ab", "", ""}, {"", "a", "b"}, {"", "", "ab"}, {"a", "", "b"}, {"b", "", "a"}} {
		hi, lo := h.Key(k[0], k[1], k[2])
		assert.NotContains(t, seen, [2]uint64{hi, lo}, "%q", k)
		seen[[2]uint64{hi, lo}] = k
	}
	assert.NotEqual(t, NewHasher(nil).Check(), NewHasher([]byte("secret")).Check())
}

// The placement is part of the protocol between nodes of different versions: it may never change.
func TestGoldenPlacement(t *testing.T) {
	h := NewHasher([]byte("golden secret 16"))
	hi, lo := h.Key("api", "user:42", "default")
	assert.Equal(t, [2]uint64{0xbd7754ad1a152fbe, 0x5bed79e2e92c6f9d}, [2]uint64{hi, lo})
	r, err := New(h, DefaultPartitions, 3, "n1", "n2", "n3", "n4")
	require.NoError(t, err)
	assert.Equal(t, []string{"n4", "n2", "n1"}, r.Ranked(r.Partition(hi)))
}

func TestEmptyAndBad(t *testing.T) {
	r, err := New(Hasher{}, 2, 1)
	require.NoError(t, err)
	assert.Empty(t, r.Owner(0))
	assert.Empty(t, r.Ranked(1))
	for _, c := range []struct {
		partitions, depth int
		want              string
	}{{3, 1, "partitions: 3"}, {0, 1, "partitions: 0"}, {1 << 17, 1, "131072"}, {4, 0, "depth: 0"}} {
		_, err := New(Hasher{}, c.partitions, c.depth)
		assert.ErrorContains(t, err, c.want)
	}
}

func TestHashingDoesNotAllocate(t *testing.T) {
	h := NewHasher(nil)
	assert.Zero(t, testing.AllocsPerRun(100, func() { h.Key("api:items", "user:42", "default") }))
}

func BenchmarkKey(b *testing.B) {
	h := NewHasher(nil)
	b.ReportAllocs()
	for b.Loop() {
		h.Key("api:items", "user:42", "default")
	}
}

func BenchmarkJoin(b *testing.B) {
	r, _ := New(seeded(1), DefaultPartitions, 2, names(30)...)
	for b.Loop() {
		r.With("one more")
	}
}
