package strategy

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// Rate is a number of hits per period. It is a comparable value; the zero value is invalid, so that a rate forgotten
// in a configuration is an error and never "no limit": ask for that with [Unlimited].
//
// A valid rate has a limit of at least 1 and a period of at least 1 ms.
type Rate struct {
	limit    int64
	periodMS int64
	infinite bool
}

// NewRate returns the rate of limit hits per period. The period must be a positive whole number of milliseconds,
// the limit at least 1.
func NewRate(limit int64, period time.Duration) (Rate, error) {
	switch {
	case limit < 1:
		return Rate{}, fmt.Errorf("rate: limit %d is below 1", limit)
	case period <= 0:
		return Rate{}, fmt.Errorf("rate: period %v is not positive", period)
	case period%time.Millisecond != 0:
		return Rate{}, fmt.Errorf("rate: period %v is not a whole number of milliseconds", period)
	}
	return Rate{limit: limit, periodMS: int64(period / time.Millisecond)}, nil
}

// MustRate is ParseRate for constants of a program: it panics where ParseRate returns an error.
func MustRate(s string) Rate {
	r, err := ParseRate(s)
	if err != nil {
		panic(err)
	}
	return r
}

// Unlimited returns the rate that admits everything. No string spells it: configurations have a field of its own.
func Unlimited() Rate { return Rate{infinite: true} }

// IsUnlimited reports whether r is [Unlimited].
func (r Rate) IsUnlimited() bool { return r.infinite }

// IsZero reports whether r is the invalid zero value.
func (r Rate) IsZero() bool { return r == Rate{} }

// Limit is the number of hits per period; math.MaxInt64 for [Unlimited].
func (r Rate) Limit() int64 {
	if r.infinite {
		return math.MaxInt64
	}
	return r.limit
}

// PeriodMillis is the period in milliseconds; 0 for [Unlimited].
func (r Rate) PeriodMillis() int64 { return r.periodMS }

// Period is the period, at most the largest time.Duration (292 years); 0 for [Unlimited].
func (r Rate) Period() time.Duration {
	if r.periodMS > math.MaxInt64/int64(time.Millisecond) {
		return math.MaxInt64
	}
	return time.Duration(r.periodMS) * time.Millisecond
}

// units of a period from the longest, as String prints them.
var units = []struct {
	name string
	ms   int64
}{{"day", 86_400_000}, {"h", 3_600_000}, {"min", 60_000}, {"s", 1_000}, {"ms", 1}}

// String spells the rate as [ParseRate] reads it, in the longest unit that divides the period: "100/min", "5/10s".
// The zero value and [Unlimited], which no string means, are "invalid" and "unlimited".
func (r Rate) String() string {
	switch {
	case r.infinite:
		return "unlimited"
	case r.IsZero():
		return "invalid"
	}
	for _, u := range units {
		if r.periodMS%u.ms != 0 {
			continue
		}
		n := ""
		if m := r.periodMS / u.ms; m != 1 {
			n = strconv.FormatInt(m, 10)
		}
		return strconv.FormatInt(r.limit, 10) + "/" + n + u.name
	}
	return "invalid"
}

// errNotAString is why Unlimited and the zero value have no text.
var errNotAString = errors.New("rate: neither unlimited nor the zero value can be written as a string")

// MarshalText implements encoding.TextMarshaler with [Rate.String]; unlimited and zero rates are errors.
func (r Rate) MarshalText() ([]byte, error) {
	if r.infinite || r.IsZero() {
		return nil, errNotAString
	}
	return []byte(r.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler with [ParseRate].
func (r *Rate) UnmarshalText(b []byte) error {
	parsed, err := ParseRate(string(b))
	if err != nil {
		return err
	}
	*r = parsed
	return nil
}
