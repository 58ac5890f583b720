package wire

import (
	"fmt"

	"github.com/traffik-io/traffik/node/ownership"
)

const version = 1

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

// Append appends the frame to b. Session is the receiver's, as it told last; 0 if it never did.
func (f *Frame) Append(b []byte, session uint64) []byte {
	h := codec{writing: true, b: b}
	h.array(4)
	h.writeUint(version)
	h.u64(&session)
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

// Read reads a frame. The states are parts of b. Unknown is how many messages were of types that this version does
// not know.
func Read(b []byte) (session uint64, all []Received, unknown int, err error) {
	c := codec{b: b}
	fields := c.array(4)
	var v uint64
	var uids []byte
	c.u64(&v)
	c.u64(&session)
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
			unknown++
			continue
		}
		all = append(all, r)
	}
	c.skip(fields - 4)
	if c.err == nil && len(c.b) > 0 {
		c.fail("end")
	}
	if c.err != nil {
		return 0, nil, 0, fmt.Errorf("ownership frame: %w", c.err)
	}
	return session, all, unknown, nil
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
