package httpadapter

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/traffik-io/traffik/httpadapter/identify"
	"github.com/traffik-io/traffik/strategy"
)

// settings are the options of a throttle with all that can be worked out of them beforehand. They are immutable: a
// change makes new ones.
type settings struct {
	Options          // with defaults
	given    Options // without
	uid      string
	rate     any
	limits   []strategy.Limit // of a rate that is no function
	policy   *strategy.Policy // of limits
	free     bool             // policy is unlimited
	rateFunc RateFunc
	policies *policyCache // of the rates that rateFunc returned
	rules    []rule
	headers  headers
}

// compile checks everything and joins all that is wrong.
func compile(uid string, rate any, o Options) (*settings, error) {
	s := &settings{Options: o, given: o, uid: uid, rate: rate}
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if uid == "" || len(uid) > strategy.MaxKeyLen {
		bad("uid: %d bytes, 1 to %d are allowed", len(uid), strategy.MaxKeyLen)
	}
	if o.Group != "" && len(uid) > 64 {
		bad("uid: %d bytes, at most 64 are allowed in a group", len(uid))
	}
	if o.Limiter == nil {
		bad("limiter: missing")
	}
	if o.Cost < 0 {
		bad("cost: %d is negative", o.Cost)
	}
	if o.Cost > 0 && o.CostFunc != nil {
		bad("cost: %d is given beside a cost func", o.Cost)
	}
	if o.MinWait < 0 {
		bad("min wait: %v is negative", o.MinWait)
	}
	if o.MaxWait > 0 && o.Group != "" {
		bad("max wait: %v in group %q, whose limits are decided together", o.MaxWait, o.Group)
	}
	if !slices.Contains([]Failure{"", DenyOnError, AllowOnError, ReturnErrors}, o.OnError) {
		bad("on error: %q is none of deny, allow, error", o.OnError)
	}
	if code := o.Context.Status; code != 0 && (code < 400 || code > 599) {
		bad("context.status: %d is not between 400 and 599", code)
	}
	var err error
	s.rules, err = compileRules(o.Rules)
	errs = append(errs, err, s.compileRate(), s.compileHeaders())
	s.withDefaults()
	errs = append(errs, s.validateHit())
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("throttle %q: %w", uid, err)
	}
	return s, nil
}

func (s *settings) withDefaults() {
	if s.Identifier == nil {
		s.Identifier = identify.Peer
	}
	if s.Cost == 0 && s.CostFunc == nil {
		s.Cost = 1
	}
	if s.Refuse == nil {
		s.Refuse = WriteRefusal
	}
	if s.OnError == "" {
		s.OnError = DenyOnError
	}
	if s.Failed == nil {
		s.Failed = func(*http.Request, error) {}
	}
	s.Context = s.Context.clone()
	s.given.Context = s.Context
}

// compileRate makes the policy of a rate that is no function.
func (s *settings) compileRate() error {
	var err error
	var rate strategy.Rate
	switch r := s.rate.(type) {
	case string:
		if rate, err = strategy.ParseRate(r); err != nil {
			return fmt.Errorf("rate: %w", err)
		}
	case strategy.Rate:
		rate = r
	case RateFunc:
		return s.compileRateFunc(r)
	case []strategy.Limit:
		if s.Strategy != nil || s.Group != "" {
			return errors.New("rate: several limits have their own strategies and share no group")
		}
		s.limits = slices.Clone(r)
		return s.bind()
	default:
		return fmt.Errorf("rate: a %T is neither a string, a strategy.Rate, a []strategy.Limit nor a RateFunc", s.rate)
	}
	s.limits = []strategy.Limit{s.limit(rate)}
	return s.bind()
}

func (s *settings) bind() (err error) {
	if s.policy, err = strategy.NewPolicy(s.limits...); err != nil {
		return err
	}
	s.free = s.policy.IsUnlimited()
	return nil
}

func (s *settings) compileRateFunc(f RateFunc) error {
	if f == nil {
		return errors.New("rate: the func is nil")
	}
	s.rateFunc, s.policies = f, newPolicyCache(s)
	return nil
}

// limit is the one limit of the throttle at a rate.
func (s *settings) limit(rate strategy.Rate) strategy.Limit {
	l := strategy.Limit{Rate: rate, Strategy: s.Strategy}
	if s.Group != "" {
		l.Name = s.uid
	}
	return l
}

// validateHit lets the rules of a hit judge what every hit of the throttle will carry.
func (s *settings) validateHit() error {
	p := s.policy
	if p == nil { // a function's, or an error that is reported already
		p = strategy.MustPolicy(strategy.Limit{Rate: strategy.Unlimited()})
	}
	h := strategy.Hit{Key: "k", Scope: s.Context.Scope, Policy: p, Context: s.Context.Values, MaxWait: s.MaxWait}
	return h.Validate()
}

func (s *settings) owner() string {
	if s.Group != "" {
		return s.Group
	}
	return s.uid
}
