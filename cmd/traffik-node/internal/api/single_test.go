package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/node"
	"github.com/traffik-io/traffik/strategy"
)

func TestHitAnswers(t *testing.T) {
	s := newServer(t)
	const hit = `{"key":"user:42","rate":"2/min","strategy":"token_bucket","params":{"burst_size":3},"cost":%d}`
	for _, c := range []struct {
		path, body string
		status     int
		want       string
	}{
		{"/v1/hit", fmt.Sprintf(hit, 1), 200, `{"allowed":true,"hits_remaining":2,"wait_ms":0,"limit":3,"period_ms":60000,"key":"user:42","owner":"n1"}`},
		{"/v1/check", fmt.Sprintf(hit, 2), 200, `{"allowed":true,"hits_remaining":2,"wait_ms":0,"limit":3,"period_ms":60000,"key":"user:42","owner":"n1"}`},
		{"/v1/check", fmt.Sprintf(hit, 3), 200, `{"allowed":false,"hits_remaining":2,"wait_ms":30000,"limit":3,"period_ms":60000,"key":"user:42","owner":"n1"}`},
		{"/v1/stat", fmt.Sprintf(hit, 3), 200, `{"hits_remaining":2,"wait_ms":0,"limit":3,"period_ms":60000,"key":"user:42","owner":"n1"}`},
		{"/v1/hit", fmt.Sprintf(hit, 3), 429, `{"allowed":false,"hits_remaining":2,"wait_ms":30000,"limit":3,"period_ms":60000,"key":"user:42","owner":"n1"}`},
		{"/v1/hit", fmt.Sprintf(hit, 4), 429, `{"allowed":false,"hits_remaining":2,"wait_ms":-1,"limit":3,"period_ms":60000,"key":"user:42","owner":"n1"}`},
		{"/v1/hit", fmt.Sprintf(hit, 2), 200, `{"allowed":true,"hits_remaining":0,"wait_ms":0,"limit":3,"period_ms":60000,"key":"user:42","owner":"n1"}`},
		{"/v1/hit", `{"key":"k","unlimited":true}`, 200, `{"allowed":true,"hits_remaining":null,"wait_ms":0,"limit":null,"period_ms":0,"key":"k","owner":"n1"}`},
		{"/v1/stat", `{"key":"k","policy":"internal"}`, 200, `{"hits_remaining":null,"wait_ms":0,"limit":null,"period_ms":0,"key":"k","owner":"n1"}`},
		{"/v1/hit", `{"key":"k","policy":"api-items"}`, 200, `{"allowed":true,"hits_remaining":2,"wait_ms":0,"limit":3,"period_ms":60000,"key":"k","owner":"n1"}`},
		{"/v1/hit", `{"key":"\"é\u0001\\","rate":"1/day"}`, 200, `{"allowed":true,"hits_remaining":0,"wait_ms":0,"limit":1,"period_ms":86400000,"key":"\"é\u0001\\","owner":"n1"}`},
		{"/v1/hit", `{"key":"m","limits":[{"name":"burst","rate":"2/s"},{"name":"daily","rate":"1/day","strategy":"gcra"}]}`, 200,
			`{"allowed":true,"hits_remaining":0,"wait_ms":0,"limit":1,"period_ms":86400000,"key":"m","owner":"n1"}`},
		{"/v1/hit", `{"key":"m","limits":[{"name":"burst","rate":"2/s"},{"name":"daily","rate":"1/day","strategy":"gcra"}]}`, 429,
			`{"allowed":false,"hits_remaining":0,"wait_ms":86400000,"limit":1,"period_ms":86400000,"limited_by":"daily","key":"m","owner":"n1"}`},
	} {
		w := s.post(c.path, c.body)
		assert.Equal(t, c.status, w.Code, "%s", c.body)
		assert.Equal(t, c.want, w.Body.String(), "%s", c.body)
		assert.True(t, json.Valid(w.Body.Bytes()))
		assert.Equal(t, "application/json", w.Header().Get("Content-Type"))
	}
}

