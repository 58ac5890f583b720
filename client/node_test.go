package client_test

import (
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/client"
	"github.com/traffik-io/traffik/strategy"
)

// fakeNode speaks the HTTP API over records of its own. Its clock stands.
type fakeNode struct {
	t        testing.TB
	registry *strategy.Registry

	mu      sync.Mutex
	records map[string]*strategy.Records
	hits    []strategy.Hit
	paths   []string
}

// start serves a fakeNode and returns a client of it.
func start(t testing.TB) (*fakeNode, *client.Client) {
	registry, err := strategy.NewRegistry()
	require.NoError(t, err)
	n := &fakeNode{t: t, registry: registry, records: map[string]*strategy.Records{}}
	server := httptest.NewServer(n)
	t.Cleanup(server.Close)
	c, err := client.New(server.URL, client.Options{})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return n, c
}

type limitBody struct {
	Name, Rate, Strategy string
	Params               json.RawMessage
}

func (n *fakeNode) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var q struct {
		Key, UID string
		Cost     *int64
		Context  strategy.Context
		MaxWait  int64 `json:"max_wait_ms"`
		limitBody
		Limits []limitBody
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&q); err != nil || r.Method != http.MethodPost || q.Cost == nil {
		problem(w, 400, "unreadable")
		return
	}
	h := strategy.Hit{Key: q.Key, UID: q.UID, Cost: *q.Cost, MaxWait: time.Duration(q.MaxWait) * time.Millisecond}
	h.Scope, _ = q.Context["scope"].(string)
	delete(q.Context, "scope")
	h.Context = q.Context
	if q.Limits == nil {
		q.Limits = []limitBody{q.limitBody}
	}
	var err error
	if h.Policy, err = n.policy(q.Limits); err != nil {
		problem(w, 400, err.Error())
		return
	}
	n.hits, n.paths = append(n.hits, h), append(n.paths, r.URL.Path)
	n.answer(w, r.URL.Path, h)
}

func (n *fakeNode) policy(list []limitBody) (*strategy.Policy, error) {
	limits := make([]strategy.Limit, len(list))
	for i, l := range list {
		rate, err := strategy.ParseRate(l.Rate)
		if err != nil {
			return nil, err
		}
		s, err := n.registry.Strategy(l.Strategy, l.Params)
		if err != nil {
			return nil, err
		}
		limits[i] = strategy.Limit{Name: l.Name, Rate: rate, Strategy: s}
	}
	return strategy.NewPolicy(limits...)
}

const epoch = strategy.Time(1_767_225_600_000_000)

func (n *fakeNode) answer(w http.ResponseWriter, path string, h strategy.Hit) {
	id := h.UID + "\x00" + h.Key + "\x00" + h.Scope
	if n.records[id] == nil {
		n.records[id] = &strategy.Records{}
	}
	rs := n.records[id]
	if path == "/v1/stat" {
		st, ok, err := rs.Stat(epoch, h)
		require.NoError(n.t, err)
		if !ok || h.Key == "without statistics" {
			_, _ = io.WriteString(w, "null")
			return
		}
		write(w, 200, map[string]any{"hits_remaining": st.Remaining, "wait_ms": millis(st.Wait), "limit": st.Limit,
			"period_ms": st.Rate.Period().Milliseconds(), "key": h.Key, "owner": "n1"})
		return
	}
	d, err := rs.Decide(epoch, h, path == "/v1/hit")
	require.NoError(n.t, err)
	status := 200
	if !d.Allowed && path == "/v1/hit" {
		status = 429
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(d.Wait.Seconds()))))
	}
	write(w, status, map[string]any{"allowed": d.Allowed, "hits_remaining": d.Remaining, "wait_ms": millis(d.Wait), "limit": d.Limit,
		"period_ms": d.Period.Milliseconds(), "key": h.Key, "owner": "n1", "limited_by": d.LimitedBy})
}

func millis(d time.Duration) int64 {
	if d == strategy.Never {
		return -1
	}
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Retry-After", "2")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "about:blank", "title": http.StatusText(status), "status": status, "detail": detail})
}

func (n *fakeNode) last() strategy.Hit {
	n.mu.Lock()
	defer n.mu.Unlock()
	require.NotEmpty(n.t, n.hits)
	return n.hits[len(n.hits)-1]
}
