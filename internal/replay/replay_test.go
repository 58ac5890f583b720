package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// unpack puts the recorded traces into a directory.
func unpack(t *testing.T) (dir string) {
	dir = t.TempDir()
	f, err := os.Open("testdata/traces.tar.gz")
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	for files := tar.NewReader(z); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		require.NoError(t, err)
		content, err := io.ReadAll(files)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.Base(h.Name)), content, 0o600))
	}
}

func logger(b *bytes.Buffer) *log.Logger { return log.New(b, "", 0) }

// replayed is what the command does with one file of these lines.
func replayed(t *testing.T, lines ...string) (status int, stdout, stderr string) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "x.jsonl"), []byte(strings.Join(lines, "\n")), 0o600))
	var out, log bytes.Buffer
	status = run(dir, logger(&out), logger(&log))
	return status, out.String(), log.String()
}

// Guarantee 3: the strategies answer as the original did, but for what is different on purpose.
func TestRecorded(t *testing.T) {
	var out, log bytes.Buffer
	require.Equal(t, 0, run(unpack(t), logger(&out), logger(&log)), "%s%s", &out, &log)
	assert.Empty(t, log.String())
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	assert.Len(t, lines, 15, "fourteen strategies and rates")
	for _, line := range lines {
		assert.Regexp(t, `^\w+ traces=\d+ compared=[1-9]\d{2,} excluded=\d+\((\w+:\d+,?)+\) mismatches=0$`, line)
	}
}

// A bucket of two tokens: both pass, the third waits.
const bucket = `{"strategy":"TokenBucket","params":{"burst_size":2},"rate":{"limit":1,"period_ms":1000},"key":"k",MORE"ops":[
{"t_ms":1000,"op":"hit","cost":2,"wait_ms":0},
{"t_ms":1000,"op":"hit","cost":1,"wait_ms":WAIT},
{"t_ms":1250,"op":"stat","hits_remaining":0.25,"wait_ms":750},
{"t_ms":2000,"op":"hit","cost":1,"wait_ms":0}]}`

func bucketTrace(more, wait string) string {
	return strings.NewReplacer("\n", "", "MORE", more, "WAIT", wait).Replace(bucket)
}

// Guarantee 1: every result is compared, excluded or given up.
func TestCounts(t *testing.T) {
	for _, c := range []struct {
		name, line string
		status     int
		want, log  string
	}{
		{"agreed", bucketTrace("", "1000"), 0, "TokenBucket traces=1 compared=6 excluded=0() mismatches=0\n", ""},
		{"tolerated", bucketTrace("", "1000.9"), 0, "TokenBucket traces=1 compared=6 excluded=0() mismatches=0\n", ""},
		{
			"a wait", bucketTrace("", "1002"), 1, "TokenBucket traces=1 compared=6 excluded=0() mismatches=1\n",
			"x.jsonl:1: TokenBucket ops[1] hit: hit_wait=1000, want 1002\n",
		},
		{
			"a decision", bucketTrace("", "0"), 1, "TokenBucket traces=1 compared=2 excluded=0() mismatches=1\n",
			"x.jsonl:1: TokenBucket ops[1] hit: allowed=false, want true\n",
		},
		{
			"a quirk of waits", bucketTrace(`"quirks":[{"name":"q","at":1,"affects":["hit_wait"]}],`, "1"), 0,
			"TokenBucket traces=1 compared=5 excluded=1(q:1) mismatches=0\n", "",
		},
		{
			"a quirk of decisions", bucketTrace(`"quirks":[{"name":"q","at":1,"affects":["decision"]}],`, "0"), 0,
			"TokenBucket traces=1 compared=1 excluded=4(q:4) mismatches=0\n", "",
		},
		{
			"a policy that is kept", bucketTrace(`"policy":[{"name":"p","at":0,"affects":["decision"]}],`, "1000"), 0,
			"TokenBucket traces=1 compared=6 excluded=0() mismatches=0\n", "",
		},
		{
			"a policy that is not", bucketTrace(`"policy":[{"name":"impossible_cost_wait","at":1,"affects":["hit_wait"]}],`, "1"), 0,
			"TokenBucket traces=1 compared=5 excluded=1(impossible_cost_wait:1) mismatches=0\n", "",
		},
		{
			"never", `{"strategy":"SlidingWindowLog","rate":{"limit":1,"period_ms":9},"key":"k","ops":[{"t_ms":1,"op":"hit","cost":2,"wait_ms":"inf"}]}`, 0,
			"SlidingWindowLog traces=1 compared=2 excluded=0() mismatches=0\n", "",
		},
		{
			"unlimited", `{"strategy":"GCRA","rate":{"limit":0,"period_ms":0},"key":"k","ops":[{"t_ms":1,"op":"stat","hits_remaining":"inf","wait_ms":0}]}`, 0,
			"GCRA traces=1 compared=2 excluded=0() mismatches=0\n", "",
		},
		{"a rate", `{"in":"5/m","limit":5,"period_ms":60000}`, 0, "rates traces=1 compared=1 excluded=0() mismatches=0\n", ""},
		{
			"a wrong rate", `{"in":"5/m","limit":5,"period_ms":1}`, 1, "rates traces=1 compared=1 excluded=0() mismatches=1\n",
			"x.jsonl:1: rate \"5/m\": 5 per 60000 ms, want 5 per 1 ms\n",
		},
		{"no rate", `{"in":"5/m","error":"unit"}`, 1, "rates traces=1 compared=1 excluded=0() mismatches=1\n", "x.jsonl:1: rate \"5/m\": 5 per 60000 ms, want error\n"},
		{"nothing compared", `{"in":"5/m","limit":5,"period_ms":1,"quirk":"q"}`, 1, "rates traces=1 compared=0 excluded=1(q:1) mismatches=0\n", ""},
	} {
		status, out, log := replayed(t, c.line)
		assert.Equal(t, c.status, status, c.name)
		assert.Equal(t, c.want, out, c.name)
		assert.Equal(t, c.log, log, c.name)
	}
}

