package httpadapter

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/node"
)

// response is a ResponseWriter that costs nothing.
type response struct{ header http.Header }

func (w *response) Header() http.Header         { return w.header }
func (w *response) Write(b []byte) (int, error) { return len(b), nil }
func (w *response) WriteHeader(int)             {}
func (w *response) serve(h http.Handler, r *http.Request) {
	clear(w.header)
	h.ServeHTTP(w, r)
}

var body = []byte("hello, world\n")

func hello(w http.ResponseWriter, _ *http.Request) {
	w.Header()["Content-Type"] = plain
	_, _ = w.Write(body)
}

var plain = []string{"text/plain"}

func local(t testing.TB) *node.Local {
	l, err := node.NewLocal(node.LocalConfig{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Shutdown(context.Background())) })
	return l
}

// Guarantee 11: a limited handler makes at most 3 allocations more than a bare one, with default headers.
func TestAllocations(t *testing.T) {
	th := newThrottle(t, "u", "1000000000/day", Options{Limiter: local(t)})
	bare := http.HandlerFunc(hello)
	limited := th.Middleware(bare)
	w, r := &response{http.Header{}}, get("/")
	count := func(h http.Handler) float64 {
		w.serve(h, r)
		return testing.AllocsPerRun(200, func() { w.serve(h, r) })
	}
	without := count(bare)
	assert.LessOrEqual(t, count(limited)-without, 3.0)
	assert.NotEmpty(t, w.header.Get("RateLimit"), "headers were set")
}

func BenchmarkHandler(b *testing.B) {
	th := newThrottle(b, "u", "1000000000/day", Options{Limiter: local(b)})
	bare := http.HandlerFunc(hello)
	for name, h := range map[string]http.Handler{"bare": bare, "limited": th.Middleware(bare)} {
		b.Run(name, func(b *testing.B) {
			w, r := &response{http.Header{}}, get("/")
			b.ReportAllocs()
			for b.Loop() {
				w.serve(h, r)
			}
		})
	}
}

// BenchmarkServer compares whole requests over loopback, with keep-alive: one to either server in turn, so that what
// else the machine does slows both down alike. The client reads the answer without taking it apart, since how long a
// client takes to read five more headers is not the server's.
func BenchmarkServer(b *testing.B) {
	th := newThrottle(b, "u", "1000000000/day", Options{Limiter: local(b)})
	bare := httptest.NewServer(http.HandlerFunc(hello))
	defer bare.Close()
	limited := httptest.NewServer(th.Middleware(http.HandlerFunc(hello)))
	defer limited.Close()
	clients := [2]*client{dial(b, bare), dial(b, limited)}
	var took [2][]time.Duration
	for b.Loop() {
		for i, c := range clients {
			start := time.Now()
			c.get(b)
			took[i] = append(took[i], time.Since(start))
		}
	}
	var medians [2]float64
	for i := range took {
		slices.Sort(took[i])
		medians[i] = float64(took[i][len(took[i])/2])
	}
	b.ReportMetric(medians[1]/medians[0], "limited/bare")
}

// client sends one request after the other over one connection.
type client struct {
	conn   net.Conn
	reader *bufio.Reader
}

func dial(b *testing.B, s *httptest.Server) *client {
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	require.NoError(b, err)
	b.Cleanup(func() { _ = conn.Close() })
	return &client{conn, bufio.NewReader(conn)}
}

var question = []byte("GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept-Encoding: gzip\r\n\r\n")

func (c *client) get(b *testing.B) {
	if _, err := c.conn.Write(question); err != nil {
		b.Fatal(err)
	}
	for {
		line, err := c.reader.ReadSlice('\n')
		if err != nil {
			b.Fatal(err)
		}
		if len(line) == 2 {
			break
		}
	}
	if _, err := c.reader.Discard(len(body)); err != nil {
		b.Fatal(err)
	}
}
