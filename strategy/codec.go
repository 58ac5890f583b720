package strategy

import (
	"encoding/binary"
	"errors"
	"math"
)

// version begins every encoded form of this package, so that a later form can be told apart. The rest are varints, and
// strings with their length in front.
const version = 1

// errState is why a Decode refused its input.
var errState = errors.New("state: malformed")

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendBytes(b, s []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// reader takes encoded values off the front of b. After a malformed one every further value is zero, and ok is false.
type reader struct {
	b   []byte
	bad bool
}

// uint reads a number of at most max.
func (r *reader) uint(limit int64) int64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > uint64(limit) {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[n:]
	return int64(v)
}

// time reads a valid instant.
func (r *reader) time() Time {
	v, n := binary.Varint(r.b)
	if n <= 0 || !Time(v).valid() {
		r.b, r.bad = nil, true
		return 0
	}
	r.b = r.b[n:]
	return Time(v)
}

// valid reports whether t is at most 2^61 away from the epoch, so that sums of it with periods stay in range.
func (t Time) valid() bool { return -1<<61 <= t && t <= 1<<61 }

// window reads the start of a window: a multiple of period.
func (r *reader) window(period int64) Time {
	t := r.time()
	if t%Time(period) != 0 {
		r.b, r.bad = nil, true
		return 0
	}
	return t
}

// float reads eight bytes, low ones first.
func (r *reader) float() float64 {
	if len(r.b) < 8 {
		r.b, r.bad = nil, true
		return 0
	}
	bits := binary.LittleEndian.Uint64(r.b)
	r.b = r.b[8:]
	return math.Float64frombits(bits)
}

// bytes reads a string of at most limit bytes; the result is part of b.
func (r *reader) bytes(limit int64) []byte {
	n := r.uint(min(limit, int64(len(r.b))))
	if r.bad || n > int64(len(r.b)) {
		r.b, r.bad = nil, true
		return nil
	}
	s := r.b[:n]
	r.b = r.b[n:]
	return s
}

// version reads the version.
func (r *reader) version() {
	if len(r.b) == 0 || r.b[0] != version {
		r.b, r.bad = nil, true
		return
	}
	r.b = r.b[1:]
}

// done reports whether all was read and well formed.
func (r *reader) done() bool { return !r.bad && len(r.b) == 0 }
