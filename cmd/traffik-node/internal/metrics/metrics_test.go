package metrics

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/node"
	"github.com/traffik-io/traffik/strategy"
)

type source node.Stats

func (s source) Stats() node.Stats { return node.Stats(s) }

// scrape is the lines of a scrape that are this project's.
func scrape(t require.TestingT, m *Metrics) string {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, 200, w.Code, w.Body)
	var ours strings.Builder
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "traffik_") && !strings.Contains(line, "_bucket") {
			ours.WriteString(line)
		}
	}
	return ours.String()
}

// Guarantee 2; the names are those of the contract.
func TestAllSeriesExistFromTheStart(t *testing.T) {
	m := New("v1.2.3")
	m.Read(source{Members: map[node.State]int{node.Active: 2, node.Joining: 1}, InFlight: map[string]int{"n2": 7}, Keys: 5, Serving: 16384, In: 4, Repeated: 6, Backups: 9, UnderReplicated: 8,
		ReplicationLag: 5 * time.Millisecond, Taken: 2, Lost: 1, Degraded: 3, OnUnreachable: node.LocalShare, HealthScore: 1,
		Handoffs:   node.Handoffs{Count: 4, Sum: time.Second, Buckets: []node.Bucket{{AtMost: time.Second, Count: 3}}},
		Overloaded: 3})
	assert.Equal(t, `traffik_behind_partitions 0
traffik_build_info{version="v1.2.3"} 1
traffik_claimed_partitions_total 0
traffik_degraded_total{policy="allow"} 0
traffik_degraded_total{policy="deny"} 0
traffik_degraded_total{policy="local"} 3
traffik_gossip_health_score 1
traffik_handoff_partitions_total{direction="in"} 4
traffik_handoff_partitions_total{direction="out"} 0
traffik_handoff_seconds_sum 1
traffik_handoff_seconds_count 4
traffik_hit_duration_seconds_sum{path="forwarded"} 0
traffik_hit_duration_seconds_count{path="forwarded"} 0
traffik_hit_duration_seconds_sum{path="local"} 0
traffik_hit_duration_seconds_count{path="local"} 0
traffik_hits_total{decision="allowed"} 0
traffik_hits_total{decision="degraded"} 0
traffik_hits_total{decision="error"} 0
traffik_hits_total{decision="refused"} 0
traffik_keys 5
traffik_link_inflight{peer="n2"} 7
traffik_lost_partitions_total 1
traffik_members{state="active"} 2
traffik_members{state="dead"} 0
traffik_members{state="joining"} 1
traffik_members{state="leaving"} 0
traffik_overloaded_total 3
traffik_partitions{state="backup"} 9
traffik_partitions{state="owned"} 16384
traffik_partitions{state="parked"} 0
traffik_redirected_total 0
traffik_repeated_refusals_total 6
traffik_replication_lag_seconds 0.005
traffik_retried_total 0
traffik_taken_partitions_total 2
traffik_under_replicated_partitions 8
traffik_unreachable_total 0
`, scrape(t, m))
}

// Guarantee 1.
func TestEveryHitIsCountedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := New("v1")
		want, paths := map[string]int{}, map[string]int{}
		for range rapid.IntRange(0, 30).Draw(t, "hits") {
			o := node.Outcome{Took: time.Millisecond, Forwarded: rapid.Bool().Draw(t, "forwarded")}
			o.Decision.Allowed = rapid.Bool().Draw(t, "allowed")
			o.Decision.Degraded = rapid.Bool().Draw(t, "degraded")
			if rapid.Bool().Draw(t, "failed") {
				o.Err = errors.New("x")
			}
			m.Decided(o)
			switch {
			case o.Err != nil:
				want["error"]++
			case o.Decision.Degraded:
				want["degraded"]++
			case o.Decision.Allowed:
				want["allowed"]++
			default:
				want["refused"]++
			}
			paths[map[bool]string{true: "forwarded", false: "local"}[o.Forwarded]]++
		}
		got := scrape(t, m)
		for decision, n := range want {
			require.Contains(t, got, fmt.Sprintf("traffik_hits_total{decision=%q} %d\n", decision, n))
		}
		for path, n := range paths {
			require.Contains(t, got, fmt.Sprintf("traffik_hit_duration_seconds_count{path=%q} %d\n", path, n))
		}
	})
}

// Guarantee 3.
func TestNamesCannotBreakAScrape(t *testing.T) {
	m := New("v1")
	m.Read(source{InFlight: map[string]int{"a\xff": 1, "a\xfe": 2, "b\"\n": 3}})
	got := scrape(t, m)
	assert.Contains(t, got, `traffik_link_inflight{peer="a?"} 3`)
	assert.Contains(t, got, `traffik_link_inflight{peer="b\"\n"} 3`)
}

func TestCountingAllocatesNothing(t *testing.T) {
	m := New("v1")
	o := node.Outcome{Decision: strategy.Allow(), Took: time.Millisecond}
	assert.Zero(t, testing.AllocsPerRun(100, func() { m.Decided(o) }))
}

func Example() {
	m := New("v1.0.0")
	m.Decided(node.Outcome{Decision: strategy.Allow(), Took: 40 * time.Microsecond})
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "traffik_hits_total") {
			fmt.Print(line)
		}
	}
	// Output:
	// traffik_hits_total{decision="allowed"} 1
	// traffik_hits_total{decision="degraded"} 0
	// traffik_hits_total{decision="error"} 0
	// traffik_hits_total{decision="refused"} 0
}
