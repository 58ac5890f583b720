package strategy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Kind makes strategies of one name from their parameters.
type Kind struct {
	// Name is what Strategy.Name of its strategies returns.
	Name string
	// Parse returns the strategy with the parameters of a JSON object; empty means all defaults. Unknown
	// parameters are errors.
	Parse func(params []byte) (Strategy, error)
}

// KindOf is the Kind of a strategy that is a struct with JSON tags.
func KindOf[S Strategy]() Kind {
	var zero S
	names := paramNames(reflect.TypeFor[S]())
	return Kind{Name: zero.Name(), Parse: func(params []byte) (Strategy, error) {
		var s S
		if len(params) == 0 {
			return s, nil
		}
		d := json.NewDecoder(bytes.NewReader(params))
		d.DisallowUnknownFields()
		if err := d.Decode(&s); err != nil {
			return nil, paramsError(zero.Name(), err)
		}
		if err := checkNames(zero.Name(), names, params); err != nil {
			return nil, err
		}
		if _, err := d.Token(); err != io.EOF {
			return nil, errors.New("params: more than one JSON value")
		}
		return s, nil
	}}
}

// paramsError names the parameter that a JSON error is about.
func paramsError(strategy string, err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return fmt.Errorf("params.%s: a JSON %s where %s wants %s", wrong.Field, wrong.Value, strategy, inWords(wrong.Type))
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fmt.Errorf("params.%s: %s has no such parameter", strings.Trim(field, `"`), strategy)
	}
	return fmt.Errorf("params: %w", err)
}

// Registry knows strategies by name, and so decodes what other nodes and clients send. It is safe for concurrent use.
type Registry struct {
	kinds map[string]Kind

	last atomic.Pointer[Policy] // of one limit, of the record that was decoded last

	mu       sync.RWMutex
	policies map[string]*Policy // by encoded form
	retired  map[string]*Policy // the generation before
}

// maxInterned bounds each of the two generations of policies that a registry keeps.
const maxInterned = 4096

// NewRegistry returns a registry of the fourteen strategies and the custom ones.
func NewRegistry(custom ...Kind) (*Registry, error) {
	r := &Registry{kinds: map[string]Kind{}, policies: map[string]*Policy{}}
	for _, k := range append(builtins(), custom...) {
		switch _, taken := r.kinds[k.Name]; {
		case k.Name == "" || len(k.Name) > 64:
			return nil, fmt.Errorf("strategy %q: a name has 1 to 64 bytes", k.Name)
		case k.Parse == nil:
			return nil, fmt.Errorf("strategy %q: Parse is missing", k.Name)
		case taken:
			return nil, fmt.Errorf("strategy %q: the name is taken", k.Name)
		}
		r.kinds[k.Name] = k
	}
	return r, nil
}

// Names are the names of all known strategies, sorted.
func (r *Registry) Names() []string { return slices.Sorted(maps.Keys(r.kinds)) }

// Strategy returns the strategy of that name with the parameters of a JSON object, which may be empty.
func (r *Registry) Strategy(name string, params []byte) (Strategy, error) {
	k, ok := r.kinds[name]
	if !ok {
		return nil, fmt.Errorf("strategy: %q is unknown; known are %s", name, strings.Join(r.Names(), ", "))
	}
	return k.Parse(params)
}

// DecodePolicy returns the policy of an encoded form. Equal bytes give the same policy, for as long as it is in use
// or among the few thousand most recent. It does not keep b.
func (r *Registry) DecodePolicy(b []byte) (*Policy, error) {
	r.mu.RLock()
	p := r.policies[string(b)]
	r.mu.RUnlock()
	if p != nil {
		return p, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if p = r.policies[string(b)]; p != nil {
		return p, nil // another has been faster
	}
	if p = r.retired[string(b)]; p == nil {
		var err error
		if p, err = r.parsePolicy(b); err != nil {
			return nil, err
		}
	}
	if len(r.policies) >= maxInterned {
		r.policies, r.retired = make(map[string]*Policy, maxInterned), r.policies
	}
	r.policies[string(p.encoded)] = p
	return p, nil
}

func (r *Registry) parsePolicy(b []byte) (*Policy, error) {
	rd := reader{b: b}
	rd.version()
	limits := make([]Limit, rd.uint(MaxLimits))
	for i := range limits {
		l, err := r.readLimit(&rd)
		if err != nil {
			return nil, fmt.Errorf("policy: %w", err)
		}
		limits[i] = l
	}
	if !rd.done() {
		return nil, errors.New("policy: malformed")
	}
	p, err := NewPolicy(limits...)
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	if !bytes.Equal(p.encoded, b) {
		return nil, errors.New("policy: not in canonical form")
	}
	return p, nil
}

// maxParams bounds the JSON of a strategy's parameters.
const maxParams = 16 << 10

// skipLimit passes over what appendLimit wrote.
func (r *reader) skipLimit() {
	r.bytes(64)
	r.bytes(64)
	r.uint(maxCapacity)
	r.uint(maxSpan)
	r.bytes(maxParams)
}

// readLimit reads what appendLimit wrote.
func (r *Registry) readLimit(rd *reader) (Limit, error) {
	name, strategy := string(rd.bytes(64)), string(rd.bytes(64))
	rate := Rate{limit: rd.uint(maxCapacity), periodMS: rd.uint(maxSpan)}
	params := rd.bytes(maxParams)
	switch {
	case rd.bad:
		return Limit{}, errors.New("malformed")
	case rate.limit == 0 && rate.periodMS == 0:
		rate = Unlimited()
	case rate.limit == 0 || rate.periodMS == 0:
		return Limit{}, errors.New("malformed rate")
	}
	s, err := r.Strategy(strategy, params)
	return Limit{Name: name, Rate: rate, Strategy: s}, err
}
