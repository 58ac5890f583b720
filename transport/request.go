package transport

import "context"

// request is one call of Do or Call on its way. It belongs to its caller until it is queued, then to the connection,
// and to the caller again once it has settled.
type request struct {
	b    []byte          // the frame, encoded before the connection is locked; once settled, the body of the answer
	done chan struct{}   // one token: settled
	ctx  context.Context // of the call, looked at by watch; nil if it never ends
	typ  frameType       // of the answer
	err  error           // instead of an answer
}

func newRequest() *request { return &request{done: make(chan struct{}, 1)} }

// settle gives r back to its caller.
func (r *request) settle() { r.done <- struct{}{} }

// reset makes r ready for the next caller.
func (r *request) reset() {
	r.b = r.b[:0]
	if cap(r.b) > keepRequest {
		r.b = nil
	}
	r.ctx, r.err = nil, nil
}

// keepRequest is the longest buffer that a request keeps.
const keepRequest = 4 << 10

// slots finds requests by stream. A stream is the place of the frame among those of the connection and, in its low 16
// bits, a slot; so none is used twice, and an answer that comes twice, or to nothing, finds no slot.
type slots struct {
	table []slot
	free  []uint16
	limit int
	used  int
}

type slot struct {
	stream uint64
	taken  bool
	req    *request // nil: the caller has gone, and the answer is still to come
}

const (
	slotBits = 16
	maxSlots = 1 << slotBits
)

// full reports whether all slots are taken.
func (s *slots) full() bool { return s.used >= s.limit }

// put gives r, which is the frame number seq, a slot and returns its stream. There must be one.
func (s *slots) put(seq uint64, r *request) (stream uint64) {
	i := len(s.table)
	if n := len(s.free); n > 0 {
		i = int(s.free[n-1])
		s.free = s.free[:n-1]
	} else {
		s.table = append(s.table, slot{})
	}
	s.used++
	stream = seq<<slotBits | uint64(i)
	s.table[i] = slot{stream, true, r}
	return stream
}

// take frees the slot of the stream. It returns its request, nil if the caller has gone; ok is false if there is no
// such slot.
func (s *slots) take(stream uint64) (r *request, ok bool) {
	i := int(stream & (maxSlots - 1))
	if i >= len(s.table) || s.table[i].stream != stream || !s.table[i].taken {
		return nil, false
	}
	r = s.table[i].req
	s.table[i] = slot{}
	s.free = append(s.free, uint16(i))
	s.used--
	return r, true
}

// drain frees all slots and returns them.
func (s *slots) drain() []slot {
	all := s.table
	*s = slots{limit: s.limit}
	return all
}