func TestHitIsReadWhole(t *testing.T) {
	s := newServer(t)
	w := s.post("/v1/hit", `{"key":"user:42","uid":"api:items","rate":"100/min","cost":3,"max_wait_ms":1500,
		"context":{"scope":"eu","tier":"pro","priority":3,"load":0.5,"big":1e2,"beta":true}}`)
	require.Equal(t, 200, w.Code, w.Body)
	got := s.limiter.asked[0]
	assert.Equal(t, strategy.MustPolicy(strategy.Limit{Rate: strategy.MustRate("100/min")}).Encoded(), got.Policy.Encoded())
	got.Policy = nil
	assert.Equal(t, strategy.Hit{
		Key: "user:42", UID: "api:items", Scope: "eu", Cost: 3, MaxWait: 1500 * time.Millisecond,
		Context: strategy.Context{"tier": "pro", "priority": int64(3), "load": 0.5, "big": 100.0, "beta": true},
	}, got)

	// A check does not wait, so it does not ask to.
	require.Equal(t, 200, s.post("/v1/check", `{"key":"k","rate":"1/s","max_wait_ms":1500}`).Code)
	assert.Zero(t, s.limiter.asked[1].MaxWait)
}

// Guarantee 4.
func TestCostOfZeroAsksNobody(t *testing.T) {
	s := newServer(t)
	for _, path := range []string{"/v1/hit", "/v1/check"} {
		w := s.post(path, `{"key":"k","rate":"1/s","cost":0}`)
		assert.Equal(t, 200, w.Code)
		assert.Equal(t, `{"allowed":true,"key":"k"}`, w.Body.String())
	}
	assert.Empty(t, s.limiter.asked)
	assert.Equal(t, 400, s.post("/v1/hit", `{"key":"","rate":"1/s","cost":0}`).Code, "bad input is bad at any cost")
}

func TestStatOfAStrategyWithoutStatistics(t *testing.T) {
	s := newServer(t)
	s.limiter.noStat = true
	w := s.post("/v1/stat", `{"key":"k","rate":"1/s"}`)
	assert.Equal(t, 200, w.Code)
	assert.Equal(t, "null", w.Body.String())
}

func TestDegradedIsSaid(t *testing.T) {
	s := newServer(t)
	s.limiter.change = func(d *strategy.Decision) { *d = strategy.Decision{Degraded: true} }
	w := s.post("/v1/hit", `{"key":"k","rate":"1/s"}`)
	assert.Equal(t, 429, w.Code)
	assert.Equal(t, "1", w.Header().Get("Retry-After"))
	assert.Contains(t, w.Body.String(), `"degraded":true`)
}

