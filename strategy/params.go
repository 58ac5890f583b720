package strategy

import (
	"encoding/json"
	"fmt"
	"math"
)

// None is the value of a [Count] or [Ratio] parameter that is 0 on purpose, since 0 itself means the default:
// QuotaWithRollover{MaxRollover: None} rolls nothing over. In JSON it is 0, and a parameter that is absent or null has
// its default.
const None = -1

// Count is a whole-number parameter: 0 means the documented default, [None] means 0.
type Count int64

// Ratio is a parameter with a fraction: 0 means the documented default, [None] means 0.
type Ratio float64

// MarshalJSON implements json.Marshaler. Numbers of 0 and below are one more in JSON than in Go, so that a negative
// number in a request stays negative, and is refused as such.
func (c Count) MarshalJSON() ([]byte, error) {
	if c < 0 {
		c++
	}
	return json.Marshal(int64(c))
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *Count) UnmarshalJSON(b []byte) error {
	var n *int64
	if err := json.Unmarshal(b, &n); err != nil || n == nil {
		return err
	}
	if *c = Count(*n); *n <= 0 && *n > math.MinInt64 {
		*c--
	}
	return nil
}

// MarshalJSON implements json.Marshaler, with numbers of 0 and below as [Count] has them.
func (r Ratio) MarshalJSON() ([]byte, error) {
	if r < 0 {
		r++
	}
	return json.Marshal(float64(r))
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *Ratio) UnmarshalJSON(b []byte) error {
	var x *float64
	if err := json.Unmarshal(b, &x); err != nil || x == nil {
		return err
	}
	if *r = Ratio(*x); *x <= 0 {
		*r--
	}
	return nil
}

// or is the number that c stands for, between low and high, or an error that names field.
func (c Count) or(standard, low, high int64, field string) (int64, error) {
	n := int64(c)
	switch {
	case n == 0:
		return standard, nil
	case n < 0:
		n++
	}
	switch {
	case n < 0:
		return 0, paramError(field, n, "is negative")
	case n < low:
		return 0, paramError(field, n, fmt.Sprintf("is below %d", low))
	case n > high:
		return 0, paramError(field, n, fmt.Sprintf("is above %d", high))
	}
	return n, nil
}

// or is the number that r stands for, at least 0 and at most high, or an error that names field.
func (r Ratio) or(standard, high float64, field string) (float64, error) {
	x := float64(r)
	switch {
	case x == 0:
		return standard, nil
	case x < 0:
		x++
	}
	switch {
	case x < 0 || math.IsNaN(x):
		return 0, paramError(field, x, "is negative")
	case x > high:
		return 0, paramError(field, x, fmt.Sprintf("is above %v", high))
	}
	return x, nil
}

// billion is how many units a ratio has where it takes part in integer arithmetic: nine decimals are kept.
const billion = 1_000_000_000

// billionths is x in units of 10^-9, rounded to the nearest, so that 0.6 is what it looks like.
func billionths(x float64) int64 { return int64(math.RoundToEven(x * billion)) }

// scaled is limit times m, rounded toward zero as float64 has it, or ok false where that is no capacity.
func scaled(limit int64, m float64) (n int64, ok bool) {
	if m == 1 {
		return limit, true
	}
	x := float64(limit) * m
	if !(x >= 0 && x <= maxCapacity) {
		return 0, false
	}
	return int64(x), true
}

// paramError says what is wrong with the value of a parameter.
func paramError(field string, value any, wrong string) error {
	return fmt.Errorf("params.%s: %v %s", field, value, wrong)
}

// burst is the capacity that a bucket's burst_size asks for: the rate's limit where it is 0.
func burst(size Count, r Rate) (int64, error) {
	return size.or(r.limit, 0, maxCapacity, "burst_size")
}
