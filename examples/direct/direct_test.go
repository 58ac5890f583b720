package direct_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	coder "github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/examples/direct"
	"github.com/traffik-io/traffik/httpadapter"
	"github.com/traffik-io/traffik/node"
)

func limiter(t testing.TB) *node.Local {
	l, err := node.NewLocal(node.LocalConfig{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Shutdown(context.Background())) })
	return l
}

// serve sends one request from a peer and returns the response.
func serve(h http.Handler, method, path, body, peer string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr = peer
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const peer = "192.0.2.1:4711"

// The tests run in bubbles, where the clock stands and no window ends in the middle of one.

func TestUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := direct.Upload(limiter(t))
		require.NoError(t, err)
		w := serve(h, "POST", "/", strings.Repeat("x", 2_500_000), peer)
		assert.Equal(t, "2500000 bytes for 3\n", w.Body.String())
		assert.Contains(t, w.Header().Get("RateLimit"), ";r=97")
		r := httptest.NewRequest("POST", "/", nil)
		r.ContentLength = 98_000_000
		refused := httptest.NewRecorder()
		h.ServeHTTP(refused, r)
		assert.Equal(t, http.StatusTooManyRequests, refused.Code)
		r.ContentLength = -1
		unknown := httptest.NewRecorder()
		h.ServeHTTP(unknown, r)
		assert.Equal(t, http.StatusLengthRequired, unknown.Code)
	})
}

func TestInternal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := direct.Internal(limiter(t), netip.MustParsePrefix("10.0.0.0/8"))
		require.NoError(t, err)
		for i := range 12 {
			assert.Equal(t, 200, serve(h, "GET", "/", "", "10.1.2.3:9").Code)
			assert.Equal(t, i < 10, serve(h, "GET", "/", "", peer).Code == 200)
		}
	})
}

func TestTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := direct.Tenant(limiter(t))
		require.NoError(t, err)
		for range 60 {
			require.Equal(t, 200, serve(h, "GET", "/tenants/a/items", "", peer).Code)
		}
		assert.Equal(t, 429, serve(h, "GET", "/tenants/a/items", "", peer).Code)
		assert.Equal(t, 200, serve(h, "GET", "/tenants/b/items", "", peer).Code)
	})
}

func TestExport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		built, fail := 0, false
		h, err := direct.Export(limiter(t), func() (string, error) {
			if built++; fail {
				return "", io.ErrUnexpectedEOF
			}
			return "export", nil
		})
		require.NoError(t, err)
		fail = true
		assert.Equal(t, 500, serve(h, "POST", "/", "", peer).Code)
		fail = false
		for range 5 {
			assert.Equal(t, 200, serve(h, "POST", "/", "", peer).Code)
		}
		w := serve(h, "POST", "/", "", peer)
		assert.Equal(t, 429, w.Code)
		assert.NotEmpty(t, w.Header().Get("Retry-After"))
		assert.Equal(t, 6, built, "the last one was not even begun")
	})
}

func TestQuotaAndResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(t)
		search, err := direct.Response(l)
		require.NoError(t, err)
		var got struct {
			Quota struct{ Remaining, Limit int64 }
		}
		require.NoError(t, json.Unmarshal(serve(search, "GET", "/", "", peer).Body.Bytes(), &got))
		assert.Equal(t, int64(29), got.Quota.Remaining)
		for range 29 {
			serve(search, "GET", "/", "", peer)
		}
		assert.Equal(t, 429, serve(search, "GET", "/", "", peer).Code)

		throttle, err := httpadapter.New("search", "30/min", httpadapter.Options{Limiter: l})
		require.NoError(t, err)
		var status map[string]any
		require.NoError(t, json.Unmarshal(serve(direct.Quota(throttle), "GET", "/", "", peer).Body.Bytes(), &status))
		assert.Equal(t, "30/min", status["rate"])
		assert.Equal(t, 0.0, status["remaining"])
		assert.Equal(t, 30.0, status["limit"])
		assert.NotZero(t, status["retry_seconds"])
	})
}

func TestBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limiter(t)
		h, err := direct.Batch(l, func(item string) bool { return item != "skip" })
		require.NoError(t, err)
		assert.Equal(t, "2 of 3\n", serve(h, "POST", "/", `["a","skip","b"]`, peer).Body.String())
		large, err := json.Marshal(strings.Split(strings.Repeat("x,", 999), ","))
		require.NoError(t, err)
		assert.Equal(t, 429, serve(h, "POST", "/", string(large), peer).Code, "998 are left, and nothing was done")
		assert.Equal(t, 400, serve(h, "POST", "/", `{}`, peer).Code)
	})
}

func TestChat(t *testing.T) {
	said := make(chan string, 100)
	h, err := direct.Chat(limiter(t), func(text string) { said <- text })
	require.NoError(t, err)
	server := httptest.NewServer(h)
	defer server.Close()
	ws, _, err := coder.Dial(t.Context(), server.URL, nil)
	require.NoError(t, err)
	defer ws.CloseNow()
	for i := range 11 { // more than two windows of five admit
		require.NoError(t, ws.Write(t.Context(), coder.MessageText, fmt.Append(nil, "message ", i)))
	}
	_, text, err := ws.Read(t.Context())
	require.NoError(t, err)
	var notice map[string]any
	require.NoError(t, json.Unmarshal(text, &notice))
	assert.Equal(t, "rate_limit", notice["type"])
	assert.Equal(t, "message 0", <-said)
}
