package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/strategy"
)

// Guarantee 6.
func TestBatchAnswersInOrder(t *testing.T) {
	s := newServer(t)
	w := s.post("/v1/batch", `{"requests":[
		{"op":"hit","key":"a","rate":"2/min"},
		{"op":"stat","key":"a","rate":"2/min"},
		{"key":"b","rate":"fast"},
		{"op":"hit","key":"a","rate":"2/min","context":{"scope":"default"}},
		{"op":"check","key":"a","rate":"2/min"},
		{"op":"hit","key":"a","rate":"2/min","cost":0},
		{"op":"hit","key":"c","policy":"nope"},
		{"op":"smash","key":"a","rate":"2/min"},
		17
	]}`)
	require.Equal(t, 200, w.Code, w.Body)
	assert.Equal(t, `{"responses":[`+strings.Join([]string{
		`{"allowed":true,"hits_remaining":1,"wait_ms":0,"limit":2,"period_ms":60000,"key":"a","owner":"n1"}`,
		`{"hits_remaining":1,"wait_ms":0,"limit":2,"period_ms":60000,"key":"a","owner":"n1"}`,
		`{"error":{"type":"about:blank","title":"Bad Request","status":400,"detail":"rate \"fast\": want a limit and a period with one \"/\" or \"per\" between them"}}`,
		`{"allowed":true,"hits_remaining":1,"wait_ms":0,"limit":2,"period_ms":60000,"key":"a","owner":"n1"}`,
		`{"allowed":true,"hits_remaining":1,"wait_ms":0,"limit":2,"period_ms":60000,"key":"a","owner":"n1"}`,
		`{"allowed":true,"key":"a"}`,
		`{"error":{"type":"about:blank","title":"Not Found","status":404,"detail":"policy: \"nope\" is not configured"}}`,
		`{"error":{"type":"about:blank","title":"Bad Request","status":400,"detail":"op: \"smash\" is neither hit, check nor stat"}}`,
		`{"error":{"type":"about:blank","title":"Bad Request","status":400,"detail":"body: a number (17) is not an object"}}`,
	}, ",")+`]}`, w.Body.String())
	assert.Equal(t, `{"responses":[]}`, s.post("/v1/batch", `{"requests":[]}`).Body.String())
}

// Guarantee 6: the hits of one key that fit are the first ones, whatever runs beside them.
func TestBatchKeepsTheOrderOfAKey(t *testing.T) {
	s := newServer(t)
	rapid.Check(t, func(t *rapid.T) {
		s.limiter.records = nil
		keys := rapid.SliceOfN(rapid.IntRange(0, 5), 0, 200).Draw(t, "keys")
		var body strings.Builder
		for i, k := range keys {
			if i > 0 {
				body.WriteByte(',')
			}
			fmt.Fprintf(&body, `{"op":"hit","key":"%d","rate":"10/day"}`, k)
		}
		w := s.post("/v1/batch", `{"requests":[`+body.String()+`]}`)
		var got struct {
			Responses []struct {
				Allowed   bool
				Remaining float64 `json:"hits_remaining"`
				Key       string
			}
		}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
		require.Len(t, got.Responses, len(keys))
		used := map[string]int{}
		for i, r := range got.Responses {
			require.Equal(t, fmt.Sprint(keys[i]), r.Key)
			used[r.Key]++
			require.Equal(t, used[r.Key] <= 10, r.Allowed)
			require.Equal(t, float64(max(10-used[r.Key], 0)), r.Remaining)
		}
	})
}

// Guarantee 6: 64 keys are asked about at once, so that one slow owner does not hold up the others one by one.
func TestBatchDecidesKeysSideBySide(t *testing.T) {
	s := newServer(t)
	s.limiter.block = make(chan struct{})
	entered := make(chan struct{}, 64)
	s.Handler.limiter = entering{s.limiter, entered}
	done := make(chan *httptest.ResponseRecorder)
	var body []string
	for i := range 64 {
		body = append(body, fmt.Sprintf(`{"key":"%d","rate":"1/s"}`, i))
	}
	go func() { done <- s.post("/v1/batch", `{"requests":[`+strings.Join(body, ",")+`]}`) }() // ends with the batch
	for range 64 {
		<-entered
	}
	close(s.limiter.block)
	assert.Equal(t, 64, strings.Count((<-done).Body.String(), `"allowed":true`))
}

// A batch whose client is gone is not decided any further than it was.
func TestBatchEndsWithItsClient(t *testing.T) {
	s := newServer(t)
	s.limiter.block = make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/batch", strings.NewReader(`{"requests":[{"key":"a","rate":"1/s"},{"key":"a","rate":"1/s"}]}`)).WithContext(ctx))
	assert.Equal(t, 2, strings.Count(w.Body.String(), `"status":503`))
	assert.Empty(t, s.limiter.asked)
}

// entering tells when a hit has come in.
type entering struct {
	*limiter
	entered chan<- struct{}
}

func (e entering) Hit(ctx context.Context, h strategy.Hit) (strategy.Decision, error) {
	e.entered <- struct{}{}
	return e.limiter.Hit(ctx, h)
}
