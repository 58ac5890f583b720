package transport

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"unsafe"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// decoder takes values off the front of a body. After a malformed one every further value is zero, and err is set.
// Numbers may have any width. The zero value reads an empty body.
type decoder struct {
	b   []byte
	off int // of the next value
	err error
}

// reset makes the decoder read body.
func (d *decoder) reset(body []byte) { d.b, d.off, d.err = body, 0, nil }

var (
	errTooLong = errors.New("a string or list is too long")
	errDepth   = errors.New("nested too deep")
	errRange   = errors.New("a number is out of range")
)

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: malformed body: %w", ErrProtocol, err)
	}
	d.off = len(d.b)
}

// unexpected fails because of the type of the next value.
func (d *decoder) unexpected(want string) {
	if d.off == len(d.b) {
		d.fail(io.ErrUnexpectedEOF)
		return
	}
	d.fail(fmt.Errorf("code %#x where a %s is due", d.b[d.off], want))
}

// code is that of the next value, msgpcode.Nil behind the last.
func (d *decoder) code() byte {
	if d.off < len(d.b) {
		return d.b[d.off]
	}
	return msgpcode.Nil
}

// next takes a code and the n bytes behind it, and returns these; nil if there are fewer.
func (d *decoder) next(n int) []byte {
	if len(d.b)-d.off <= n {
		d.fail(io.ErrUnexpectedEOF)
		return nil
	}
	d.off += n + 1
	return d.b[d.off-n : d.off]
}

func (d *decoder) wide1() uint64 {
	if b := d.next(1); len(b) == 1 {
		return uint64(b[0])
	}
	return 0
}

func (d *decoder) wide2() uint64 {
	if b := d.next(2); len(b) == 2 {
		return uint64(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (d *decoder) wide4() uint64 {
	if b := d.next(4); len(b) == 4 {
		return uint64(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (d *decoder) wide8() uint64 {
	if b := d.next(8); len(b) == 8 {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) uint() uint64 {
	if d.off < len(d.b) && d.b[d.off] <= math.MaxInt8 {
		d.off++
		return uint64(d.b[d.off-1])
	}
	return d.wideUint()
}

func (d *decoder) wideUint() uint64 {
	switch d.code() {
	case msgpcode.Uint8:
		return d.wide1()
	case msgpcode.Uint16:
		return d.wide2()
	case msgpcode.Uint32:
		return d.wide4()
	case msgpcode.Uint64:
		return d.wide8()
	}
	v := d.signed()
	if v < 0 {
		d.fail(errRange)
		return 0
	}
	return uint64(v)
}

func (d *decoder) int() int64 {
	if d.off < len(d.b) && d.b[d.off] <= math.MaxInt8 {
		d.off++
		return int64(d.b[d.off-1])
	}
	return d.wideInt()
}

func (d *decoder) wideInt() int64 {
	switch d.code() {
	case msgpcode.Uint8, msgpcode.Uint16, msgpcode.Uint32, msgpcode.Uint64:
		v := d.wideUint()
		if v > math.MaxInt64 {
			d.fail(errRange)
			return 0
		}
		return int64(v)
	}
	return d.signed()
}

// signed takes a number whose type has a sign.
func (d *decoder) signed() int64 {
	c := d.code()
	switch c {
	case msgpcode.Int8:
		return int64(int8(d.wide1()))
	case msgpcode.Int16:
		return int64(int16(d.wide2()))
	case msgpcode.Int32:
		return int64(int32(d.wide4()))
	case msgpcode.Int64:
		return int64(d.wide8())
	}
	if d.off < len(d.b) && msgpcode.IsFixedNum(c) {
		d.off++
		return int64(int8(c))
	}
	d.unexpected("number")
	return 0
}

func (d *decoder) float() float64 {
	switch d.code() {
	case msgpcode.Double:
		v := math.Float64frombits(d.wide8())
		if math.IsNaN(v) {
			d.fail(errRange)
			return 0
		}
		return v
	case msgpcode.Uint64: // maybe above the largest int64
		return float64(d.wide8())
	}
	return float64(d.int())
}

func (d *decoder) bool() bool {
	c := d.code()
	if c != msgpcode.True && c != msgpcode.False {
		d.unexpected("boolean")
		return false
	}
	d.off++
	return c == msgpcode.True
}

// array takes the length of an array of at least low fields.
func (d *decoder) array(low int) (n int) {
	c := d.code()
	switch {
	case msgpcode.IsFixedArray(c):
		n = int(c & msgpcode.FixedArrayMask)
		d.off++
	case c == msgpcode.Array16:
		n = int(d.wide2())
	case c == msgpcode.Array32:
		n = int(d.wide4())
	default:
		d.unexpected("array")
	}
	if n < low {
		d.fail(fmt.Errorf("%d fields, at least %d are needed", n, low))
		return 0
	}
	return n
}

// bytes takes a string or binary of at most limit bytes. The result is part of the body.
func (d *decoder) bytes(limit int) []byte {
	var n int
	switch c := d.code(); {
	case msgpcode.IsFixedString(c):
		n = int(c & msgpcode.FixedStrMask)
		d.off++
	case c == msgpcode.Bin8 || c == msgpcode.Str8:
		n = int(d.wide1())
	case c == msgpcode.Bin16 || c == msgpcode.Str16:
		n = int(d.wide2())
	case c == msgpcode.Bin32 || c == msgpcode.Str32:
		n = int(d.wide4())
	default:
		d.unexpected("string")
	}
	switch {
	case n > limit:
		d.fail(errTooLong)
		return nil
	case n > len(d.b)-d.off:
		d.fail(io.ErrUnexpectedEOF)
		return nil
	}
	d.off += n
	return d.b[d.off-n : d.off : d.off]
}

// borrow takes a string that lives as long as the body does.
func (d *decoder) borrow(limit int) string {
	b := d.bytes(limit)
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// string takes a string and copies it.
func (d *decoder) string(limit int) string { return string(d.bytes(limit)) }

// binary16 takes a binary of 16 bytes.
func (d *decoder) binary16() (v [16]byte) {
	if b := d.bytes(len(v)); copy(v[:], b) != len(v) {
		d.fail(fmt.Errorf("%d bytes instead of 16", len(b)))
	}
	return v
}

// done reports what was wrong with the body. Bytes behind the array are wrong.
func (d *decoder) done() error {
	if d.err == nil && d.off != len(d.b) {
		d.fail(errors.New("bytes behind the array"))
	}
	return d.err
}
