package strategy

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// MaxLimits is how many limits one policy may have.
const MaxLimits = 16

// Limit is one limit of a policy.
type Limit struct {
	// Name tells the limits of one policy apart. Required and unique where there are several, at most 64 bytes.
	Name string
	// Rate is the rate. Required.
	Rate Rate
	// Strategy is the algorithm and its parameters; nil means FixedWindow{}.
	Strategy Strategy
}

// Policy is one limit, or several that are decided all or nothing. It is immutable and may be shared; making one
// checks it and computes what can be computed, so make it once and keep it.
type Policy struct {
	limits  []*boundLimit
	encoded []byte
	holds   bool // its refusals hold, as Class says
}

// boundLimit is a limit with its algorithm. Records point to the one under which they were last charged.
type boundLimit struct {
	name     string
	of       Strategy
	strategy string // its name
	rate     Rate
	algo     Algorithm // nil if the rate is unlimited
	params   []byte    // JSON of the strategy, empty if it is {}
	encoded  []byte    // identity and content, as records carry it
	fresh    State     // the state of a key never seen, only ever read
	forgets  bool      // algo is a Forgetter
}

// NewPolicy checks the limits and binds them. The error joins those of all limits and names each field.
func NewPolicy(limits ...Limit) (*Policy, error) {
	if len(limits) == 0 {
		return nil, errors.New("limits: empty")
	}
	if len(limits) > MaxLimits {
		return nil, fmt.Errorf("limits: %d, at most %d are allowed", len(limits), MaxLimits)
	}
	p := &Policy{limits: make([]*boundLimit, len(limits))}
	names := make(map[string]bool, len(limits))
	var errs []error
	for i, l := range limits {
		b, err := bind(l)
		switch {
		case err != nil && len(limits) > 1:
			errs = append(errs, fmt.Errorf("limits[%d]: %w", i, err))
		case err != nil:
			errs = append(errs, err)
		case l.Name == "" && len(limits) > 1:
			errs = append(errs, fmt.Errorf("limits[%d].name: required where there are several limits", i))
		case names[l.Name]:
			errs = append(errs, fmt.Errorf("limits[%d].name: %q is taken", i, l.Name))
		}
		names[l.Name] = true
		p.limits[i] = b
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	p.encoded = append(p.encoded, version, byte(len(p.limits)))
	for _, l := range p.limits {
		p.encoded = append(p.encoded, l.encoded...)
	}
	p.holds = p.holdsRefusals()
	return p, nil
}

// MustPolicy is NewPolicy for constants of a program: it panics where NewPolicy returns an error.
func MustPolicy(limits ...Limit) *Policy {
	p, err := NewPolicy(limits...)
	if err != nil {
		panic(err)
	}
	return p
}

func bind(l Limit) (*boundLimit, error) {
	if len(l.Name) > 64 {
		return nil, fmt.Errorf("name: %q has more than 64 bytes", l.Name)
	}
	if l.Rate.IsZero() {
		return nil, errors.New("rate: missing")
	}
	if l.Strategy == nil {
		l.Strategy = FixedWindow{}
	}
	params, err := json.Marshal(l.Strategy)
	if err != nil {
		return nil, fmt.Errorf("params: %w", err)
	}
	if bytes.Equal(params, []byte("{}")) {
		params = nil
	}
	b := &boundLimit{name: l.Name, of: l.Strategy, strategy: l.Strategy.Name(), rate: l.Rate, params: params}
	b.encoded = appendLimit(nil, b)
	if l.Rate.IsUnlimited() {
		return b, nil
	}
	if l.Rate.periodMS > maxSpan/1000 {
		return nil, fmt.Errorf("rate: period of %s is above 100 years", l.Rate)
	}
	if l.Rate.limit > maxCapacity {
		return nil, fmt.Errorf("rate: limit %d is above %d", l.Rate.limit, int64(maxCapacity))
	}
	if b.algo, err = l.Strategy.Bind(l.Rate); err != nil {
		return nil, err
	}
	b.fresh = b.algo.New()
	_, b.forgets = b.algo.(Forgetter)
	return b, nil
}

// appendLimit appends name, strategy, rate and parameters. An unlimited rate has the period 0.
func appendLimit(b []byte, l *boundLimit) []byte {
	b = appendString(b, l.name)
	b = appendString(b, l.strategy)
	b = binary.AppendUvarint(b, uint64(l.rate.limit))
	b = binary.AppendUvarint(b, uint64(l.rate.periodMS))
	return appendBytes(b, l.params)
}

// maxCapacity bounds limits, bursts and all that a strategy derives from them, so that sums of a few stay in int64.
const maxCapacity = 1 << 60

// isFor reports whether b and o are limits of one identity, so that one continues what the other counted.
func (b *boundLimit) isFor(o *boundLimit) bool { return b.strategy == o.strategy && b.name == o.name }

// same reports whether b and o are also alike in rate and parameters.
func (b *boundLimit) same(o *boundLimit) bool { return b == o || bytes.Equal(b.encoded, o.encoded) }

// IsUnlimited reports whether every limit of p is unlimited, so that nobody needs to be asked.
func (p *Policy) IsUnlimited() bool {
	for _, l := range p.limits {
		if l.algo != nil {
			return false
		}
	}
	return true
}

// RecordsRefusals reports whether a refusal may change the state of some limit of p: then it must be decided, and
// replicated, every time.
func (p *Policy) RecordsRefusals() bool {
	for _, l := range p.limits {
		if r, ok := l.algo.(RefusalRecorder); ok && r.RecordsRefusals() {
			return true
		}
	}
	return false
}

// Len is the number of limits.
func (p *Policy) Len() int { return len(p.limits) }

// Limit returns limit i, in the order given to NewPolicy.
func (p *Policy) Limit(i int) Limit {
	l := p.limits[i]
	return Limit{Name: l.name, Rate: l.rate, Strategy: l.of}
}

// Encoded is the policy in the versioned form that [Registry.DecodePolicy] reads. Equal policies have equal bytes.
// The caller must not change them.
func (p *Policy) Encoded() []byte { return p.encoded }
