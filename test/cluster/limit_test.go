package cluster

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a cluster is for: hits on one key, spread over all nodes, are admitted as if there were one.
func TestThreeNodesLimitAsOne(t *testing.T) {
	t.Parallel()
	c := three(t)
	for _, s := range []struct {
		name, policy string
		admitted     int64
	}{
		{"fixed_window", `"rate":"100/day"`, 100},
		{"token_bucket", `"rate":"100/day","strategy":"token_bucket"`, 100},
		{"gcra with burst", `"rate":"100/day","strategy":"gcra","params":{"burst":100}`, 100},
		{"gcra", `"rate":"100/day","strategy":"gcra"`, 1},
	} {
		t.Run(s.name, func(t *testing.T) {
			for attempt := 0; ; attempt++ {
				key := fmt.Sprintf("%s %d", s.name, attempt)
				before := time.Now().UTC().YearDay()
				admitted := hammer(t, c, fmt.Sprintf(`{"key":%q,%s}`, key, s.policy))
				if time.Now().UTC().YearDay() != before {
					continue // a day's window ends at midnight, and another begins
				}
				assert.Equal(t, s.admitted, admitted)
				agree(t, c, key, s.policy)
				return
			}
		})
	}
	t.Run("owners", func(t *testing.T) {
		owned := map[string]int{}
		for i := range 300 {
			key := fmt.Sprintf("user:%d", i)
			owner := c[0].ownerOf(key)
			owned[owner]++
			for _, p := range c[1:] {
				assert.Equal(t, owner, p.ownerOf(key), "%s in the eyes of %s", key, p.name)
			}
		}
		for _, p := range c {
			assert.Greater(t, owned[p.name], 300/3/2, "%v", owned)
		}
	})
	t.Run("batch", func(t *testing.T) {
		entries := strings.Repeat(`,{"op":"hit","key":"in a batch","rate":"50/day"}`, 20)[1:]
		for i, p := range c {
			admitted := p.batch(entries)
			assert.Equal(t, min(20, 50-20*i), admitted, "%s", p.name)
		}
	})
}

// hammer sends 300 hits at once, a hundred to each node, and counts those that were admitted.
func hammer(t *testing.T, c [3]*process, body string) int64 {
	var admitted atomic.Int64
	var callers sync.WaitGroup
	begin := make(chan struct{})
	for i := range 300 {
		p := c[i%3]
		callers.Go(func() {
			<-begin
			r, err := p.send("/v1/hit", body)
			if assert.NoError(t, err) && assert.Contains(t, []int{200, 429}, r.Status, "%s", r.Detail) {
				assert.False(t, r.Degraded)
				assert.Equal(t, r.Status == 200, r.Allowed)
			}
			if r.Allowed {
				admitted.Add(1)
			}
		})
	}
	close(begin)
	callers.Wait()
	return admitted.Load()
}

// agree requires that all nodes tell the same of a key that is used up.
func agree(t *testing.T, c [3]*process, key, policy string) {
	body := fmt.Sprintf(`{"key":%q,%s}`, key, policy)
	owner := c[0].ownerOf(key)
	for _, p := range c {
		check, stat := p.post("/v1/check", "%s", body), p.post("/v1/stat", "%s", body)
		assert.Equal(t, 200, check.Status)
		assert.False(t, check.Allowed, "%s", p.name)
		for _, r := range []reply{check, stat} {
			assert.Equal(t, owner, r.Owner, "%s", p.name)
			assert.Zero(t, math.Floor(r.Remaining))
			assert.Positive(t, r.WaitMS)
			assert.False(t, r.Degraded)
		}
	}
}

// A hit that waits is held by its owner, whichever node was asked, and charged when it is admitted.
func TestHitsWaitAtTheirOwner(t *testing.T) {
	t.Parallel()
	n2 := gather(t, []string{"n1", "n2"})[1]
	body := fmt.Sprintf(`{"key":%q,"rate":"2/s","strategy":"gcra","max_wait_ms":20000}`, n2.keyOf("n1"))
	for range 3 {
		r := n2.post("/v1/hit", "%s", body)
		assert.Equal(t, 200, r.Status, "%s", r.Detail)
		assert.Equal(t, "n1", r.Owner)
		assert.False(t, r.Degraded)
	}
	r := n2.post("/v1/check", "%s", body)
	assert.Equal(t, 200, r.Status)
}

// A lite node owns nothing, and answers for all. These two have no secret: on loopback none is asked for.
func TestLiteNodesForward(t *testing.T) {
	t.Parallel()
	n1 := start(t, "n1")
	lite := start(t, "n2", "--role", "lite", "--join", n1.gossip).ready()
	lite.sees("n1", "n2")
	for i := range 10 {
		r := lite.post("/v1/hit", `{"key":"k-%d","rate":"1/day"}`, i)
		assert.Equal(t, "n1", r.Owner)
		assert.Equal(t, 429, n1.post("/v1/hit", `{"key":"k-%d","rate":"1/day"}`, i).Status)
	}
	all, err := lite.members()
	require.NoError(t, err)
	for _, m := range all {
		assert.Equal(t, map[string]int{"n1": 16384, "n2": 0}[m.Name], m.Partitions, "%+v", m)
	}
}
