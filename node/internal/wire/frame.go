package wire

import (
	"fmt"

	"github.com/traffik-io/traffik/node/ownership"
)

const (
	version     = 1
	frameFields = 5
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

// Len is how many messages were added.
func (f *Frame) Len() int { return f.count }

// Size is how many bytes they take.
func (f *Frame) Size() int { return len(f.c.b) }

// Append appends the frame to b. To is the session of the receiver, as it told last, 0 if it never did; from that of the
// sender.
func (f *Frame) Append(b []byte, to, from uint64) []byte {
	h := codec{writing: true, b: b}
	h.array(frameFields)
	h.writeUint(version)
	h.u64(&to)
	h.u64(&from)
	uids := make([]byte, 0, 16*len(f.c.uids))
	for _, u := range f.c.uids {
		uids = append(uids, u[:]...)
	}
	h.bytes(&uids)
	h.array(f.count)
	return append(h.b, f.c.b...)
}

// Received is one message of a frame.
type Received struct {
	Msg   ownership.Message
	State ownership.State
}

// Arrived is a frame that was read.
type Arrived struct {
	To, From uint64 // sessions
	Messages []Received
	Unknown  int // messages of types that this version does not know
}

// Read reads a frame. The states are parts of b.
func Read(b []byte) (f Arrived, err error) {
	c := codec{b: b}
	fields := c.array(frameFields)
	var v uint64
	var uids []byte
	c.u64(&v)
	c.u64(&f.To)
	c.u64(&f.From)
	c.bytes(&uids)
	if len(uids)%16 != 0 {
		c.fail("uids")
	}
	for ; len(uids) >= 16; uids = uids[16:] {
		c.uids = append(c.uids, ownership.UID(uids[:16]))
	}
	for n := c.array(0); n > 0 && c.err == nil; n-- {
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
