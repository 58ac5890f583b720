package client_test

import (
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/client"
	"github.com/traffik-io/traffik/strategy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func hitOf(key, rate string) strategy.Hit {
	return strategy.NewHit(key, strategy.MustPolicy(strategy.Limit{Rate: strategy.MustRate(rate)}))
}

// Guarantee 1.
func TestHitsArriveAsGiven(t *testing.T) {
	n, c := start(t)
	strategies := []strategy.Strategy{
		nil, strategy.FixedWindow{CountRejected: true}, strategy.TokenBucket{BurstSize: 150}, strategy.GCRA{BurstToleranceMS: 12.5},
		strategy.GCRA{Burst: 3}, strategy.SlidingWindowLog{}, strategy.LeakyBucket{}, strategy.TieredRate{}, strategy.TimeOfDay{},
	}
	rapid.Check(t, func(t *rapid.T) {
		h := strategy.Hit{
			Key:     rapid.StringN(1, 40, 200).Draw(t, "key"),
			UID:     rapid.StringN(0, 20, 100).Draw(t, "uid"),
			Scope:   rapid.SampledFrom([]string{"", "eu", "default", "ä\"\\"}).Draw(t, "scope"),
			Cost:    rapid.Int64Range(1, 1<<50).Draw(t, "cost"),
			MaxWait: time.Duration(rapid.IntRange(0, 60_000).Draw(t, "wait")) * time.Millisecond,
		}
		if rapid.Bool().Draw(t, "context") {
			h.Context = strategy.Context{"tier": "pro", "priority": 3.0, "beta": true}
		}
		var limits []strategy.Limit
		for i := range rapid.IntRange(1, 3).Draw(t, "limits") {
			limits = append(limits, strategy.Limit{
				Name:     fmt.Sprint("l", i),
				Rate:     strategy.MustRate(rapid.SampledFrom([]string{"5/s", "20/250ms", "1000/day", "7/36h"}).Draw(t, "rate")),
				Strategy: rapid.SampledFrom(strategies).Draw(t, "strategy"),
			})
		}
		if len(limits) == 1 && rapid.Bool().Draw(t, "without a name") {
			limits[0].Name = ""
		}
		if len(limits) > 1 {
			h.MaxWait = 0
		}
		h.Policy = strategy.MustPolicy(limits...)
		_, err := c.Hit(context.Background(), h)
		require.NoError(t, err)
		got := n.last()
		require.Equal(t, string(h.Policy.Encoded()), string(got.Policy.Encoded()))
		got.Policy, h.Policy = nil, nil
		if len(got.Context) == 0 {
			got.Context = nil
		}
		require.Equal(t, h, got)
	})
}

// Guarantee 2, the first half.
func TestDecisions(t *testing.T) {
	_, c := start(t)
	ctx, h := t.Context(), hitOf("user:42", "2/min")
	d, err := c.Check(ctx, h)
	require.NoError(t, err)
	assert.Equal(t, strategy.Decision{Verdict: strategy.Verdict{Allowed: true, Remaining: 2, Limit: 2}, Period: time.Minute, Owner: "n1"}, d)
	for want := 1.0; want >= 0; want-- {
		d, err = c.Hit(ctx, h)
		require.NoError(t, err)
		assert.True(t, d.Allowed)
		assert.Equal(t, want, d.Remaining)
	}
	d, err = c.Hit(ctx, h)
	require.NoError(t, err)
	assert.Equal(t, strategy.Decision{Verdict: strategy.Verdict{Wait: time.Minute, Limit: 2}, Period: time.Minute, Owner: "n1"}, d)
	h.Cost = 3
	d, err = c.Check(ctx, h)
	require.NoError(t, err)
	assert.Equal(t, strategy.Never, d.Wait)

	st, ok, err := c.Stat(ctx, h)
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Equal(t, strategy.Stat{Key: "user:42", Rate: strategy.MustRate("2/min"), Wait: time.Minute, Limit: 2, Owner: "n1"}, st)
	_, ok, err = c.Stat(ctx, hitOf("without statistics", "1/s"))
	require.NoError(t, err)
	assert.False(t, ok)

	several := hitOf("k", "1/s")
	several.Policy = strategy.MustPolicy(strategy.Limit{Name: "burst", Rate: strategy.MustRate("1/s")},
		strategy.Limit{Name: "free", Rate: strategy.Unlimited()}, strategy.Limit{Name: "daily", Rate: strategy.MustRate("9/day")})
	_, err = c.Hit(ctx, several)
	require.NoError(t, err)
	d, err = c.Hit(ctx, several)
	require.NoError(t, err)
	assert.Equal(t, "burst", d.LimitedBy)
}