// Guarantees 1, 2 and 3.
func TestBadInputNamesTheField(t *testing.T) {
	s := newServer(t)
	nested := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	for _, c := range []struct {
		path, body string
		status     int
		detail     string
	}{
		{"/v1/hit", ``, 400, "body: unexpected end of JSON input"},
		{"/v1/hit", `[]`, 400, "body: an array ([]) is not an object"},
		{"/v1/hit", `{"key":"k","rate":"1/s"} x`, 400, "body: invalid character 'x' after top-level value"},
		{"/v1/hit", `{"key":"k","rate":"1/s"`, 400, "body: unexpected end of JSON input"},
		{"/v1/hit", `{"rate":"1/s"}`, 400, "key: missing"},
		{"/v1/hit", `{"key":"","rate":"1/s"}`, 400, "key: empty"},
		{"/v1/hit", `{"key":null,"rate":"1/s"}`, 400, "key: null (null) is not a string"},
		{"/v1/hit", `{"key":7,"rate":"1/s"}`, 400, "key: a number (7) is not a string"},
		{"/v1/hit", `{"key":"` + strings.Repeat("k", 1025) + `","rate":"1/s"}`, 400, "key: 1025 bytes, at most 1024"},
		{"/v1/hit", "{\"key\":\"a\xff\",\"rate\":\"1/s\"}", 400, `key: "a\xff" is not UTF-8`},
		{"/v1/hit", `{"key":"k","key":"l","rate":"1/s"}`, 400, "key: appears twice"},
		{"/v1/hit", `{"KEY":"k","rate":"1/s"}`, 400, "KEY: unknown field"},
		{"/v1/hit", `{"key":"k","rate":"1/s","op":"hit"}`, 400, "op: unknown field"},
		{"/v1/hit", `{"key":"k"}`, 400, "rate: missing"},
		{"/v1/hit", `{"key":"k","rate":""}`, 400, "rate: missing"},
		{"/v1/hit", `{"key":"k","rate":"0/s"}`, 400, `rate "0/s": a limit of 0`},
		{"/v1/hit", `{"key":"k","rate":"unlimited"}`, 400, `rate "unlimited"`},
		{"/v1/hit", `{"key":"k","rate":100}`, 400, "rate: a number (100) is not a string"},
		{"/v1/hit", `{"key":"k","rate":"1/s","policy":"internal"}`, 400, "rate: only one of"},
		{"/v1/hit", `{"key":"k","policy":"internal","strategy":"gcra"}`, 400, `strategy: "gcra" goes with a rate only`},
		{"/v1/hit", `{"key":"k","unlimited":true,"params":{"x":1}}`, 400, `params: {"x":1} go with a rate only`},
		{"/v1/hit", `{"key":"k","unlimited":false}`, 400, "rate: missing"},
		{"/v1/hit", `{"key":"k","policy":"nope"}`, 404, `policy: "nope" is not configured`},
		{"/v1/hit", `{"key":"k","rate":"1/s","strategy":"leaky"}`, 400, `strategy: "leaky" is unknown`},
		{"/v1/hit", `{"key":"k","rate":"1/s","strategy":""}`, 400, "strategy: empty"},
		{"/v1/hit", `{"key":"k","rate":"1/s","params":{"burst":1}}`, 400, "params.burst: fixed_window has no such parameter"},
		{"/v1/hit", `{"key":"k","rate":"1/s","params":[1]}`, 400, "params: an array ([1]) is not an object"},
		{"/v1/hit", `{"key":"k","rate":"1/s","params":{"a":1,"a":2}}`, 400, `params: "a" appears twice`},
		{"/v1/hit", `{"key":"k","rate":"1/s","params":{"a":` + nested + `}}`, 400, "params: JSON is nested more than 32 deep"},
		{"/v1/hit", `{"key":"k","rate":"1/s","strategy":"token_bucket","params":{"burst_size":"many"}}`, 400, "params.burst_size: a JSON string"},
		{"/v1/hit", `{"key":"k","rate":"1/s","cost":-1}`, 400, "cost: -1 is negative"},
		{"/v1/hit", `{"key":"k","rate":"1/s","cost":1.5}`, 400, "cost: 1.5 is not a whole number"},
		{"/v1/hit", `{"key":"k","rate":"1/s","cost":"1"}`, 400, `cost: a string ("1") is not a number`},
		{"/v1/hit", `{"key":"k","rate":"1/s","max_wait_ms":60001}`, 400, "max_wait_ms: 60001 is not between 0 and 60000"},
		{"/v1/hit", `{"key":"k","rate":"1/s","max_wait_ms":-1}`, 400, "max_wait_ms: -1"},
		{"/v1/hit", `{"key":"k","limits":[{"rate":"1/s"}],"max_wait_ms":5}`, 400, "max_wait_ms: several limits"},
		{"/v1/hit", `{"key":"k","limits":[]}`, 400, "limits: empty"},
		{"/v1/hit", `{"key":"k","limits":"1/s"}`, 400, `limits: a string ("1/s") is not an array`},
		{"/v1/hit", `{"key":"k","limits":[{"name":"a","rate":"1/s"},{"rate":"2/s"}]}`, 400, "limits[1].name: required"},
		{"/v1/hit", `{"key":"k","limits":[{"name":"a","rate":"1/s"},{"name":"b","rates":"2/s"}]}`, 400, "limits[1].rates: unknown field"},
		{"/v1/hit", `{"key":"k","limits":[{"name":"a","name":"b"}]}`, 400, "limits[0].name: appears twice"},
		{"/v1/hit", `{"key":"k","limits":[{"name":"a\n","rate":"1/s"}]}`, 400, `name: "a\n" is not`},
		{"/v1/hit", `{"key":"k","limits":[` + strings.Repeat(`{"rate":"1/s"},`, 16) + `{"rate":"1/s"}]}`, 400, "limits: at most 16"},
		{"/v1/hit", `{"key":"k","rate":"1/s","context":{"x":[1]}}`, 400, "context.x: an array ([1]) is not a string, number or boolean"},
		{"/v1/hit", `{"key":"k","rate":"1/s","context":{"x":1,"x":2}}`, 400, "context.x: appears twice"},
		{"/v1/hit", `{"key":"k","rate":"1/s","context":{"scope":"a","scope":"b"}}`, 400, "context.scope: appears twice"},
		{"/v1/hit", `{"key":"k","rate":"1/s","context":{"scope":1}}`, 400, "context.scope: a number (1) is not a string"},
		{"/v1/hit", `{"key":"k","rate":"1/s","context":{"priority":"urgent"}}`, 400, "context.priority: urgent"},
		{"/v1/hit", `{"key":"k","rate":"1/s","context":7}`, 400, "context: a number (7) is not an object"},
		{"/v1/hit", `{"key":"k","rate":"1/s","context":{"x":"` + strings.Repeat("v", 1024) + `"}}`, 400, "context: 1025 bytes"},
		{"/v1/hit", `{"key":"k","rate":"1/s","context":{"scope":"` + strings.Repeat("v", 1020) + `"}}`, 400, "context: 1025 bytes"},
		{"/v1/hit", `{"key":"k","rate":"1/s","context":{"n":1,"scope":"` + strings.Repeat("v", 1011) + `"}}`, 400, "context: 1025 bytes"},
		{"/v1/hit", `{"key":"k","rate":"1/s","context":{"scope":"eu"` + manyEntries(16) + `}}`, 400, "context: 17 entries"},
		{"/v1/hit", strings.Repeat(" ", maxBody+1), 413, "body: more than 1048576 bytes"},
		{"/v1/hit", `{"key":"k","rate":"1/s","cost":null}`, 400, "cost: null (null) is not a number"},
		{"/v1/hit", `{"key":"k","rate":"1/s","cost":9223372036854775808}`, 400, "cost: 9223372036854775808 is too large"},
		{"/v1/hit", `{"key":"k","rate":"1/s","context":{"tier":null}}`, 400, "context.tier: null (null) is not a string, number or boolean"},
		{"/v1/hit", `{"key":"k","limits":[{"name":"a","rate":"1/s"},{"name":"b","rate":2}]}`, 400, "limits[1].rate: a number (2) is not a string"},
		{"/v1/hit", `{"key":"k","limits":[{"name":"a","rate":"1/s"},7]}`, 400, "limits[1]: a number (7) is not an object"},
		{"/v1/hit", `{"key":"k","limits":[{"rate":"1/s","params":{"a":1,"a":2}}]}`, 400, `limits[0].params: "a" appears twice`},
		{"/v1/batch", `{}`, 400, "requests: missing"},
		{"/v1/batch", `{"requests":{}}`, 400, "requests: an object ({}) is not an array"},
		{"/v1/batch", `{"requests":[],"x":1}`, 400, "x: unknown field"},
		{"/v1/batch", `{"requests":[],"requests":[]}`, 400, "requests: appears twice"},
		{"/v1/batch", `{"requests":[` + strings.Repeat("0,", 1000) + `0]}`, 400, "requests: more than 1000"},
		{"/v1/batch", `{"requests":[{]}`, 400, "body: invalid character ']'"},
		{"/v1/reserve", `{}`, 404, "path: /v1/reserve is not known here"},
	} {
		w := s.post(c.path, c.body)
		assert.Equal(t, c.status, w.Code, "%.80s: %s", c.body, w.Body)
		assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
		var p struct {
			Title, Detail string
			Status        int
		}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p), "%s", w.Body)
		assert.Contains(t, p.Detail, c.detail)
		assert.Equal(t, c.status, p.Status)
		assert.Equal(t, http.StatusText(c.status), p.Title)
	}
	assert.Empty(t, s.limiter.asked)
}

