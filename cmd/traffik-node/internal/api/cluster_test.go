package api

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMembers(t *testing.T) {
	w := newServer(t).do(http.MethodGet, "/v1/members", "")
	assert.Equal(t, 200, w.Code)
	assert.JSONEq(t, `{"members":[
		{"name":"n1","uid":"a","state":"active","role":"full","http_addr":"127.0.0.1:8080","gossip_addr":"","cluster_addr":"","version":"v1","partitions":16384,"assigned":8192,"keys":7,"self":true},
		{"name":"n2","uid":"b","state":"dead","role":"lite","http_addr":"","gossip_addr":"","cluster_addr":"","version":"","partitions":0,"assigned":0,"keys":null,"self":false}
	]}`, w.Body.String())
}

func TestOwner(t *testing.T) {
	s := newServer(t)
	for _, c := range []struct {
		query  string
		status int
		want   string
	}{
		{"key=user%3A42", 200, `{"key":"user:42","partition":12,"owner":"|user:42|default","backups":[],"term":3}`},
		{"key=k&uid=u&scope=eu", 200, `{"key":"k","partition":12,"owner":"u|k|eu","backups":[],"term":3}`},
		{"", 400, "key: missing"},
		{"key=a&key=b", 400, "key: appears 2 times"},
		{"key=a&zone=b", 400, "zone: unknown parameter"},
		{"key=%zz", 400, "query: "},
		{"key=" + strings.Repeat("k", 1025), 400, "key: 1025 bytes"},
	} {
		w := s.do(http.MethodGet, "/v1/owner?"+c.query, "")
		assert.Equal(t, c.status, w.Code)
		if c.status == 200 {
			assert.JSONEq(t, c.want, w.Body.String())
		} else {
			assert.Contains(t, w.Body.String(), c.want)
		}
	}
}

func TestHealth(t *testing.T) {
	s := newServer(t)
	get := func(path string) int { return s.do(http.MethodGet, path, "").Code }
	assert.Equal(t, 200, get("/readyz"))
	s.cluster.unready = true
	assert.Equal(t, 503, get("/readyz"))
	s.cluster.unready = false
	s.Leave()
	assert.Equal(t, 503, get("/readyz"))
	assert.Equal(t, 200, get("/livez"))
	assert.Equal(t, 200, s.post("/v1/hit", `{"key":"k","rate":"1/s"}`).Code, "a leaving node still answers")
	assert.Contains(t, s.do(http.MethodGet, "/metrics", "").Body.String(), "traffik_keys 7")
}

// What is in flight when a node drains is answered; later hits are refused, and all else is still answered.
func TestDrain(t *testing.T) {
	s := newServer(t)
	require.True(t, s.gate.enter())
	require.ErrorIs(t, s.Drain(canceled()), context.Canceled, "one is in flight")
	for _, path := range []string{"/v1/hit", "/v1/check", "/v1/stat", "/v1/batch"} {
		w := s.post(path, `{"key":"k","rate":"1/s"}`)
		assert.Equal(t, 503, w.Code)
		assert.Equal(t, "close", w.Header().Get("Connection"))
		assert.Equal(t, "1", w.Header().Get("Retry-After"))
	}
	for _, path := range []string{"/livez", "/metrics", "/v1/members", "/v1/owner?key=k"} {
		assert.Equal(t, 200, s.do(http.MethodGet, path, "").Code, path)
	}
	drained := make(chan error)
	go func() { drained <- s.Drain(t.Context()) }() // until the last has left
	s.gate.leave()
	assert.NoError(t, <-drained)
	assert.NoError(t, s.Drain(t.Context()))
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
