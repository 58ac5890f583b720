package cluster

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every error of the contract's table, from a process.
func TestErrorsOfTheContract(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "traffik.yaml")
	require.NoError(t, os.WriteFile(file, []byte("max_keys: 1\npolicies:\n  login: {rate: 1/day}\n"), 0o600))
	p := start(t, "n1", "--config", file)
	require.Equal(t, 200, p.post("/v1/hit", `{"key":"known","policy":"login"}`).Status)
	for _, c := range []struct {
		method, path, body string
		status             int
		detail             string
	}{
		{"POST", "/v1/hit", `{"key":"","rate":"1/s"}`, 400, "key: empty"},
		{"POST", "/v1/hit", `{"key":"k","rate":"fast"}`, 400, `rate "fast"`},
		{"POST", "/v1/hit", `{"key":"k","rate":"1/s","cost":-1}`, 400, "cost: -1 is negative"},
		{"POST", "/v1/hit", `{"key":"k","rate":"1/s","colour":"red"}`, 400, "colour: unknown field"},
		{"POST", "/v1/check", `{"key":"k","policy":"nope"}`, 404, `policy: "nope" is not configured`},
		{"POST", "/v1/stat", strings.Repeat(" ", 1<<20+1), 413, "body: more than 1048576 bytes"},
		{"POST", "/v1/hit", `{"key":"new","policy":"login"}`, 503, "overloaded"},
		{"POST", "/v1/reserve", `{}`, 404, "path: /v1/reserve"},
		{"GET", "/v1/hit", ``, 405, "method: GET is not POST"},
		{"GET", "/v1/owner", ``, 400, "key: missing"},
	} {
		req, err := http.NewRequest(c.method, p.http+c.path, strings.NewReader(c.body))
		require.NoError(t, err)
		res, err := client.Do(req)
		require.NoError(t, err, "%s", c.detail)
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		require.NoError(t, err)
		assert.Equal(t, c.status, res.StatusCode, "%s", body)
		assert.Equal(t, "application/problem+json", res.Header.Get("Content-Type"))
		var problem struct {
			Status int
			Detail string
		}
		require.NoError(t, json.Unmarshal(body, &problem), "%s", body)
		assert.Contains(t, problem.Detail, c.detail)
		assert.Equal(t, c.status, problem.Status)
		assert.Equal(t, c.status == 503, res.Header.Get("Retry-After") != "")
	}
	r := p.post("/v1/hit", `{"key":"known","policy":"login"}`)
	assert.Equal(t, 429, r.Status, "a known key goes on")
	assert.NotEmpty(t, r.Header.Get("Retry-After"))
	assert.Equal(t, `"login";q=1;w=86400`, r.Header.Get("RateLimit-Policy"))
	assert.Regexp(t, `^"login";r=0;t=\d+$`, r.Header.Get("RateLimit"))
	r = p.post("/v1/hit", `{"key":"known","policy":"login","cost":2}`)
	assert.Equal(t, 429, r.Status)
	assert.Equal(t, int64(-1), r.WaitMS)
	assert.Empty(t, r.Header.Get("Retry-After"))

	_, metrics, err := get(p.http + "/metrics")
	require.NoError(t, err)
	for _, line := range []string{
		`traffik_hits_total{decision="allowed"} 1`, `traffik_hits_total{decision="refused"} 2`, `traffik_hits_total{decision="error"} 1`,
		"traffik_keys 1", `traffik_members{state="active"} 1`, `traffik_partitions{state="owned"} 16384`, "traffik_overloaded_total 1",
		`traffik_build_info{version="`, "go_goroutines ", "process_open_fds ",
	} {
		assert.Contains(t, string(metrics), "\n"+line)
	}
}
