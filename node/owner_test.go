package node

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every node tells of every key the same: who serves it, in which term, and who holds its copies.
func TestFindOwnerAsksWhoDecides(t *testing.T) {
	nodes := startCluster(t, 3, nil)
	require.Eventually(t, func() bool { // the copies are complete
		for _, n := range nodes {
			if n.Stats().UnderReplicated > 0 {
				return false
			}
		}
		return true
	}, 20*time.Second, 20*time.Millisecond)
	byName := map[string]*Node{}
	for _, n := range nodes {
		byName[n.Name()] = n
	}
	for i := range 50 {
		key := fmt.Sprint("key:", i)
		want := nodes[0].FindOwner(t.Context(), "u", key, "")
		require.Positive(t, want.Term)
		require.Len(t, want.Backups, 1)
		require.NotEqual(t, want.Owner, want.Backups[0])
		for _, n := range nodes {
			require.Equal(t, want, n.FindOwner(t.Context(), "u", key, ""), "as %s tells", n.Name())
		}
		require.Equal(t, want.Term, byName[want.Owner].driver.Term(want.Partition))
	}
	silent := nodes[0].FindOwner(closed, "u", "k", "")
	assert.Equal(t, nodes[0].Owner("u", "k", ""), silent, "who is not told falls back on what it knows")
}

// Every member tells how many partitions it serves itself.
func TestMembersTellWhatTheyServe(t *testing.T) {
	nodes := startCluster(t, 2, nil)
	served := 0
	for _, m := range nodes[1].Members(t.Context()) {
		assert.Equal(t, nodes[m.Name[1]-'0'].driver.Serving(), int64(m.Partitions), m.Name)
		served += m.Partitions
	}
	assert.Equal(t, nodes[0].cfg.partitions, served)
	for _, m := range nodes[1].Members(closed) {
		if !m.Self {
			assert.EqualValues(t, -1, m.Keys)
			assert.Positive(t, m.Partitions, "that of the view")
		}
	}
}
