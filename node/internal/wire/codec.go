package wire

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"github.com/traffik-io/traffik/node/ownership"
)

// codec writes values to the end of b, or reads them off its front: one description of a message serves both ways.
// After a malformed value every further one is zero, and err is set.
type codec struct {
	writing bool
	b       []byte
	uids    []ownership.UID
	last    []ownership.UID // the list that was read last
	left    int             // fields of the message that are not read yet, or, writing, minus those written
	err     error
}

func (c *codec) fail(what string) {
	if c.err == nil {
		c.err = errors.New("malformed " + what)
	}
	c.b = nil
}

// take cuts n bytes off; nil if there are fewer.
func (c *codec) take(n int) []byte {
	if n < 0 || len(c.b) < n {
		c.fail("length")
		return nil
	}
	v := c.b[:n:n]
	c.b = c.b[n:]
	return v
}

// begin starts a message; the fields up to end are counted.
func (c *codec) begin() (start int) {
	if c.writing {
		start = len(c.b)
		c.b = append(c.b, msgpcode.Array16, 0, 0)
		c.left = 0
		return start
	}
	c.left = c.array(2)
	return 0
}

func (c *codec) end(start int) {
	if c.writing {
		binary.BigEndian.PutUint16(c.b[start+1:], uint16(-c.left))
		return
	}
	if c.left < 0 {
		c.fail("message: fields are missing")
		return
	}
	c.skip(c.left)
}

// array writes the length n, or reads one, which must be n at least.
func (c *codec) array(n int) int {
	if c.writing {
		switch {
		case n < 16:
			c.b = append(c.b, msgpcode.FixedArrayLow|byte(n))
		case n <= math.MaxUint16:
			c.b = binary.BigEndian.AppendUint16(append(c.b, msgpcode.Array16), uint16(n))
		default:
			c.b = binary.BigEndian.AppendUint32(append(c.b, msgpcode.Array32), uint32(n))
		}
		return n
	}
	code, length := c.code(), 0
	switch {
	case code&0xf0 == msgpcode.FixedArrayLow:
		length = int(code & 0x0f)
	case code == msgpcode.Array16:
		length = int(c.number(2))
	case code == msgpcode.Array32:
		length = int(c.number(4))
	default:
		c.fail("array")
	}
	if length < n || length > len(c.b) { // an element takes a byte at least
		c.fail("array length")
		return 0
	}
	return length
}

// code takes the first byte of a value.
func (c *codec) code() byte {
	if b := c.take(1); b != nil {
		return b[0]
	}
	return msgpcode.Nil
}

func (c *codec) number(size int) (v uint64) {
	for _, x := range c.take(size) {
		v = v<<8 | uint64(x)
	}
	return v
}

func (c *codec) u64(v *uint64) {
	c.left--
	if c.writing {
		c.writeUint(*v)
		return
	}
	switch code := c.code(); {
	case code <= math.MaxInt8:
		*v = uint64(code)
	case code >= msgpcode.Uint8 && code <= msgpcode.Uint64:
		*v = c.number(1 << (code - msgpcode.Uint8))
	default:
		c.fail("number")
	}
}

func (c *codec) writeUint(v uint64) {
	switch {
	case v <= math.MaxInt8:
		c.b = append(c.b, byte(v))
	case v <= math.MaxUint8:
		c.b = append(c.b, msgpcode.Uint8, byte(v))
	case v <= math.MaxUint16:
		c.b = binary.BigEndian.AppendUint16(append(c.b, msgpcode.Uint16), uint16(v))
	case v <= math.MaxUint32:
		c.b = binary.BigEndian.AppendUint32(append(c.b, msgpcode.Uint32), uint32(v))
	default:
		c.b = binary.BigEndian.AppendUint64(append(c.b, msgpcode.Uint64), v)
	}
}

func (c *codec) u32(v *uint32) {
	wide := uint64(*v)
	if c.u64(&wide); wide > math.MaxUint32 {
		c.fail("number")
		wide = 0
	}
	*v = uint32(wide)
}

func (c *codec) boolean(v *bool) {
	c.left--
	switch {
	case c.writing && *v:
		c.b = append(c.b, msgpcode.True)
	case c.writing:
		c.b = append(c.b, msgpcode.False)
	default:
		code := c.code()
		if *v = code == msgpcode.True; !*v && code != msgpcode.False {
			c.fail("bool")
		}
	}
}

