package httpadapter

import (
	"cmp"
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/traffik-io/traffik/strategy"
)

// outcome is that of the most recent hit: 0 if it was let through, else its wait, which is Never below 0. It is safe
// for concurrent use.
type outcome struct{ wait atomic.Int64 }

func (o *outcome) record(d strategy.Decision) {
	if d.Allowed {
		o.wait.Store(0)
		return
	}
	o.wait.Store(int64(cmp.Or(d.Wait, 1))) // a refusal that names no wait is one all the same
}

func (o *outcome) throttled() bool { return o.wait.Load() != 0 }

// tracked is a context with the outcome of its request, in one allocation.
type tracked struct {
	context.Context
	outcome outcome
}

type trackKey struct{}

func (t *tracked) Value(key any) any {
	if key == (trackKey{}) {
		return &t.outcome
	}
	return t.Context.Value(key)
}

// Track returns r, or a copy of it, that remembers its most recent hit for IsThrottled and Wait. Requests made from it
// by WithContext or Clone share the memory. Mark does it for the handlers behind it; call it yourself where you hit
// directly and ask elsewhere.
func Track(r *http.Request) *http.Request {
	if outcomeOf(r) != nil {
		return r
	}
	return r.WithContext(&tracked{Context: r.Context()})
}

func outcomeOf(r *http.Request) *outcome {
	o, _ := r.Context().Value(trackKey{}).(*outcome)
	return o
}

// IsThrottled reports whether the most recent hit of a tracked request was refused. Hits that were let through without
// asking anybody count too: exempt, disabled, bypassed by a rule, of cost 0. It is false before the first hit and for a
// request that is not tracked.
func IsThrottled(r *http.Request) bool {
	o := outcomeOf(r)
	return o != nil && o.throttled()
}

// Wait is the wait that the most recent hit of a tracked request was told, strategy.Never included; 0 where
// IsThrottled is false.
func Wait(r *http.Request) time.Duration {
	if o := outcomeOf(r); o != nil {
		return time.Duration(o.wait.Load())
	}
	return 0
}