// Guarantee 3.
func TestNobodyIsAskedInVain(t *testing.T) {
	n, c := start(t)
	free := strategy.NewHit("k", strategy.MustPolicy(strategy.Limit{Rate: strategy.Unlimited()}))
	nothing := hitOf("k", "1/s")
	nothing.Cost = 0
	for _, h := range []strategy.Hit{free, nothing} {
		d, err := c.Hit(t.Context(), h)
		require.NoError(t, err)
		assert.Equal(t, strategy.Allow(), d)
	}
	st, ok, err := c.Stat(t.Context(), free)
	require.NoError(t, err)
	assert.True(t, ok)
	assert.True(t, math.IsInf(st.Remaining, 1))
	for _, wrong := range []strategy.Hit{{}, {Key: "k", Cost: -1, Policy: free.Policy}} {
		_, err := c.Hit(t.Context(), wrong)
		assert.ErrorIs(t, err, client.ErrInvalid)
		_, _, err = c.Stat(t.Context(), strategy.Hit{})
		assert.ErrorIs(t, err, client.ErrInvalid)
	}
	assert.Empty(t, n.paths)
}

// Guarantee 2, the other half: whatever is no decision is an error of one of two kinds.
func TestErrors(t *testing.T) {
	tests := []struct {
		name    string
		handler http.HandlerFunc
		want    error
		text    string
	}{
		{"bad input", func(w http.ResponseWriter, _ *http.Request) { problem(w, 400, "rate: missing") }, client.ErrInvalid, "status 400: rate: missing"},
		{"too large", func(w http.ResponseWriter, _ *http.Request) { problem(w, 413, "body") }, client.ErrInvalid, "413"},
		{"no such path", http.NotFound, client.ErrUnavailable, "status 404"},
		{"nobody could decide", func(w http.ResponseWriter, _ *http.Request) { problem(w, 503, "no owner") }, client.ErrUnavailable, "no owner"},
		{"a gateway", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, client.ErrUnavailable, "502"},
		{"a gateway that limits by itself", func(w http.ResponseWriter, _ *http.Request) { problem(w, 429, "slow down") }, client.ErrUnavailable, "slow down"},
		{"a page", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, client.ErrUnavailable, "not that of a node"},
		{"another object", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"ok":true}`) }, client.ErrUnavailable, "does not say"},
		{"too much", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, strings.Repeat(" ", 2<<20)) }, client.ErrUnavailable, "more than"},
		{"a broken answer", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"allowed":true`)
		}, client.ErrUnavailable, "reading"},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(c.handler)
			defer server.Close()
			cl, err := client.New(server.URL, client.Options{})
			require.NoError(t, err)
			defer cl.Close()
			_, err = cl.Hit(t.Context(), hitOf("k", "1/s"))
			assert.ErrorIs(t, err, c.want)
			assert.ErrorContains(t, err, c.text)
			var problem *client.Error
			if c.name == "nobody could decide" && assert.ErrorAs(t, err, &problem) {
				assert.Equal(t, &client.Error{Status: 503, Type: "about:blank", Title: "Service Unavailable", Detail: "no owner", RetryAfter: 2 * time.Second}, problem)
			}
		})
	}
}

func TestDeadlineAndRefusedConnection(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	c, err := client.New(server.URL, client.Options{Timeout: time.Millisecond})
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Hit(t.Context(), hitOf("k", "1/s"))
	assert.ErrorIs(t, err, client.ErrUnavailable)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Hit(ctx, hitOf("k", "1/s"))
	assert.ErrorIs(t, err, context.Canceled)

	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	gone, err := client.New("http://"+l.Addr().String(), client.Options{})
	require.NoError(t, err)
	_, _, err = gone.Stat(t.Context(), hitOf("k", "1/s"))
	assert.ErrorIs(t, err, client.ErrUnavailable)
}

// Guarantee 4.
func TestConnectionsAreKept(t *testing.T) {
	var connections atomic.Int64
	n := 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n++; n%2 == 0 {
			problem(w, 503, strings.Repeat("x", 5000))
		} else {
			write(w, 429, map[string]any{"allowed": false, "wait_ms": 5})
		}
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	c, err := client.New(server.URL, client.Options{})
	require.NoError(t, err)
	defer c.Close()
	for i := range 20 {
		_, err := c.Hit(t.Context(), hitOf("k", "1/s"))
		assert.Equal(t, i%2 == 1, err != nil)
	}
	assert.Equal(t, int64(1), connections.Load())
}

func TestNewReportsEverything(t *testing.T) {
	for _, u := range []string{"", "localhost:8080", "ftp://h", "http://", "http://h/?q=1", "http://h/#f", "http://[::1"} {
		_, err := client.New(u, client.Options{Timeout: -1})
		assert.ErrorContains(t, err, "base url", u)
		assert.ErrorContains(t, err, "timeout")
	}
}

func TestDependencies(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	require.NoError(t, err)
	const module = "github.com/traffik-io/traffik/"
	assert.ElementsMatch(t, []string{module + "client", module + "strategy"}, strings.Fields(string(out)))
}
