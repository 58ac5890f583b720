package client

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/traffik-io/traffik/strategy"
)

// policyVersion is the version of the encoded form of a policy that limitsOf reads.
const policyVersion = 1

// limitsOf are the limits of a policy as the API takes them, in its order. Its encoded form is the only place where a
// policy tells strategies and parameters. An unlimited limit among others never refuses, and is left out.
func limitsOf(p *strategy.Policy) ([]limit, error) {
	r := reader{b: p.Encoded()}
	if v := r.byte(); v != policyVersion {
		return nil, fmt.Errorf("policy: version %d is unknown", v)
	}
	var limits []limit
	for i := range int(r.byte()) {
		name, kind := r.bytes(), r.bytes()
		r.uvarint() // rate and period, which Limit tells
		r.uvarint()
		params := r.bytes()
		_, rate := p.Limit(i)
		if r.bad {
			return nil, errors.New("policy: malformed")
		}
		if !rate.IsUnlimited() {
			limits = append(limits, limit{Name: string(name), Rate: rate.String(), Strategy: string(kind), Params: params})
		}
	}
	return limits, nil
}

// reader takes values off the front of b. After a malformed one every further value is zero.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.b, r.bad = nil, true
		return nil
	}
	s := r.b[:n]
	r.b = r.b[n:]
	return s
}
