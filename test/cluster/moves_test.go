package cluster

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/ring"
	"github.com/traffik-io/traffik/strategy"
)

// moves are the partitions that a fourth node is given when it joins three others.
type moves struct {
	hasher        ring.Hasher
	before, after *ring.Ring
}

// newMoves are those of a cluster with that secret.
func newMoves(t testing.TB, secret string) (m moves) {
	t.Helper()
	var err error
	m.hasher = ring.NewHasher([]byte(secret))
	m.before, err = ring.New(m.hasher, partitions, 2, "n1", "n2", "n3")
	require.NoError(t, err)
	m.after = m.before.With("n4")
	return m
}

// first are those that their owners offer at once. Of all later ones the fourth has got a copy, instead of the backup, by
// the time that they are offered: no backup takes part.
func (m moves) first() (list []int) {
	const atOnce = 64
	offered := map[string]int{}
	for p := range partitions {
		if owner := m.before.Owner(p); m.after.Owner(p) == "n4" && offered[owner] < atOnce {
			offered[owner]++
			list = append(list, p)
		}
	}
	return list
}

// keys are n of any partitions, and as many of those that are offered first; the latter partitions are at.
func (m moves) keys(n int) (keys []aim, at []int) {
	first := m.first()
	keys = aims("open", n, 1_000_000)
	for i := 0; len(at) < n; i++ {
		key := fmt.Sprintf("first:%d", i)
		hi, _ := m.hasher.Key("", key, strategy.DefaultScope)
		if p := m.before.Partition(hi); slices.Contains(first, p) {
			keys, at = append(keys, aim{key, 1_000_000}), append(at, p)
		}
	}
	return keys, at
}

// with lists those of the partitions in which the third node has a role.
func (m moves) with(role string, list []int) string {
	var s []string
	for _, p := range list {
		if ranked := m.before.Ranked(p); role == "target" || role == "owner" && ranked[0] == "n3" || role == "backup" && ranked[1] == "n3" {
			s = append(s, strconv.Itoa(p))
		}
	}
	return strings.Join(s, ",")
}
