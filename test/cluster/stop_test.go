package cluster

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSignalsLeaveGracefully(t *testing.T) {
	t.Parallel()
	c := three(t)
	c[1].signal(syscall.SIGTERM)
	c[2].signal(syscall.SIGINT)
	for _, p := range c[1:] {
		assert.Equal(t, 0, p.wait(), "%s", p.log)
		assert.Contains(t, p.log.String(), "msg=leaving signal=")
		assert.Contains(t, p.log.String(), "msg=stopped")
		assert.Empty(t, p.out.String(), "results only")
	}
	c[0].sees("n1")
}

// held is a hit whose body the node is waiting for, so that it is in flight.
func held(t *testing.T, p *process, body string) (finish func() *http.Response) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.http, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "POST /v1/hit HTTP/1.1\r\nHost: n\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(body))
	answers := bufio.NewReader(conn)
	line, err := answers.ReadString('\n') // the node asks for the body
	require.NoError(t, err)
	require.Contains(t, line, "100 Continue")
	_, err = answers.ReadString('\n')
	require.NoError(t, err)
	return func() *http.Response {
		if _, err := io.WriteString(conn, body); !assert.NoError(t, err) {
			return &http.Response{}
		}
		res, err := http.ReadResponse(answers, nil)
		if !assert.NoError(t, err) {
			return &http.Response{}
		}
		return res
	}
}

func TestHitsInFlightAreAnsweredBeforeANodeLeaves(t *testing.T) {
	t.Parallel()
	p := start(t, "n1")
	finish := held(t, p, `{"key":"k","rate":"1/day"}`)
	p.signal(syscall.SIGTERM)
	p.log.until(t, "msg=leaving")
	eventually(t, func() error { // it takes no new ones
		if r, err := p.send("/v1/hit", `{"key":"another","rate":"1/day"}`); err != nil || r.Status != 503 {
			return fmt.Errorf("a new hit: %d %w", r.Status, err)
		}
		return nil
	})
	status, _, err := get(p.http + "/livez")
	require.NoError(t, err)
	assert.Equal(t, 200, status, "the process runs")
	assert.Equal(t, 200, finish().StatusCode)
	assert.Equal(t, 0, p.wait())
}

// A hit that waits longer than a leaving node may is answered, as not decided.
func TestHitsThatWaitAreAnsweredBeforeANodeLeaves(t *testing.T) {
	t.Parallel()
	p := start(t, "n1", "--drain-timeout", "2s")
	const body = `{"key":"k","rate":"2/min","strategy":"gcra","max_wait_ms":60000}`
	require.Equal(t, 200, p.post("/v1/hit", body).Status)
	finish := held(t, p, body)
	answered := make(chan *http.Response, 1)
	go func() { answered <- finish() }() // ends with the answer
	p.signal(syscall.SIGTERM)
	select {
	case res := <-answered:
		assert.Equal(t, 503, res.StatusCode)
	case <-time.After(patience):
		require.FailNow(t, "the hit is not answered")
	}
	assert.Equal(t, 0, p.wait())
}

func TestASecondSignalStopsAtOnce(t *testing.T) {
	t.Parallel()
	p := start(t, "n1", "--drain-timeout", "1h")
	held(t, p, `{"key":"k","rate":"1/day"}`)
	p.signal(syscall.SIGTERM)
	p.log.until(t, "msg=leaving")
	p.signal(syscall.SIGTERM)
	assert.Equal(t, 1, p.wait())
	assert.Contains(t, p.log.String(), "stopped at once by a second signal")
}

func TestBadUsageIsNamed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "traffik.yaml")
	require.NoError(t, os.WriteFile(file, []byte("timeout: 1s\npolicies:\n  login: {rate: 5 per minuet}\n"), 0o600))
	for args, want := range map[string]string{
		"--snapshot-dir 3":           "unknown flag: --snapshot-dir",
		"--timeout soon":             `"soon" for "--timeout" flag`,
		"--gossip-addr localhost":    `"localhost" for "--gossip-addr" flag: is not host:port`,
		"--join a:b":                 `"a:b" for "--join" flag`,
		"--role king":                "is none of full, lite",
		"--cluster-secret-file /":    "--cluster-secret-file",
		"bench":                      `unknown command "bench"`,
		"--config " + file:           file + `:3:17: policies.login.rate "5 per minuet"`,
		"validate " + file:           file + ":3:17: ",
		"validate " + file + ".none": "no such file",
	} {
		p := launch(t, strings.Fields(args)...)
		assert.Equal(t, 1, p.wait(), "%s", args)
		assert.Contains(t, p.log.String(), want, "%s", args)
		assert.Empty(t, p.out.String())
	}
}

func TestCommandsAskANode(t *testing.T) {
	t.Parallel()
	p := start(t, "n1")
	for _, c := range []struct {
		args   string
		status int
		out    string
	}{
		{"hit user:42 --rate 1/day", 0, "allowed, 0 of 1 per 24h0m0s remaining, owner n1"},
		{"check user:42 --rate 1/day", 1, "refused, "},
		{"hit user:42 --rate 1/day --json", 1, `{"allowed":false,`},
		{"stat user:42 --rate 1/day", 0, "0 of 1 per "},
		{"hit user:42 --rate 1/never", 2, ""},
		{"members", 0, "n1 "},
	} {
		asked := launch(t, append(strings.Fields(c.args), "--addr", p.http)...)
		assert.Equal(t, c.status, asked.wait(), "%s: %s", c.args, asked.log)
		assert.Contains(t, asked.out.String(), c.out)
	}
	unanswered := launch(t, "hit", "k", "--rate=1/s", "--addr="+nobody)
	assert.Equal(t, 2, unanswered.wait())
	assert.Contains(t, unanswered.log.String(), "connection refused")
	version := launch(t, "version")
	assert.Equal(t, 0, version.wait())
	assert.NotEmpty(t, strings.TrimSpace(version.out.String()))
}
