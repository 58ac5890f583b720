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

// request is one hit, check or stat as it came in. Byte slices are nil if their member is absent.
type request struct {
	op    op
	hit   strategy.Hit // all but its policy
	keyed bool         // the key is there
	// What the policy is to be; exactly one of the first four is there.
	policy    []byte
	rate      []byte
	limits    []byte // JSON
	unlimited bool
	strategy  []byte
	params    []byte // JSON
}

// read reads one request that is all of data. The op is a member of it if batched, and else given.
func (r *request) read(data []byte, what op, batched bool) error {
	*r = request{op: what, hit: strategy.Hit{Cost: 1}}
	err := body(data, func(name string, value []byte) error {
		if name == "op" && !batched {
			return errUnknown
		}
		return r.readMember(name, value)
	})
	if err != nil {
		return err
	}
	return r.validate()
}

func (r *request) readMember(name string, value []byte) (err error) {
	var s string
	switch name {
	case "op":
		r.op, err = readOp(value)
	case "key":
		r.keyed = true
		r.hit.Key, err = text(value)
	case "uid":
		r.hit.UID, err = text(value)
	case "cost":
		r.hit.Cost, err = integer(value)
	case "context":
		err = r.readContext(value)
	case "max_wait_ms":
		r.hit.MaxWait, err = readMaxWait(value)
	case "policy":
		s, err = text(value)
		r.policy = []byte(s)
	case "rate":
		s, err = text(value)
		r.rate = []byte(s)
	case "limits":
		r.limits, err = value, isA(anArray, value)
	case "unlimited":
		r.unlimited, err = boolean(value)
	case "strategy":
		s, err = text(value)
		r.strategy = []byte(s)
	case "params":
		r.params, err = params(value)
	default:
		err = errUnknown
	}
	return err
}

func readOp(value []byte) (op, error) {
	name, err := text(value)
	switch {
	case err != nil:
		return 0, err
	case name == "hit":
		return opHit, nil
	case name == "check":
		return opCheck, nil
	case name == "stat":
		return opStat, nil
	}
	return 0, fmt.Errorf("%.64q is neither hit, check nor stat", name)
}

func readMaxWait(value []byte) (time.Duration, error) {
	ms, err := integer(value)
	if limit := strategy.MaxWait.Milliseconds(); err == nil && (ms < 0 || ms > limit) {
		err = fmt.Errorf("%d is not between 0 and %d", ms, limit)
	}
	return time.Duration(ms) * time.Millisecond, err
}

// readContext reads the context and takes the scope out of it, which is part of the key's identity.
func (r *request) readContext(value []byte) error {
	err := object(value, func(name string, value []byte) (err error) {
		if name == "scope" {
			if r.hit.Scope, err = text(value); r.hit.Scope == "" {
				r.hit.Scope = strategy.DefaultScope
			}
			return err
		}
		if r.hit.Context == nil {
			r.hit.Context = make(strategy.Context, 4)
		}
		r.hit.Context[name], err = scalar(value)
		return err
	})
	if err != nil || r.hit.Scope == "" {
		return err // without a scope, the bounds are those of the hit
	}
	entries, size := 1+len(r.hit.Context), len("scope")+len(r.hit.Scope)
	for name, v := range r.hit.Context {
		s, isText := v.(string)
		if size += len(name) + len(s); !isText {
			size += 8
		}
	}
	switch {
	case entries > strategy.MaxContextEntries:
		return fmt.Errorf("%d entries, at most %d are allowed", entries, strategy.MaxContextEntries)
	case size > strategy.MaxContextBytes:
		return fmt.Errorf("%d bytes, at most %d are allowed", size, strategy.MaxContextBytes)
	}
	return nil
}

// validate checks what a request alone can be wrong about; hits are also checked by [strategy.Hit.Validate].
func (r *request) validate() error {
	if !r.keyed {
		return errors.New("key: missing")
	}
	sources := 0
	for _, there := range []bool{r.policy != nil, r.rate != nil, r.limits != nil, r.unlimited} {
		if there {
			sources++
		}
	}
	switch {
	case sources == 0:
		return errors.New(`rate: missing; write for example "100/min", or name a policy`)
	case sources > 1:
		return errors.New("rate: only one of policy, rate, limits and unlimited may be there")
	case r.rate == nil && r.strategy != nil:
		return fmt.Errorf("strategy: %q goes with a rate only", r.strategy)
	case r.rate == nil && r.params != nil:
		return fmt.Errorf("params: %.40s go with a rate only", r.params)
	case r.limits != nil && r.hit.MaxWait > 0:
		return errors.New("max_wait_ms: several limits cannot be waited for")
	case r.strategy != nil && len(r.strategy) == 0:
		return errors.New("strategy: empty")
	}
	return nil
}