// A full queue refuses and a quota stat after an idle period shows the rollover, whether or not the trace says that the
// original does otherwise.
func TestUnlabelled(t *testing.T) {
	status, out, log := replayed(t,
		`{"strategy":"PriorityQueue","params":{"max_queue_size":1,"per_op_priority":true},"rate":{"limit":9,"period_ms":1000},"key":"k","ops":[`+
			`{"t_ms":1,"op":"hit","cost":1,"priority":2,"wait_ms":0},{"t_ms":2,"op":"stat","priority":3,"hits_remaining":9,"wait_ms":0},`+
			`{"t_ms":2,"op":"hit","cost":1,"priority":3,"wait_ms":0}]}`,
		`{"strategy":"PriorityQueue","params":{"per_op_priority":true},"rate":{"limit":2,"period_ms":1000},"key":"k","ops":[`+
			`{"t_ms":1,"op":"hit","cost":1,"priority":1,"wait_ms":0},{"t_ms":5,"op":"hit","cost":2,"priority":4,"wait_ms":0},`+
			`{"t_ms":6,"op":"stat","priority":1,"hits_remaining":0,"wait_ms":995}]}`,
		`{"strategy":"QuotaWithRollover","rate":{"limit":4,"period_ms":1000},"key":"k","ops":[`+
			`{"t_ms":0,"op":"hit","cost":4,"wait_ms":0},{"t_ms":0,"op":"hit","cost":6,"wait_ms":1000},`+
			`{"t_ms":2000,"op":"stat","hits_remaining":4,"wait_ms":0}]}`,
		`{"strategy":"TimeOfDay","params":{"timezone_offset":5.5},"rate":{"limit":4,"period_ms":3600000},"key":"k","ops":[`+
			`{"t_ms":7200000,"op":"hit","cost":7,"wait_ms":0},{"t_ms":7200000,"op":"hit","cost":7,"wait_ms":3600000}]}`)
	assert.Equal(t, 0, status, log)
	assert.Equal(t, "PriorityQueue traces=2 compared=4 excluded=4(pq_trim_undercounts:3,wait_oldest_only:1) mismatches=0\n"+
		"QuotaWithRollover traces=1 compared=3 excluded=2(impossible_cost_wait:1,quota_stat_ignores_rollover:1) mismatches=0\n"+
		"TimeOfDay traces=1 compared=2 excluded=1(tod_wait_ignores_slots:1) mismatches=0\n", out)
}

// A label tells of the first result of a stat that differs; the wait differs for the same reason, and is excluded only
// there.
func TestWaitOfDifferentStat(t *testing.T) {
	const line = `{"strategy":"FixedWindow","rate":{"limit":2,"period_ms":5000},"key":"k","quirk":"fixed_window_ttl_window",` +
		`"quirks":[{"name":"fixed_window_ttl_window","at":1,"affects":["stat_remaining"]}],"ops":[` +
		`{"t_ms":9000,"op":"hit","cost":2,"wait_ms":0},{"t_ms":12000,"op":"stat","hits_remaining":0,"wait_ms":3000},` +
		`{"t_ms":14000,"op":"stat","hits_remaining":2,"wait_ms":WAIT}]}`
	_, out, log := replayed(t, strings.Replace(line, "WAIT", "0", 1))
	assert.Equal(t, "FixedWindow traces=1 compared=2 excluded=3(fixed_window_ttl_window:3) mismatches=0\n", out, log)
	status, _, log := replayed(t, strings.Replace(line, "WAIT", "1000", 1))
	assert.Equal(t, 1, status)
	assert.Equal(t, "x.jsonl:1: FixedWindow ops[2] stat: stat_wait=0, want 1000\n", log)
}

