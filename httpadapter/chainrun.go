package httpadapter

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/traffik-io/traffik/strategy"
)

// run is one request on its way through a chain.
type run struct {
	steps    []step
	request  *http.Request
	decision strategy.Decision // of the whole
	refused  *step
	err      error
}

// step is a throttle of the chain with its part in a run.
type step struct {
	throttle *Throttle
	settings *settings
	call     call
	hit      strategy.Hit
	limit    strategy.Limit // of the hit, where a group may join it to others
	decision strategy.Decision
	state    stepState
	joined   []*step // decided in one hit with this one, which is the first of them
}

type stepState byte

const (
	waiting  stepState = iota
	resolved           // hit is known
	passed             // nobody needed to be asked, or the step was asked together with an earlier one
	asked
)

func (c *Chain) run(r *http.Request) *run {
	x := &run{steps: make([]step, len(c.links)), request: r, decision: strategy.Allow()}
	for i := range c.links {
		l := &c.links[i]
		x.steps[i] = step{throttle: l.throttle, settings: l.throttle.current.Load(),
			call: call{ctx: r.Context(), request: r, options: l.options, rules: l.rules}}
	}
	for i := range x.steps {
		s := &x.steps[i]
		if s.state == passed {
			continue
		}
		at, d, err := c.ask(x, i)
		s.call.remember(d, err)
		if err != nil || !d.Allowed {
			x.decision, x.err, x.refused, s.decision = d, err, at, d
			x.refund()
			return x
		}
		if s.state == asked && tighter(d.Verdict, x.decision.Verdict) {
			x.decision = d
		}
		s.decision = d
	}
	return x
}

// resolve works out the hit of a step that is waiting.
func (s *step) resolve() error {
	if s.state != waiting {
		return nil
	}
	h, ok, err := s.throttle.resolve(&s.call, s.settings)
	s.state = passed
	if !ok {
		return err
	}
	s.state, s.hit = resolved, h
	if s.settings.Group != "" {
		rate := h.Policy.Limit(0).Rate
		s.limit = s.settings.limit(rate)
	}
	return nil
}

// ask decides step i, and with it all later ones that it can be joined to. Where the answer is a refusal, at is the
// step that refused.
func (c *Chain) ask(x *run, i int) (at *step, d strategy.Decision, err error) {
	s := &x.steps[i]
	if err := s.resolve(); err != nil || s.state == passed {
		return s.settle(err)
	}
	for j := i + 1; s.settings.Group != "" && j < len(x.steps); j++ {
		if err := s.join(&x.steps[j]); err != nil {
			if at, d, err = x.steps[j].settle(err); err != nil || !d.Allowed {
				return at, d, err
			}
		}
	}
	if len(s.joined) > 0 {
		if s.hit.Policy, err = c.policyOf(s); err != nil {
			return s.settle(err)
		}
	}
	s.state = asked
	d, err = s.throttle.ask(&s.call, s.settings, &s.hit, Limiter.Hit)
	return s.refusing(d), d, err
}

// settle answers for a step without asking: it is let through, or an error meets the failure policy of its throttle.
func (s *step) settle(cause error) (*step, strategy.Decision, error) {
	d, err := s.throttle.settle(&s.call, s.settings, strategy.Allow(), cause)
	return s, d, err
}

// join takes o into the hit of s if one owner can decide both at once.
func (s *step) join(o *step) error {
	if o.settings.Group != s.settings.Group {
		return nil
	}
	if err := o.resolve(); err != nil || o.state != resolved {
		return err
	}
	a, b := &s.hit, &o.hit
	same := a.Key == b.Key && a.Scope == b.Scope && a.Cost == b.Cost && a.MaxWait == 0 && b.MaxWait == 0 &&
		maps.Equal(a.Context, b.Context) && sameLimiter(s.settings.Limiter, o.settings.Limiter) &&
		o.throttle.uid != s.throttle.uid
	if same {
		s.joined = append(s.joined, o)
		o.state = passed
	}
	return nil
}

func sameLimiter(a, b Limiter) bool { return reflect.ValueOf(a).Comparable() && a == b }

// refusing is the step whose throttle refused under the decision of s.
func (s *step) refusing(d strategy.Decision) *step {
	for _, o := range s.joined {
		if o.throttle.uid == d.LimitedBy {
			return o
		}
	}
	return s
}

// refundTime bounds the giving back of what earlier throttles charged.
const refundTime = time.Second

// refund gives back what the steps before the refusal charged, the last first. The request may be cancelled by now, so
// it has a time of its own.
func (x *run) refund() {
	for i := len(x.steps) - 1; i >= 0; i-- {
		s := &x.steps[i]
		if s.state != asked || !s.decision.Allowed || s.decision.Degraded {
			continue
		}
		limiter, ok := s.settings.Limiter.(Refunder)
		if !ok {
			continue
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(x.request.Context()), refundTime)
		if err := limiter.Refund(ctx, s.hit, s.decision.At); err != nil {
			s.settings.Failed(x.request, fmt.Errorf("throttle %q: refund: %w", s.throttle.uid, err))
		}
		cancel()
	}
}

// setHeaders sets the headers of every throttle that was asked; the predefined ones tell of all their limits.
func (x *run) setHeaders(h http.Header) {
	var parts []part
	for i := range x.steps {
		if s := &x.steps[i]; s.state == asked && len(s.settings.headers) > 0 {
			parts = appendParts(parts, s.settings.uid, &s.decision)
		}
	}
	for i := range x.steps {
		s := &x.steps[i]
		if s.state != asked {
			continue
		}
		for _, member := range append([]*step{s}, s.joined...) {
			member.settings.headers.set(h, x.request, s.decision, parts)
		}
	}
}

// merged is a policy of several throttles.
type merged struct {
	parts  []*strategy.Policy
	policy *strategy.Policy
}

// policyOf is the policy of a step and all joined to it. Most chains only ever need one.
func (c *Chain) policyOf(s *step) (*strategy.Policy, error) {
	parts, limits := []*strategy.Policy{s.hit.Policy}, []strategy.Limit{s.limit}
	for _, o := range s.joined {
		parts, limits = append(parts, o.hit.Policy), append(limits, o.limit)
	}
	if m := c.merged.Load(); m != nil && slices.Equal(m.parts, parts) {
		return m.policy, nil
	}
	p, err := strategy.NewPolicy(limits...)
	if err != nil {
		return nil, fmt.Errorf("group %q: %w", s.settings.Group, err)
	}
	c.merged.Store(&merged{parts, p})
	return p, nil
}