func TestMethodsAreTold(t *testing.T) {
	s := newServer(t)
	w := s.do(http.MethodGet, "/v1/hit", "")
	assert.Equal(t, 405, w.Code)
	assert.Equal(t, "POST", w.Header().Get("Allow"))
	assert.Contains(t, w.Body.String(), `"detail":"method: GET is not POST"`)
	w = s.do(http.MethodPost, "/v1/members", "")
	assert.Equal(t, 405, w.Code)
	assert.Equal(t, "GET, HEAD", w.Header().Get("Allow"))
	assert.Equal(t, 200, s.do(http.MethodHead, "/livez", "").Code)
}

func TestNobodyCouldDecide(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
	}{
		{fmt.Errorf("hit: %w", node.ErrUnreachable), 503},
		{fmt.Errorf("hit: %w", node.ErrOverloaded), 503},
		{node.ErrClosed, 503},
		{context.DeadlineExceeded, 503},
		{errors.New("a strategy panicked"), 503},
		{fmt.Errorf("%w: key: too long", node.ErrInvalid), 400},
		{fmt.Errorf("hit: %w", strategy.ErrTooManyLimits), 400},
	} {
		s := newServer(t)
		s.limiter.err = c.err
		for _, path := range []string{"/v1/hit", "/v1/check", "/v1/stat"} {
			w := s.post(path, `{"key":"k","rate":"1/s"}`)
			assert.Equal(t, c.status, w.Code, "%v", c.err)
			assert.Contains(t, w.Body.String(), c.err.Error())
			if c.status == 503 {
				assert.Equal(t, "1", w.Header().Get("Retry-After"))
			}
		}
	}
}

