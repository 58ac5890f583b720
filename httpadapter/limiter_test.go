package httpadapter

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/strategy"
)

// epoch is where the clock of a fakeLimiter starts: the beginning of a window of any whole period up to a day.
const epoch = strategy.Time(1_767_225_600_000_000)

// fakeLimiter is a limiter of one process whose clock stands until it is moved.
type fakeLimiter struct {
	mu      sync.Mutex
	now     strategy.Time
	records map[[3]string]*strategy.Records
	hits    []strategy.Hit
	checks  int
	stats   int
	refunds int
	err     error // of every call, if set
}

func newFake() *fakeLimiter {
	return &fakeLimiter{now: epoch, records: map[[3]string]*strategy.Records{}}
}

func (l *fakeLimiter) of(h strategy.Hit) *strategy.Records {
	id := [3]string{h.UID, h.Key, h.Scope}
	if l.records[id] == nil {
		l.records[id] = &strategy.Records{}
	}
	return l.records[id]
}

func (l *fakeLimiter) Hit(ctx context.Context, h strategy.Hit) (strategy.Decision, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := errors.Join(l.err, ctx.Err(), h.Validate()); err != nil {
		return strategy.Decision{}, err
	}
	l.hits = append(l.hits, h)
	d, err := l.of(h).Decide(l.now, h, true)
	if err == nil && !d.Allowed && d.Wait != strategy.Never && d.Wait <= h.MaxWait { // as if it had waited
		l.now += strategy.Time(d.Wait / time.Microsecond)
		return l.of(h).Decide(l.now, h, true)
	}
	return d, err
}

func (l *fakeLimiter) Check(ctx context.Context, h strategy.Hit) (strategy.Decision, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := errors.Join(l.err, ctx.Err(), h.Validate()); err != nil {
		return strategy.Decision{}, err
	}
	l.checks++
	return l.of(h).Check(l.now, h)
}

func (l *fakeLimiter) Stat(ctx context.Context, h strategy.Hit) (strategy.Stat, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := errors.Join(l.err, ctx.Err(), h.Validate()); err != nil {
		return strategy.Stat{}, false, err
	}
	l.stats++
	return l.of(h).Stat(l.now, h)
}

// asked is how often the limiter was asked anything.
func (l *fakeLimiter) asked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.hits) + l.checks + l.stats
}

func (l *fakeLimiter) last(t testing.TB) strategy.Hit {
	l.mu.Lock()
	defer l.mu.Unlock()
	require.NotEmpty(t, l.hits)
	return l.hits[len(l.hits)-1]
}

// refundingLimiter is a fakeLimiter that is a Refunder.
type refundingLimiter struct{ *fakeLimiter }

func (l refundingLimiter) Refund(ctx context.Context, h strategy.Hit, charged strategy.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refunds++
	if err := errors.Join(l.err, ctx.Err()); err != nil {
		return err
	}
	return l.of(h).Refund(charged, l.now, h)
}

// failingRefunder is a Refunder that cannot.
type failingRefunder struct{ *fakeLimiter }

func (failingRefunder) Refund(context.Context, strategy.Hit, strategy.Time) error {
	return strategy.ErrNoRefund
}

func newThrottle(t testing.TB, uid string, rate any, o Options) *Throttle {
	th, err := New(uid, rate, o)
	require.NoError(t, err)
	return th
}

// get is a request from 192.0.2.1, the peer that httptest uses.
func get(path string) *http.Request { return httptest.NewRequest(http.MethodGet, path, nil) }

var errBroken = errors.New("broken")

func ok(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }

// serve answers one request.
func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
