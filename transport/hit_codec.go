package transport

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"github.com/traffik-io/traffik/strategy"
)

// The body of HIT: op, id, settled below, hash (16 bytes), budget (µs), key, policy, cost, and then what most hits do
// not have, up to the last that is not zero: uid, scope, wait (µs), context (name, value, name, value …), charged.
const (
	hitFields    = 8
	hitUID       = 9
	hitScope     = 10
	hitMaxWait   = 11
	hitContext   = 12
	hitCharged   = 13
	maxPolicyLen = 512 << 10
)

// fields is how many fields of r go on the wire.
func (r *HitRequest) fields() int {
	switch h := &r.Hit; {
	case r.Charged != 0:
		return hitCharged
	case len(h.Context) > 0:
		return hitContext
	case h.MaxWait != 0:
		return hitMaxWait
	case h.Scope != "":
		return hitScope
	case h.UID != "":
		return hitUID
	}
	return hitFields
}

// appendHit appends a HIT frame without its stream.
func appendHit(b []byte, r *HitRequest) []byte {
	start := len(b)
	b = appendFrame(b, typeHit, 0)
	n := r.fields()
	b = appendArray(b, n)
	b = appendUint(b, uint64(r.Op))
	b = appendUint(b, r.ID)
	b = appendUint(b, r.SettledBelow)
	var hash [16]byte
	binary.BigEndian.PutUint64(hash[:], r.Hi)
	binary.BigEndian.PutUint64(hash[8:], r.Lo)
	b = appendBinary(b, hash[:])
	b = appendInt(b, micros(r.Budget))
	b = appendString(b, r.Hit.Key)
	b = appendBinary(b, r.Hit.Policy.Encoded())
	b = appendInt(b, r.Hit.Cost)
	if n > hitFields {
		b = appendHitRest(b, r, n)
	}
	return endFrame(b, start)
}

func appendHitRest(b []byte, r *HitRequest, n int) []byte {
	b = appendString(b, r.Hit.UID)
	if n >= hitScope {
		b = appendString(b, r.Hit.Scope)
	}
	if n >= hitMaxWait {
		b = appendInt(b, micros(r.Hit.MaxWait))
	}
	if n >= hitContext {
		b = appendContext(b, r.Hit.Context)
	}
	if n >= hitCharged {
		b = appendInt(b, int64(r.Charged))
	}
	return b
}

// micros is d in microseconds, rounded up.
func micros(d time.Duration) int64 {
	us := int64(d / time.Microsecond)
	if d%time.Microsecond > 0 {
		us++
	}
	return us
}

// duration takes microseconds, from 0 to what a time.Duration holds.
func (d *decoder) duration() time.Duration {
	us := d.int()
	if us < 0 || us > math.MaxInt64/int64(time.Microsecond) {
		d.fail(fmt.Errorf("%d µs is no duration", us))
		return 0
	}
	return time.Duration(us) * time.Microsecond
}

// appendContext appends the entries sorted by name, so that equal hits have equal bytes.
func appendContext(b []byte, c strategy.Context) []byte {
	b = appendArray(b, 2*len(c))
	for _, name := range slices.Sorted(maps.Keys(c)) {
		b = appendString(b, name)
		switch v := c[name].(type) {
		case string:
			b = appendString(b, v)
		case bool:
			b = appendBool(b, v)
		case int64:
			b = appendInt(b, v)
		case int:
			b = appendInt(b, int64(v))
		case float64:
			b = appendDouble(b, v) // and not an integer, so that it stays a float64
		}
	}
	return b
}

func (d *decoder) context() strategy.Context {
	n := d.array(0)
	if n == 0 {
		return nil
	}
	if n%2 != 0 || n > 2*strategy.MaxContextEntries {
		d.fail(errTooLong)
		return nil
	}
	c := make(strategy.Context, n/2)
	for ; n > 0 && d.err == nil; n -= 2 {
		name := d.string(strategy.MaxContextBytes)
		c[name] = d.contextValue()
	}
	return c
}

func (d *decoder) contextValue() any {
	switch c := d.code(); {
	case msgpcode.IsString(c):
		return d.string(strategy.MaxContextBytes)
	case c == msgpcode.True || c == msgpcode.False:
		return d.bool()
	case c == msgpcode.Double:
		return d.float()
	}
	return d.int()
}

// badHit is a hit that is well formed and yet of no use: it is answered, and the connection stays.
type badHit struct{ err error }

func (e *badHit) Error() string { return e.err.Error() }

// hit takes the body of HIT into r, whose strings are then part of the body. The error is a *badHit if the body was
// well formed.
func (d *decoder) hit(r *HitRequest, policies *policyCache) error {
	n := d.array(hitFields)
	*r = HitRequest{}
	r.Op, r.ID, r.SettledBelow = Op(d.uint()), d.uint(), d.uint()
	if hash := d.bytes(16); len(hash) == 16 {
		r.Hi, r.Lo = binary.BigEndian.Uint64(hash), binary.BigEndian.Uint64(hash[8:])
	} else {
		d.fail(errors.New("a hash has 16 bytes"))
	}
	r.Budget = d.duration()
	r.Hit.Key = d.borrow(strategy.MaxKeyLen)
	policy := d.bytes(maxPolicyLen)
	r.Hit.Cost = d.int()
	if n > hitFields {
		d.hitRest(r, n)
	}
	if err := d.done(); err != nil {
		return err
	}
	var err error
	if r.Hit.Policy, err = policies.decode(policy); err != nil {
		return &badHit{err}
	}
	if err := r.Hit.Validate(); err != nil {
		return &badHit{err}
	}
	if r.Op < Hit || r.Op > Refund {
		return &badHit{fmt.Errorf("op: %d is unknown", r.Op)}
	}
	return nil
}

func (d *decoder) hitRest(r *HitRequest, n int) {
	r.Hit.UID = d.borrow(strategy.MaxKeyLen)
	if n >= hitScope {
		r.Hit.Scope = d.borrow(strategy.MaxKeyLen)
	}
	if n >= hitMaxWait {
		r.Hit.MaxWait = d.duration()
	}
	if n >= hitContext {
		r.Hit.Context = d.context()
	}
	if n >= hitCharged {
		r.Charged = strategy.Time(d.int())
	}
	d.rest(n - hitCharged)
}