// What never fits is told no wait, and a PriorityQueue and a quota are where they would be without two quirks at once:
// those traces have no label.
func TestUnlabelledPairs(t *testing.T) {
	status, out, log := replayed(t,
		`{"strategy":"TokenBucket","params":{"burst_size":0},"rate":{"limit":1,"period_ms":9},"key":"k","ops":[`+
			`{"t_ms":1,"op":"stat","hits_remaining":0,"wait_ms":9}]}`,
		`{"strategy":"TieredRate","params":{"tier_multipliers":{"free":0.3}},"rate":{"limit":1,"period_ms":9},"key":"k","ops":[`+
			`{"t_ms":1,"op":"stat","hits_remaining":0,"wait_ms":8}]}`,
		`{"strategy":"TimeOfDay","params":{"time_windows":[[0,8,0.5],[8,24,1.0]]},"rate":{"limit":1,"period_ms":9},"key":"k","ops":[`+
			`{"t_ms":0,"op":"stat","hits_remaining":0,"wait_ms":9}]}`,
		`{"strategy":"QuotaWithRollover","params":{"max_rollover":2},"rate":{"limit":51,"period_ms":911},"key":"k","ops":[`+
			`{"t_ms":1822,"op":"hit","cost":17,"wait_ms":0},{"t_ms":3569,"op":"stat","hits_remaining":51,"wait_ms":0}]}`,
		`{"strategy":"PriorityQueue","params":{"max_queue_size":2},"rate":{"limit":9,"period_ms":1500},"key":"k","ops":[`+
			`{"t_ms":1,"op":"hit","cost":1,"wait_ms":0},{"t_ms":1,"op":"hit","cost":1,"wait_ms":0},`+
			`{"t_ms":2,"op":"hit","cost":7,"wait_ms":0},{"t_ms":1002,"op":"hit","cost":1,"wait_ms":0}]}`)
	assert.Equal(t, 0, status, log)
	assert.Equal(t, "PriorityQueue traces=1 compared=3 excluded=1(pq_trim_undercounts:1) mismatches=0\n"+
		"QuotaWithRollover traces=1 compared=2 excluded=1(quota_stat_ignores_rollover:1) mismatches=0\n"+
		"TieredRate traces=1 compared=1 excluded=1(impossible_cost_wait:1) mismatches=0\n"+
		"TimeOfDay traces=1 compared=1 excluded=1(tod_wait_ignores_slots:1) mismatches=0\n"+
		"TokenBucket traces=1 compared=1 excluded=1(impossible_cost_wait:1) mismatches=0\n", out)
}

// Guarantee 2: what cannot be replayed is an error, by file and line.
func TestErrors(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{`{"strategy":"GCRA","params":{"colour":1},"rate":{"limit":1,"period_ms":1},"ops":[{"t_ms":1,"op":"stat"}]}`, "params.colour: gcra has no such parameter"},
		{`{"strategy":"Magic","rate":{"limit":1,"period_ms":1},"ops":[{"t_ms":1,"op":"stat"}]}`, `strategy: "Magic" is unknown`},
		{`{"strategy":"GCRA","rate":{"limit":1},"ops":[{"t_ms":1,"op":"stat"}]}`, "rate: period 0s is not positive"},
		{`{"strategy":"GCRA","rate":{"limit":1,"period_ms":1},"ops":[{"t_ms":1,"op":"peek"}]}`, `ops[0].op: "peek" is neither hit nor stat`},
		{`{"strategy":"GCRA","rate":{"limit":1,"period_ms":1},"ops":[{"t_ms":1,"op":"hit"}]}`, "ops[0].cost: missing or negative"},
		{`nonsense`, "invalid character"},
	} {
		status, _, log := replayed(t, bucketTrace("", "1000"), c.line)
		assert.Equal(t, 1, status)
		assert.Contains(t, log, "x.jsonl:2: ")
		assert.Contains(t, log, c.want)
	}
	var out, log bytes.Buffer
	assert.Equal(t, 1, run(t.TempDir(), logger(&out), logger(&log)), "a directory without traces")
}
