package api

import (
	"errors"
	"fmt"
	"time"

	"github.com/traffik-io/traffik/strategy"
)

// op is what a request asks for.
type op byte

const (
	opHit op = iota
	opCheck
	opStat
)

// request is one hit, check or stat as it came in. Byte slices are part of the body or were unescaped from it.
type request struct {
	op   op
	hit  strategy.Hit // all but its policy
	seen fields
	// What the policy is to be; exactly one of the first four is there.
	policy    []byte
	rate      []byte
	limits    []byte // JSON
	unlimited bool
	strategy  []byte
	params    []byte // JSON
}

// fields is a set of members of a request, by their place in names.
type fields uint16

const (
	fieldKey fields = 1 << iota
	fieldUID
	fieldCost
	fieldContext
	fieldMaxWait
	fieldPolicy
	fieldRate
	fieldLimits
	fieldUnlimited
	fieldStrategy
	fieldParams
	fieldOp
	fieldName // of a limit
)

// field is the member of that name, 0 if there is none.
func field(name []byte) fields {
	switch string(name) {
	case "key":
		return fieldKey
	case "uid":
		return fieldUID
	case "cost":
		return fieldCost
	case "context":
		return fieldContext
	case "max_wait_ms":
		return fieldMaxWait
	case "policy":
		return fieldPolicy
	case "rate":
		return fieldRate
	case "limits":
		return fieldLimits
	case "unlimited":
		return fieldUnlimited
	case "strategy":
		return fieldStrategy
	case "params":
		return fieldParams
	case "op":
		return fieldOp
	}
	return 0
}

// read reads one request that is all of data. The op is a member of it if batched, and else given.
func (r *request) read(data []byte, what op, batched bool) error {
	*r = request{op: what, hit: strategy.Hit{Cost: 1}}
	s := scanner{data: data}
	for s.open('{', "an object"); s.next('}'); {
		name := s.name()
		if s.err != nil {
			break
		}
		f := field(name)
		switch {
		case f == 0 || f == fieldOp && !batched:
			return fmt.Errorf("%.64s: unknown field", name)
		case r.seen&f != 0:
			return fmt.Errorf("%s: appears twice", name)
		}
		r.seen |= f
		if err := r.readField(&s, f); err != nil {
			return err
		}
		if s.err != nil {
			return fmt.Errorf("%s: %w", name, s.err)
		}
	}
	s.end()
	if s.err != nil {
		return fmt.Errorf("body: %w", s.err)
	}
	return r.validate()
}

// readField reads one member. What is wrong with its JSON is left in s.
func (r *request) readField(s *scanner, f fields) error {
	switch f {
	case fieldKey:
		r.hit.Key = string(s.text())
	case fieldUID:
		r.hit.UID = string(s.text())
	case fieldCost:
		r.hit.Cost = s.int()
	case fieldContext:
		return r.readContext(s)
	case fieldMaxWait:
		ms := s.int()
		if limit := strategy.MaxWait.Milliseconds(); s.err == nil && (ms < 0 || ms > limit) {
			return fmt.Errorf("max_wait_ms: %d is not between 0 and %d", ms, limit)
		}
		r.hit.MaxWait = time.Duration(ms) * time.Millisecond
	case fieldPolicy:
		r.policy = s.text()
	case fieldRate:
		r.rate = s.text()
	case fieldLimits:
		if s.peek() != '[' {
			s.failKind("an array")
			return nil
		}
		r.limits = s.raw()
	case fieldUnlimited:
		r.unlimited = s.bool()
	case fieldStrategy:
		r.strategy = s.text()
	case fieldParams:
		r.params = s.rawObject()
	case fieldOp:
		r.readOp(s)
	}
	return nil
}

func (r *request) readOp(s *scanner) {
	switch name := s.text(); string(name) {
	case "hit":
		r.op = opHit
	case "check":
		r.op = opCheck
	case "stat":
		r.op = opStat
	default:
		s.fail("%q is neither hit, check nor stat", name)
	}
}

// readContext reads the context and takes the scope out of it, which is part of the key's identity.
func (r *request) readContext(s *scanner) error {
	for s.open('{', "an object"); s.next('}'); {
		name := s.name()
		if s.err != nil {
			return fmt.Errorf("context: %w", s.err)
		}
		if string(name) == "scope" {
			if r.hit.Scope != "" {
				return errors.New("context.scope: appears twice")
			}
			r.hit.Scope = string(s.text())
			if s.err == nil && r.hit.Scope == "" {
				r.hit.Scope = strategy.DefaultScope
			}
		} else {
			if r.hit.Context == nil {
				r.hit.Context = make(strategy.Context, 4)
			}
			if _, twice := r.hit.Context[string(name)]; twice {
				return fmt.Errorf("context.%s: appears twice", name)
			}
			r.hit.Context[string(name)] = s.scalar()
		}
		if s.err != nil {
			return fmt.Errorf("context.%s: %w", name, s.err)
		}
	}
	return nil
}

// validate checks what a request alone can be wrong about; hits are also checked by [strategy.Hit.Validate].
func (r *request) validate() error {
	if r.seen&fieldKey == 0 {
		return errors.New("key: missing")
	}
	sources := r.seen & (fieldPolicy | fieldRate | fieldLimits | fieldUnlimited)
	if !r.unlimited {
		sources &^= fieldUnlimited
	}
	switch {
	case sources == 0:
		return errors.New(`rate: missing; write for example "100/min", or name a policy`)
	case sources&(sources-1) != 0:
		return errors.New("rate: only one of policy, rate, limits and unlimited may be there")
	case sources != fieldRate && r.seen&fieldStrategy != 0:
		return fmt.Errorf("strategy: %q goes with a rate only", r.strategy)
	case sources != fieldRate && r.seen&fieldParams != 0:
		return fmt.Errorf("params: %.40s go with a rate only", r.params)
	case sources == fieldLimits && r.hit.MaxWait > 0:
		return errors.New("max_wait_ms: several limits cannot be waited for")
	case r.seen&fieldStrategy != 0 && len(r.strategy) == 0:
		return errors.New("strategy: empty")
	}
	return nil
}
