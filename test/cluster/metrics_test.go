package cluster

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every metric that dashboards may count on is there, with its labels, from the start.
func TestMetricsOfTheContract(t *testing.T) {
	t.Parallel()
	_, secret := newSecret(t)
	p := start(t, "n1", "--cluster-secret-file", secret).ready()
	require.Equal(t, 200, p.post("/v1/hit", `{"key":"k","rate":"1/day"}`).Status)
	status, body, err := get(p.http + "/metrics")
	require.NoError(t, err)
	require.Equal(t, 200, status)
	for _, series := range []string{
		`traffik_hits_total{decision="allowed"} 1`, `traffik_hits_total{decision="refused"} 0`, `traffik_hits_total{decision="degraded"} 0`,
		`traffik_hits_total{decision="error"} 0`, `traffik_hit_duration_seconds_bucket{path="local",le="`,
		`traffik_hit_duration_seconds_count{path="forwarded"} 0`, "traffik_keys 1", `traffik_members{state="active"} 1`,
		`traffik_members{state="dead"} 0`, `traffik_partitions{state="owned"} 16384`, `traffik_partitions{state="backup"} 0`,
		`traffik_handoff_partitions_total{direction="in"} 0`, `traffik_handoff_partitions_total{direction="out"} 0`,
		`traffik_handoff_seconds_bucket{le="0.05"} 0`, "traffik_handoff_seconds_count 0", "traffik_replication_lag_seconds ",
		"traffik_under_replicated_partitions 16384", "traffik_lost_partitions_total 0", "traffik_overloaded_total 0",
		"traffik_build_info{", `traffik_degraded_total{policy="local"} 0`, "traffik_gossip_health_score ", "traffik_repeated_refusals_total 0",
	} {
		assert.Contains(t, string(body), "\n"+series)
	}
	two := start(t, "n2", "--cluster-secret-file", secret, "--role", "lite", "--join", p.gossip).ready()
	status, body, err = get(two.http + "/metrics")
	require.NoError(t, err)
	require.Equal(t, 200, status)
	assert.Contains(t, string(body), "\n"+`traffik_link_inflight{peer="n1"} `)
}
