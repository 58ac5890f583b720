package wire

import (
	"fmt"

	"github.com/traffik-io/traffik/node/ownership"
)

const (
	version     = 1
	frameFields = 7
)

// Frame gathers messages to one node. The zero value is empty.
type Frame struct {
	c     codec
	count int
}

// Add appends a message and the state beside it.
func (f *Frame) Add(m ownership.Message, s ownership.State) {
	f.c.writing = true
	f.c.message(&m, &s)
	f.count++
}

// Reset makes f empty.
func (f *Frame) Reset() { f.c.b, f.c.uids, f.c.left, f.count = f.c.b[:0], f.c.uids[:0], 0, 0 }

// Len is how many messages were added.
func (f *Frame) Len() int { return f.count }

// Size is how many bytes they take.
func (f *Frame) Size() int { return len(f.c.b) }

// Head is what a frame tells about itself.
type Head struct {
	// To is the session of the receiver, as it told last; 0 if it never did. From is that of the sender.
	To, From uint64
	// Number is that of the frame among those of its queue, from 1, and Bulk says which of the two queues that is: a
	// frame that was overtaken, because its link broke, is not to be read.
	Number uint64
	Bulk   bool
}

func (c *codec) head(h *Head) {
	c.u64(&h.To)
	c.u64(&h.From)
	c.u64(&h.Number)
	c.boolean(&h.Bulk)
}

// Append appends the frame to b.
func (f *Frame) Append(b []byte, head Head) []byte {
	h := codec{writing: true, b: b}
	h.array(frameFields)
	h.writeUint(version)
	h.head(&head)
	uids := make([]byte, 0, 16*len(f.c.uids))
	for _, u := range f.c.uids {
		uids = append(uids, u[:]...)
	}
	h.bytes(&uids)
	h.array(f.count)
	return append(h.b, f.c.b...)
}

// maxAhead bounds what is allocated for messages that a frame only says it has.
const maxAhead = 4096

// Received is one message of a frame.
type Received struct {
	Msg   ownership.Message
	State ownership.State
}

// Arrived is a frame that was read.
type Arrived struct {
	Head
	Messages []Received
	Unknown  int // messages of types that this version does not know
}

// Read reads a frame. The states are parts of b.
func Read(b []byte) (f Arrived, err error) {
	c := codec{b: b}
	fields := c.array(frameFields)
	var v uint64
	c.u64(&v)
	c.head(&f.Head)
	c.readUIDs()
	n := c.array(0)
	if n > 0 {
		f.Messages = make([]Received, 0, min(n, maxAhead))
	}
	for ; n > 0 && c.err == nil; n-- {
		var r Received
		c.message(&r.Msg, &r.State)
		if r.Msg == nil {
			f.Unknown++
			continue
		}
		f.Messages = append(f.Messages, r)
	}
	c.skip(fields - frameFields)
	if c.err == nil && len(c.b) > 0 {
		c.fail("end")
	}
	if c.err != nil {
		return Arrived{}, fmt.Errorf("ownership frame: %w", c.err)
	}
	return f, nil
}

// readUIDs reads those that the rest names by their place.
func (c *codec) readUIDs() {
	var uids []byte
	c.bytes(&uids)
	if len(uids)%16 != 0 {
		c.fail("uids")
	}
	for ; len(uids) >= 16; uids = uids[16:] {
		c.uids = append(c.uids, ownership.UID(uids[:16]))
	}
}

// AppendSession appends the answer to a frame: the session of whoever answers.
func AppendSession(b []byte, session uint64) []byte {
	c := codec{writing: true, b: b}
	c.array(1)
	c.u64(&session)
	return c.b
}

// ReadSession reads the answer to a frame.
func ReadSession(b []byte) (session uint64, err error) {
	c := codec{b: b}
	c.array(1)
	c.u64(&session)
	if c.err != nil {
		return 0, fmt.Errorf("ownership answer: %w", c.err)
	}
	return session, nil
}
