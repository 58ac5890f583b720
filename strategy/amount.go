package strategy

import (
	"encoding/binary"
	"math"
)

// amount is a number of tokens with a fraction: whole + part/parts, 0 <= part < parts. How many parts a token has is up
// to its user.
type amount struct{ whole, part int64 }

func (a amount) less(b amount) bool {
	return a.whole < b.whole || a.whole == b.whole && a.part < b.part
}

// sub is a-b, where a whole has so many parts.
func (a amount) sub(b amount, parts int64) amount {
	d := amount{a.whole - b.whole, a.part - b.part}
	if d.part < 0 {
		d.part += parts
		d.whole--
	}
	return d
}

// drained is a-b, or 0 where b is more.
func (a amount) drained(b amount, parts int64) amount {
	if d := a.sub(b, parts); d.whole >= 0 {
		return d
	}
	return amount{}
}

// appendAmount appends a level and its instant.
func appendAmount(b []byte, a amount, at Time) []byte {
	b = binary.AppendUvarint(b, uint64(a.whole))
	b = binary.AppendUvarint(b, uint64(a.part))
	return binary.AppendVarint(b, int64(at))
}

// amount reads what appendAmount wrote.
func (r *reader) amount(parts int64) (a amount, at Time) {
	return amount{r.uint(2 * maxCapacity), r.uint(parts - 1)}, r.time()
}

// float is a as the remaining cost of a verdict, where a whole has so many parts: never below 0, and never rounded up
// to a cost that would not fit.
func (a amount) float(parts int64) float64 {
	if a.whole < 0 || a.part == 0 {
		return float(a.whole)
	}
	f := float(a.whole)
	if sum := f + float64(a.part)/float64(parts); sum < float64(a.whole+1) {
		return sum
	}
	return math.Nextafter(float64(a.whole+1), 0)
}

// float is n as the remaining cost of a verdict: never below 0, and never rounded up.
func float(n int64) float64 {
	f := float64(max(n, 0))
	if f >= 1<<53 && int64(f) > n {
		f = math.Nextafter(f, 0)
	}
	return f
}