func (c *codec) bytes(v *[]byte) {
	c.left--
	if !c.writing {
		if code := c.code(); code >= msgpcode.Bin8 && code <= msgpcode.Bin32 {
			*v = c.take(int(c.number(1 << (code - msgpcode.Bin8))))
		} else {
			c.fail("bytes")
		}
		return
	}
	switch n := len(*v); {
	case n <= math.MaxUint8:
		c.b = append(c.b, msgpcode.Bin8, byte(n))
	case n <= math.MaxUint16:
		c.b = binary.BigEndian.AppendUint16(append(c.b, msgpcode.Bin16), uint16(n))
	default:
		c.b = binary.BigEndian.AppendUint32(append(c.b, msgpcode.Bin32), uint32(n))
	}
	c.b = append(c.b, *v...)
}

// uid is the place of a UID in the frame, from 1.
func (c *codec) uid(v *ownership.UID) {
	var place uint64
	if c.writing && *v != (ownership.UID{}) {
		i := slices.Index(c.uids, *v)
		if i < 0 {
			i = len(c.uids)
			c.uids = append(c.uids, *v)
		}
		place = uint64(i) + 1
	}
	c.u64(&place)
	switch {
	case c.writing:
	case place > uint64(len(c.uids)):
		c.fail("uid")
	case place > 0:
		*v = c.uids[place-1]
	}
}

func (c *codec) term(v *ownership.Term) {
	c.u64(&v.N)
	c.uid(&v.Owner)
	c.uid(&v.Minter)
}

func (c *codec) version(v *ownership.Version) {
	c.term(&v.Term)
	c.u64(&v.Seq)
}

// Bounds of what a message may name.
const (
	maxList     = 1024 // UIDs
	maxSections = 64   // of a state
)

// list is an array of UIDs.
func (c *codec) list(v *[]ownership.UID) {
	left := c.left - 1
	n := c.array(c.length(len(*v)))
	if !c.writing && n > 0 {
		if n > maxList {
			c.fail("list")
			return
		}
		*v = make([]ownership.UID, n)
	}
	for i := range n {
		c.uid(&(*v)[i])
	}
	if c.left = left; c.writing {
		return
	}
	if slices.Equal(*v, c.last) { // most are: one serves for all, and nobody changes it
		*v = c.last
	}
	c.last = *v
}

// length is n when writing; reading, any will do.
func (c *codec) length(n int) int {
	if c.writing {
		return n
	}
	return 0
}

// state is nil, or an array of the count of mutations and, for each section, its kind, its version and its body.
func (c *codec) state(s *ownership.State) {
	left := c.left - 1
	defer func() { c.left = left }()
	if c.writing {
		if s.Seq == 0 && len(s.Sections) == 0 {
			c.b = append(c.b, msgpcode.Nil)
			return
		}
	} else if len(c.b) > 0 && c.b[0] == msgpcode.Nil {
		c.take(1)
		return
	}
	n := c.array(c.length(1 + 3*len(s.Sections)))
	c.u64(&s.Seq)
	if !c.writing {
		if (n-1)/3 > maxSections {
			c.fail("state")
			return
		}
		s.Sections = make([]ownership.Section, (n-1)/3)
	}
	for i := range s.Sections {
		x := &s.Sections[i]
		kind, version := uint64(x.Kind), uint64(x.Version)
		c.u64(&kind)
		c.u64(&version)
		c.bytes(&x.Body)
		if kind > math.MaxUint16 || version > math.MaxUint16 {
			c.fail("section")
			return
		}
		x.Kind, x.Version = uint16(kind), uint16(version)
	}
	if !c.writing {
		c.skip((n - 1) % 3)
	}
}

// skip drops n values of any kind.
func (c *codec) skip(n int) {
	for ; n > 0 && c.err == nil; n-- {
		switch code := c.code(); {
		case code <= math.MaxInt8, code >= msgpcode.NegFixedNumLow, code == msgpcode.Nil, code == msgpcode.False, code == msgpcode.True:
		case code&0xf0 == msgpcode.FixedArrayLow:
			n += int(code & 0x0f)
		case code&0xf0 == msgpcode.FixedMapLow:
			n += 2 * int(code&0x0f)
		case code&0xe0 == msgpcode.FixedStrLow:
			c.take(int(code & 0x1f))
		case code >= msgpcode.Bin8 && code <= msgpcode.Bin32:
			c.take(int(c.number(1 << (code - msgpcode.Bin8))))
		case code >= msgpcode.Str8 && code <= msgpcode.Str32:
			c.take(int(c.number(1 << (code - msgpcode.Str8))))
		case code >= msgpcode.Uint8 && code <= msgpcode.Uint64:
			c.take(1 << (code - msgpcode.Uint8))
		case code >= msgpcode.Int8 && code <= msgpcode.Int64:
			c.take(1 << (code - msgpcode.Int8))
		case code == msgpcode.Float:
			c.take(4)
		case code == msgpcode.Double:
			c.take(8)
		case code == msgpcode.Array16:
			n += int(c.number(2))
		case code == msgpcode.Array32:
			n += int(c.number(4))
		default:
			c.fail("value")
		}
	}
}