// Guarantee 5.
func TestRetryAfter(t *testing.T) {
	for _, c := range []struct {
		wait time.Duration
		want string
	}{
		{time.Microsecond, "1"}, {time.Second, "1"}, {time.Second + 1, "2"}, {59_001 * time.Millisecond, "60"}, {strategy.Never, ""},
	} {
		s := newServer(t)
		s.limiter.change = func(d *strategy.Decision) { d.Verdict = strategy.Verdict{Wait: c.wait, Limit: 1} }
		w := s.post("/v1/hit", `{"key":"k","rate":"1/min"}`)
		assert.Equal(t, 429, w.Code)
		assert.Equal(t, c.want, w.Header().Get("Retry-After"), "%v", c.wait)
	}
}

func TestHeaders(t *testing.T) {
	burst := strategy.LimitVerdict{Name: `b"r`, Period: time.Second, Verdict: strategy.Verdict{Allowed: true, Remaining: 8.9, Limit: 10}}
	daily := strategy.LimitVerdict{Name: "daily", Period: 24 * time.Hour, Verdict: strategy.Verdict{Wait: 1500 * time.Millisecond, Limit: 1000}}
	open := strategy.LimitVerdict{Name: "open", Verdict: strategy.Verdict{Allowed: true, Remaining: math.Inf(1), Limit: math.MaxInt64}}
	for _, c := range []struct {
		d    strategy.Decision
		want http.Header
	}{
		{strategy.Decision{Verdict: burst.Verdict, Period: burst.Period}, http.Header{
			"Ratelimit-Policy": {`"p";q=10;w=1`}, "Ratelimit": {`"p";r=8`},
			"X-Ratelimit-Limit": {"10"}, "X-Ratelimit-Remaining": {"8"}, "X-Ratelimit-Reset": {"0"},
		}},
		{strategy.Decision{Verdict: strategy.Verdict{Allowed: true, Limit: 1 << 60}, Period: 1500 * time.Millisecond}, http.Header{
			"Ratelimit-Policy": {`"p";q=999999999999999;w=2`}, "Ratelimit": {`"p";r=0;t=2`},
			"X-Ratelimit-Limit": {"1152921504606846976"}, "X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {"2"},
		}},
		{strategy.Decision{Verdict: daily.Verdict, Period: daily.Period, LimitedBy: "daily", Limits: []strategy.LimitVerdict{burst, open, daily}}, http.Header{
			"Ratelimit-Policy": {`"b\"r";q=10;w=1, "daily";q=1000;w=86400`}, "Ratelimit": {`"b\"r";r=8, "daily";r=0;t=2`}, "Retry-After": {"2"},
			"X-Ratelimit-Limit": {"1000"}, "X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {"2"},
		}},
		{strategy.Decision{Verdict: strategy.Verdict{Wait: strategy.Never, Limit: 5, Remaining: 5}, Period: time.Minute}, http.Header{
			"Ratelimit-Policy": {`"p";q=5;w=60`}, "Ratelimit": {`"p";r=5`},
			"X-Ratelimit-Limit": {"5"}, "X-Ratelimit-Remaining": {"5"},
		}},
		{strategy.Allow(), http.Header{}},
	} {
		h := http.Header{}
		setHeaders(h, &c.d, "p")
		assert.Equal(t, c.want, h)
	}
}

