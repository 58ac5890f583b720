package httpadapter

import (
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/traffik-io/traffik/httpadapter/identify"
	"github.com/traffik-io/traffik/strategy"
)

// Throttle limits requests. It is safe for concurrent use, and may be changed while it is used: each call sees either
// all of a change or nothing of it. Make it once with [New].
type Throttle struct {
	uid      string
	registry *Registry
	current  atomic.Pointer[settings]
	disabled atomic.Bool

	changing sync.Mutex // one change at a time
}

// New returns the throttle called uid. The rate is a string such as "100/min", a strategy.Rate, a []strategy.Limit that
// is decided all or nothing, or a RateFunc. The error joins everything that is wrong with the arguments.
func New(uid string, rate any, o Options) (*Throttle, error) {
	s, err := compile(uid, rate, o)
	if err != nil {
		return nil, err
	}
	t := &Throttle{uid: uid, registry: o.Registry}
	t.current.Store(s)
	t.disabled.Store(o.Disabled)
	if o.Registry != nil {
		if err := o.Registry.add(t); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// UID is the name of the throttle.
func (t *Throttle) UID() string { return t.uid }

// Disable lets everything pass until Enable.
func (t *Throttle) Disable() { t.disabled.Store(true) }

// Enable ends Disable.
func (t *Throttle) Enable() { t.disabled.Store(false) }

// IsDisabled reports whether the throttle lets everything pass, by itself or because its whole registry is disabled.
func (t *Throttle) IsDisabled() bool {
	return t.disabled.Load() || t.registry != nil && t.registry.disabled.Load()
}

// Update changes options while the throttle is used, all of them at once. It hands change a copy of the options as they
// were given, and takes over what change left in it; if that is wrong the error says why and nothing changes. Registry
// and Disabled are not taken over. What was used stays used.
func (t *Throttle) Update(change func(*Options)) error {
	return t.update(func(_ *any, o *Options) { change(o) })
}

// SetRate changes the rate, which is one that New takes.
func (t *Throttle) SetRate(rate any) error {
	return t.update(func(old *any, _ *Options) { *old = rate })
}

// SetCost changes the cost of requests that name none; 0 makes them free.
func (t *Throttle) SetCost(n int64) error {
	return t.Update(func(o *Options) {
		o.Cost, o.CostFunc = n, nil
		if n == 0 { // which in Options is the default, 1
			o.CostFunc = free
		}
	})
}

func free(*http.Request, Context) (int64, error) { return 0, nil }

// SetStrategy changes the strategy. Each strategy counts for itself, so the count of the new one starts at nothing.
func (t *Throttle) SetStrategy(s strategy.Strategy) error {
	return t.Update(func(o *Options) { o.Strategy = s })
}

// SetIdentifier changes how clients are identified.
func (t *Throttle) SetIdentifier(f identify.Func) error {
	return t.Update(func(o *Options) { o.Identifier = f })
}

func (t *Throttle) update(change func(rate *any, o *Options)) error {
	t.changing.Lock()
	defer t.changing.Unlock()
	old := t.current.Load()
	rate, o := old.rate, old.given
	o.Context = o.Context.clone()
	change(&rate, &o)
	s, err := compile(t.uid, rate, o)
	if err != nil {
		return err
	}
	t.current.Store(s)
	return nil
}

// Hit charges the request and returns the decision; over the limit is a decision, not an error. It writes nothing.
// An error means that nobody could decide and the failure policy is ReturnErrors, that the request was cancelled, or
// that the caller gave a cost or context that no hit may have.
func (t *Throttle) Hit(r *http.Request, options ...CallOption) (strategy.Decision, error) {
	c := call{ctx: r.Context(), request: r, options: options}
	return t.hit(&c, t.current.Load())
}

// Check answers as Hit would, and charges nothing. A strategy that keeps no statistics always allows.
func (t *Throttle) Check(r *http.Request, options ...CallOption) (strategy.Decision, error) {
	c, s := call{ctx: r.Context(), request: r, options: options}, t.current.Load()
	h, ok, err := t.resolve(&c, s)
	if !ok {
		return t.settle(&c, s, strategy.Allow(), err)
	}
	return t.ask(&c, s, &h, Limiter.Check)
}

// Stat tells where the client stands, and charges nothing. It is false for a client who is exempt and for a strategy
// that keeps no statistics. It answers for a throttle that is disabled or whose rules bypass the request, too. Errors
// are returned whatever the failure policy, once Fallback has been asked.
func (t *Throttle) Stat(r *http.Request, options ...CallOption) (strategy.Stat, bool, error) {
	c, s := call{ctx: r.Context(), request: r, options: options}, t.current.Load()
	c.merge(s.Context)
	return t.stat(&c, s)
}

// Allow is Hit and the answer to a refusal: it sets the headers, and reports whether the handler should go on. If not,
// the refusal is written, or 503 where Hit returns an error, and the handler should return.
func (t *Throttle) Allow(w http.ResponseWriter, r *http.Request, options ...CallOption) bool {
	c, s := call{ctx: r.Context(), request: r, options: options}, t.current.Load()
	d, err := t.hit(&c, s)
	if err != nil {
		writeFailure(w)
		return false
	}
	s.setHeaders(w.Header(), r, &d)
	if d.Allowed {
		return true
	}
	s.Refuse(w, r, Refusal{t.uid, d, c.context})
	return false
}

// SetHeaders sets the headers that tell of a decision of the throttle, as Allow does.
func (t *Throttle) SetHeaders(h http.Header, r *http.Request, d strategy.Decision) {
	t.current.Load().setHeaders(h, r, &d)
}

// Middleware is Allow in front of next.
func (t *Throttle) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if t.Allow(w, r) {
			next.ServeHTTP(w, r)
		}
	})
}

// Mark hits in front of next and sets the headers, but lets refused requests through as well: next asks IsThrottled and
// Wait and answers itself. A hit that nobody could decide is answered 503, as Allow does.
func (t *Throttle) Mark(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = Track(r)
		c, s := call{ctx: r.Context(), request: r}, t.current.Load()
		d, err := t.hit(&c, s)
		if err != nil {
			writeFailure(w)
			return
		}
		s.setHeaders(w.Header(), r, &d)
		next.ServeHTTP(w, r)
	})
}

func (s *settings) setHeaders(h http.Header, r *http.Request, d *strategy.Decision) {
	if len(s.headers) == 0 {
		return
	}
	var room [1]part
	s.headers.set(h, r, *d, appendParts(room[:0], s.uid, d))
}
