package httpadapter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/traffik-io/traffik/httpadapter/identify"
	"github.com/traffik-io/traffik/strategy"
)

// ErrInvalid says that a call gave what no hit may have, such as a negative cost. No failure policy covers it.
var ErrInvalid = errors.New("invalid call")

// deniedWait is what a client is told under DenyOnError without a MinWait.
const deniedWait = time.Second

// hit resolves and charges, and remembers the outcome for the request.
func (t *Throttle) hit(c *call, s *settings) (strategy.Decision, error) {
	h, ok, err := t.resolve(c, s)
	var d strategy.Decision
	if ok {
		d, err = t.ask(c, s, &h, Limiter.Hit)
	} else {
		d, err = t.settle(c, s, strategy.Allow(), err)
	}
	c.remember(d, err)
	return d, err
}

// resolve is the order of evaluation, up to the hit to ask about. ok is false where nobody needs to be asked: the
// request is let through, unless err says what is wrong. A rate function is called only if the rules apply, a cost
// function only if the rate is a limit, and the identifier last.
func (t *Throttle) resolve(c *call, s *settings) (h strategy.Hit, ok bool, err error) {
	cost, given := c.cost()
	if t.IsDisabled() || given && cost == 0 || s.free {
		return h, false, nil
	}
	c.merge(s.Context)
	if !apply(s.rules, c.request, c.context) || !apply(c.rules, c.request, c.context) {
		return h, false, nil
	}
	if h, err = s.start(c); err != nil || h.Policy.IsUnlimited() {
		return h, false, err
	}
	if h.Cost, err = s.costOf(c, cost, given); err != nil || h.Cost == 0 {
		return h, false, err
	}
	if h.Key, err = s.keyOf(c); err != nil {
		if errors.Is(err, identify.ErrExempt) {
			err = nil
		}
		return h, false, err
	}
	if len(c.options) > 0 {
		if err := h.Validate(); err != nil {
			return h, false, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	}
	return h, true, nil
}

// start returns the hit without cost and key.
func (s *settings) start(c *call) (strategy.Hit, error) {
	h := strategy.Hit{
		UID:     s.owner(),
		Scope:   scopeOf(c.context.Scope),
		Policy:  s.policy,
		Context: c.context.Values,
		MaxWait: c.maxWait(s.MaxWait),
	}
	if s.rateFunc == nil {
		return h, nil
	}
	rate, err := s.rateFunc(c.request, c.context)
	if err != nil {
		return h, fmt.Errorf("rate func: %w", err)
	}
	h.Policy, err = s.policies.policy(rate)
	return h, err
}

func (s *settings) costOf(c *call, cost int64, given bool) (int64, error) {
	switch {
	case given && cost < 0:
		return 0, fmt.Errorf("%w: cost: %d is negative", ErrInvalid, cost)
	case given:
		return cost, nil
	case s.CostFunc == nil:
		return s.Cost, nil
	}
	cost, err := s.CostFunc(c.request, c.context)
	if err == nil && cost < 0 {
		err = fmt.Errorf("%d is negative", cost)
	}
	if err != nil {
		return 0, fmt.Errorf("cost func: %w", err)
	}
	return cost, nil
}

func (s *settings) keyOf(c *call) (string, error) {
	identity, err := c.identity(s)
	if err != nil {
		return "", fmt.Errorf("identifier: %w", err)
	}
	if identity == "" {
		return "", errors.New("identifier: empty")
	}
	var method, route string
	if s.PerMethod {
		method = c.request.Method
	}
	if s.Route != nil {
		route = s.Route(c.request)
	}
	return keyOf(identity, method, route), nil
}

// ask asks the limiter, then the fallback, then the failure policy.
func (t *Throttle) ask(c *call, s *settings, h *strategy.Hit, how asker) (strategy.Decision, error) {
	d, err := how(s.Limiter, c.ctx, *h)
	if err != nil && s.Fallback != nil && c.ctx.Err() == nil {
		s.Failed(c.request, err)
		d, err = how(s.Fallback, c.ctx, *h)
		d.Degraded = true
	}
	if d, err = t.settle(c, s, d, err); err != nil || d.Allowed {
		return d, err
	}
	if d.Wait != strategy.Never {
		d.Wait = max(d.Wait, s.MinWait)
	}
	return d, nil
}

// asker is Limiter.Hit or Limiter.Check.
type asker func(Limiter, context.Context, strategy.Hit) (strategy.Decision, error)

// settle applies the failure policy to an error.
func (t *Throttle) settle(c *call, s *settings, d strategy.Decision, err error) (strategy.Decision, error) {
	switch {
	case err == nil:
		return d, nil
	case s.OnError == ReturnErrors || c.ctx.Err() != nil || errors.Is(err, ErrInvalid):
		return strategy.Decision{}, fmt.Errorf("throttle %q: %w", t.uid, err)
	}
	s.Failed(c.request, err)
	if s.OnError == AllowOnError {
		d = strategy.Allow()
	} else {
		d = strategy.Decision{Verdict: strategy.Verdict{Wait: max(s.MinWait, deniedWait)}}
	}
	d.Degraded = true
	return d, nil
}

// stat asks where the client stands, whatever rules and switches say.
func (t *Throttle) stat(c *call, s *settings) (strategy.Stat, bool, error) {
	fail := func(err error) (strategy.Stat, bool, error) {
		return strategy.Stat{}, false, fmt.Errorf("throttle %q: %w", t.uid, err)
	}
	h, err := s.start(c)
	if err != nil {
		return fail(err)
	}
	if h.Key, err = s.keyOf(c); err != nil {
		if errors.Is(err, identify.ErrExempt) {
			return strategy.Stat{}, false, nil
		}
		return fail(err)
	}
	h.Cost, h.MaxWait = 1, 0
	if h.Policy.IsUnlimited() {
		return strategy.UnlimitedStat(h.Key), true, nil
	}
	st, ok, err := s.Limiter.Stat(c.ctx, h)
	if err != nil && s.Fallback != nil && c.ctx.Err() == nil {
		s.Failed(c.request, err)
		st, ok, err = s.Fallback.Stat(c.ctx, h)
		st.Degraded = true
	}
	if err != nil {
		return fail(err)
	}
	return st, ok, nil
}
