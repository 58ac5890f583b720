package strategy

import "math/bits"

// wide is an unsigned 128-bit integer. Products of a count and a period need it: 10^9 hits of a day are 8.6e19 units
// of one microsecond's share.
type wide struct{ hi, lo uint64 }

// mul is a*b of two non-negative numbers.
func mul(a, b int64) wide {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	return wide{hi, lo}
}

func (a wide) add(b wide) wide {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	hi, _ := bits.Add64(a.hi, b.hi, carry)
	return wide{hi, lo}
}

// sub is a-b where b <= a.
func (a wide) sub(b wide) wide {
	lo, borrow := bits.Sub64(a.lo, b.lo, 0)
	hi, _ := bits.Sub64(a.hi, b.hi, borrow)
	return wide{hi, lo}
}

func (a wide) less(b wide) bool { return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo }

// divMod is a/n and a%n for positive n; ok is false if the quotient exceeds int64.
func (a wide) divMod(n int64) (q, r int64, ok bool) {
	if a.hi == 0 {
		q, r := a.lo/uint64(n), a.lo%uint64(n)
		return int64(q), int64(r), q>>63 == 0
	}
	if a.hi >= uint64(n) {
		return 0, 0, false
	}
	uq, ur := bits.Div64(a.hi, a.lo, uint64(n))
	return int64(uq), int64(ur), uq>>63 == 0
}

// ceilDiv is a/n rounded up, or ok false if that exceeds int64.
func (a wide) ceilDiv(n int64) (q int64, ok bool) {
	q, r, ok := a.divMod(n)
	if r > 0 {
		q++
	}
	return q, ok && q >= 0
}

// half is a/2, rounded up or down.
func (a wide) half(up bool) wide {
	odd := a.lo & 1
	h := wide{a.hi >> 1, a.hi<<63 | a.lo>>1}
	if up && odd == 1 {
		return h.add(wide{lo: 1})
	}
	return h
}

// shift32 is a/2^32, rounded down.
func (a wide) shift32() wide { return wide{a.hi >> 32, a.hi<<32 | a.lo>>32} }
