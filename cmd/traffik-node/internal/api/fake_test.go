package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/node"
	"github.com/traffik-io/traffik/strategy"
)

// limiter decides by the real strategies at a fixed instant, and remembers what it was asked.
type limiter struct {
	mu      sync.Mutex
	records map[identity]*strategy.Records
	asked   []strategy.Hit
	err     error
	change  func(*strategy.Decision)
	noStat  bool
	block   chan struct{} // hits wait for it to be closed
}

var start = strategy.TimeOf(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))

func (l *limiter) decide(ctx context.Context, h strategy.Hit, charge bool) (strategy.Decision, error) {
	if l.block != nil {
		select {
		case <-l.block:
		case <-ctx.Done():
			return strategy.Decision{}, ctx.Err()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = append(l.asked, h)
	if l.err != nil {
		return strategy.Decision{}, l.err
	}
	d, err := l.of(h).Decide(start, h, charge)
	d.Owner = "n1"
	if l.change != nil {
		l.change(&d)
	}
	return d, err
}

func (l *limiter) of(h strategy.Hit) *strategy.Records {
	id := identity{h.UID, h.Key, h.Scope}
	if l.records == nil {
		l.records = map[identity]*strategy.Records{}
	}
	if l.records[id] == nil {
		l.records[id] = &strategy.Records{}
	}
	return l.records[id]
}

func (l *limiter) Hit(ctx context.Context, h strategy.Hit) (strategy.Decision, error) {
	return l.decide(ctx, h, true)
}

func (l *limiter) Check(ctx context.Context, h strategy.Hit) (strategy.Decision, error) {
	return l.decide(ctx, h, false)
}

func (l *limiter) Stat(_ context.Context, h strategy.Hit) (strategy.Stat, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = append(l.asked, h)
	if l.err != nil || l.noStat {
		return strategy.Stat{}, false, l.err
	}
	h.Cost = 1
	d, err := l.of(h).Decide(start, h, false)
	rate := h.Policy.Limit(0).Rate
	return strategy.Stat{Key: h.Key, Rate: rate, Remaining: d.Remaining, Wait: d.Wait, Limit: d.Limit, Owner: "n1"}, true, err
}

type cluster struct{ unready bool }

func (c *cluster) Members(context.Context) []node.Member {
	return []node.Member{
		{Name: "n1", UID: "a", State: node.Active, Role: node.Full, HTTPAddr: "127.0.0.1:8080", Version: "v1", Partitions: 16384, Assigned: 8192, Keys: 7, Self: true},
		{Name: "n2", UID: "b", State: node.Dead, Role: node.Lite, Keys: -1},
	}
}

func (c *cluster) FindOwner(_ context.Context, uid, key, scope string) node.Ownership {
	return node.Ownership{Partition: 12, Owner: uid + "|" + key + "|" + scope, Term: 3}
}

func (c *cluster) Ready() bool { return !c.unready }

// server is a handler with its fakes.
type server struct {
	*Handler
	limiter *limiter
	cluster *cluster
}

func newServer(t testing.TB) *server {
	t.Helper()
	registry, err := strategy.NewRegistry()
	require.NoError(t, err)
	s := &server{limiter: &limiter{}, cluster: &cluster{}}
	s.Handler, err = New(Config{
		Limiter: s.limiter, Cluster: s.cluster, Registry: registry,
		Policies: map[string]*strategy.Policy{
			"api-items": strategy.MustPolicy(strategy.Limit{Rate: strategy.MustRate("3/min"), Strategy: strategy.TokenBucket{}}),
			"internal":  strategy.MustPolicy(strategy.Limit{Rate: strategy.Unlimited()}),
		},
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("traffik_keys 7\n")) }),
	})
	require.NoError(t, err)
	return s
}

func (s *server) do(method, target, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
	return w
}

func (s *server) post(path, body string) *httptest.ResponseRecorder {
	return s.do(http.MethodPost, path, body)
}