func TestPoliciesGiveTheirNameToHeaders(t *testing.T) {
	s := newServer(t)
	w := s.post("/v1/hit", `{"key":"k","policy":"api-items"}`)
	assert.Equal(t, `"api-items";q=3;w=60`, w.Header().Get("RateLimit-Policy"))
	w = s.post("/v1/hit", `{"key":"k","limits":[{"name":"one","rate":"1/s"}]}`)
	assert.Equal(t, `"one";r=0;t=1`, w.Header().Get("RateLimit"))
	w = s.post("/v1/hit", `{"key":"k","rate":"1/s"}`)
	assert.Equal(t, `"default";q=1;w=1`, w.Header().Get("RateLimit-Policy"))
}

// BenchmarkHit is a hit without the network: reading, the policy, a decision and the answer.
func BenchmarkHit(b *testing.B) {
	s := newServer(b)
	s.Handler.limiter = allowing{s.limiter}
	const body = `{"key":"user:42","rate":"100/min","strategy":"token_bucket","params":{"burst_size":150},"cost":1}`
	r := httptest.NewRequest(http.MethodPost, "/v1/hit", nil)
	reader := strings.NewReader(body)
	r.Body = io.NopCloser(reader)
	w := &discarding{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		reader.Reset(body)
		clear(w.header)
		s.ServeHTTP(w, r)
	}
	require.Equal(b, 200, w.status)
}

// allowing decides nothing, so that what is measured is the API.
type allowing struct{ *limiter }

func (allowing) Hit(context.Context, strategy.Hit) (strategy.Decision, error) {
	return strategy.Decision{Verdict: strategy.Verdict{Allowed: true, Remaining: 149, Limit: 150}, Period: time.Minute, Owner: "n1"}, nil
}

// discarding is a response that nobody reads.
type discarding struct {
	header http.Header
	status int
}

func (d *discarding) Header() http.Header         { return d.header }
func (d *discarding) WriteHeader(status int)      { d.status = status }
func (d *discarding) Write(b []byte) (int, error) { return len(b), nil }

// A scope counts as what it is written as, an entry of the context.
func TestContextsAtTheirBounds(t *testing.T) {
	s := newServer(t)
	for _, context := range []string{`{"scope":"` + strings.Repeat("v", 1019) + `"}`, `{"scope":"eu"` + manyEntries(15) + `}`, `{"x":1` + manyEntries(15) + `}`} {
		assert.Equal(t, 200, s.post("/v1/hit", `{"key":"k","rate":"1/s","context":`+context+`}`).Code, "%.40s", context)
	}
}

// manyEntries are so many entries of a context, each with a comma before it.
func manyEntries(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"e%d":1`, i)
	}
	return b.String()
}
