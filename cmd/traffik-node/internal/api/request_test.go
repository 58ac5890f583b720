package api

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/strategy"
)

// FuzzRequest: what is accepted is JSON that encoding/json reads alike, and never panics.
func FuzzRequest(f *testing.F) {
	for _, body := range []string{
		`{"key":"user:42","rate":"100/min","strategy":"token_bucket","params":{"burst_size":150},"cost":1,"uid":"api:items","context":{"scope":"eu","tier":"pro","priority":3},"max_wait_ms":0}`,
		`{"key":"k","policy":"api-items","cost":2}`, `{"key":"k","limits":[{"name":"a","rate":"1/s"},{"name":"b","rate":"1/day","strategy":"gcra"}]}`,
		`{"key":"k","unlimited":true}`, `{"key":"k","rate":"1/s","context":{"a":1.5,"b":true}}`, `{"key":"\ud83d\ude00","rate":"1/s"} `,
	} {
		f.Add([]byte(body))
	}
	s := newServer(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		var req request
		if err := s.parse(&req, body, opHit, false); err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		var want struct {
			Key     string
			UID     string
			Cost    *float64
			Context strategy.Context
		}
		require.NoError(t, json.Unmarshal(body, &want), "%q", body)
		require.Equal(t, want.Key, req.hit.Key)
		require.Equal(t, want.UID, req.hit.UID)
		if want.Cost != nil {
			require.Equal(t, *want.Cost, float64(req.hit.Cost))
		}
		delete(want.Context, "scope")
		require.Len(t, req.hit.Context, len(want.Context))
		require.NotNil(t, req.hit.Policy)
	})
}

// Guarantee 7: what reading costs is encoding/json's; the policy is found for nothing.
func TestFindingAPolicyAllocatesNothing(t *testing.T) {
	s := newServer(t)
	body := []byte(`{"key":"user:42","uid":"api:items","rate":"100/min","strategy":"token_bucket","params":{"burst_size":150},"cost":1}`)
	var req request
	require.NoError(t, s.parse(&req, body, opHit, false))
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = s.policies.find(&req) }))
}
