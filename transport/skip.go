package transport

import (
	"bytes"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// maxDepth bounds how deep a field that is skipped may be nested.
const maxDepth = 16

// rest skips n fields: those of an array behind the ones that this version knows.
func (d *decoder) rest(n int) {
	for ; n > 0 && d.err == nil; n-- {
		d.skip(maxDepth)
	}
}

// skip takes one value. Arrays and maps are followed here, because the msgpack package would follow any depth.
func (d *decoder) skip(depth int) {
	if depth == 0 {
		d.fail(errDepth)
		return
	}
	c, values := d.code(), 0
	switch {
	case d.off == len(d.b):
		d.unexpected("value")
	case msgpcode.IsFixedArray(c) || c == msgpcode.Array16 || c == msgpcode.Array32:
		values = d.array(0)
	case msgpcode.IsFixedMap(c):
		values = 2 * int(c&msgpcode.FixedMapMask)
		d.off++
	case c == msgpcode.Map16:
		values = 2 * int(d.wide2())
	case c == msgpcode.Map32:
		values = 2 * int(d.wide4())
	case msgpcode.IsString(c) || msgpcode.IsBin(c):
		d.bytes(len(d.b))
	default:
		d.skipScalar()
	}
	for ; values > 0 && d.err == nil; values-- {
		d.skip(depth - 1)
	}
}

// skipScalar takes one value that contains no others.
func (d *decoder) skipScalar() {
	r := bytes.NewReader(d.b[d.off:])
	if err := msgpack.NewDecoder(r).Skip(); err != nil {
		d.fail(err)
		return
	}
	d.off = len(d.b) - r.Len()
}
