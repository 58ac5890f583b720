package httpadapter

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

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

// BenchmarkServer compares whole requests over loopback, with keep-alive.
func BenchmarkServer(b *testing.B) {
	th := newThrottle(b, "u", "1000000000/day", Options{Limiter: local(b)})
	bare := http.HandlerFunc(hello)
	for name, h := range map[string]http.Handler{"bare": bare, "limited": th.Middleware(bare)} {
		b.Run(name, func(b *testing.B) {
			server := httptest.NewServer(h)
			defer server.Close()
			client := server.Client()
			for b.Loop() {
				res, err := client.Get(server.URL)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
			}
		})
	}
}
