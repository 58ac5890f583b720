package wire

import (
	"fmt"

	"github.com/vmihailenco/msgpack/v5/msgpcode"

	"github.com/traffik-io/traffik/node/ownership"
)

// Change is what has changed in one partition that is a flow, see [ownership.Flow]: all from mutation From of Term up to
// mutation Seq.
type Change struct {
	P         uint32
	Term      ownership.Term
	From, Seq uint64
	Clock     uint64 // of the partition
	Records   []byte
	IDs       []byte
}

const (
	changesFields = 4
	changeFields  = 9
)

// Changes gathers changes to one node. The zero value is empty.
type Changes struct {
	c     codec
	uids  []byte
	count int
}

// Reset makes c empty.
func (c *Changes) Reset() { c.c.b, c.c.uids, c.c.left, c.count = c.c.b[:0], c.c.uids[:0], 0, 0 }

// Add appends one.
func (c *Changes) Add(x *Change) {
	c.c.writing = true
	c.c.change(x)
	c.count++
}

// Len is how many were added.
func (c *Changes) Len() int { return c.count }

// Size is how many bytes they take.
func (c *Changes) Size() int { return len(c.c.b) }

// Append appends them to b. Session is that of the receiver, as it told last; 0 if it never did.
func (c *Changes) Append(b []byte, session uint64) []byte {
	h := codec{writing: true, b: b}
	h.array(changesFields)
	h.writeUint(version)
	h.writeUint(session)
	c.uids = c.uids[:0]
	for i := range c.c.uids {
		c.uids = append(c.uids, c.c.uids[i][:]...)
	}
	h.bytes(&c.uids)
	h.array(c.count)
	return append(h.b, c.c.b...)
}

// ReadChanges appends what Append wrote to into. What it appends has parts of b.
func ReadChanges(b []byte, into []Change) (session uint64, changes []Change, err error) {
	c := codec{b: b}
	fields := c.array(changesFields)
	var v uint64
	c.u64(&v)
	c.u64(&session)
	c.readUIDs()
	for n := c.array(0); n > 0 && c.err == nil; n-- {
		into = append(into, Change{})
		c.change(&into[len(into)-1])
	}
	c.skip(fields - changesFields)
	if c.err == nil && len(c.b) > 0 {
		c.fail("end")
	}
	if c.err != nil {
		return 0, nil, fmt.Errorf("changes: %w", c.err)
	}
	return session, into, nil
}

func (c *codec) change(x *Change) {
	if c.writing {
		c.b = append(c.b, msgpcode.FixedArrayLow|changeFields)
	} else {
		c.left = c.array(changeFields)
	}
	c.u32(&x.P)
	c.term(&x.Term)
	c.u64(&x.From)
	c.u64(&x.Seq)
	c.u64(&x.Clock)
	c.bytes(&x.Records)
	c.bytes(&x.IDs)
	if !c.writing {
		c.skip(c.left)
	}
}

// AppendTaken appends the answer to changes: the session of whoever answers, and which of them, by their place from 0, it
// has not taken.
func AppendTaken(b []byte, session uint64, lacks []uint64) []byte {
	c := codec{writing: true, b: b}
	c.array(2)
	c.u64(&session)
	c.array(len(lacks))
	for i := range lacks {
		c.u64(&lacks[i])
	}
	return c.b
}

// ReadTaken reads the answer to changes.
func ReadTaken(b []byte) (session uint64, lacks []uint64, err error) {
	c := codec{b: b}
	fields := c.array(2)
	c.u64(&session)
	if n := c.array(0); n > 0 {
		lacks = make([]uint64, n)
		for i := range lacks {
			c.u64(&lacks[i])
		}
	}
	c.skip(fields - 2)
	if c.err != nil {
		return 0, nil, fmt.Errorf("answer to changes: %w", c.err)
	}
	return session, lacks, nil
}
