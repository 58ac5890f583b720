package actor

import (
	"errors"
	"fmt"

	"github.com/traffik-io/traffik/strategy"
)

// rescue, deferred, turns a panic into an error.
func rescue(err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("%w: %v", ErrPanic, v)
	}
}

// customLocked reports whether the policy has a strategy that is not built in. Such a strategy may leave a state half
// changed when it panics, so its turns are guarded; the others pay for this one comparison.
func (s *System) customLocked(p *partition, policy *strategy.Policy) bool {
	switch policy {
	case p.plain:
		return false
	case p.custom:
		return true
	}
	if _, err := s.builtins.DecodePolicy(policy.Encoded()); err != nil {
		p.custom = policy
		return true
	}
	p.plain = policy
	return false
}

// turn carries out r on a. If a custom strategy panics, the records are what they were before.
func (s *System) turn(a *actor, now strategy.Time, r *Request, custom bool, ans *Answer) {
	if !custom || r.Op == OpCheck || r.Op == OpStat {
		a.do(now, r, ans)
		return
	}
	before, err := appendRecords(nil, &a.records)
	if err != nil {
		ans.Err = err
		return
	}
	if a.do(now, r, ans); errors.Is(ans.Err, ErrPanic) {
		if err := s.restore(a, before); err != nil {
			ans.Err = fmt.Errorf("%w (and the key keeps what that left behind: %w)", ans.Err, err)
		}
	}
}

func appendRecords(b []byte, rs *strategy.Records) (all []byte, err error) {
	defer rescue(&err)
	return rs.Append(b), nil
}

func (s *System) restore(a *actor, before []byte) (err error) {
	defer rescue(&err)
	rs, err := s.cfg.Registry.DecodeRecords(before)
	if err == nil {
		a.records = *rs
	}
	return err
}
