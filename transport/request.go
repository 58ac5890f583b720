package transport

import (
	"sync/atomic"
)

// request is one call of Do or Call on its way. It belongs to its caller until it is queued, then to the connection,
// and to the caller again once it has settled.
type request struct {
	b    []byte        // the frame, encoded before the connection is locked; once settled, the body of the answer
	done chan struct{} // one token: settled
	left atomic.Bool   // decided once: the caller has gone, or the request has settled
	seq  uint64        // place among the frames of the connection
	typ  frameType     // of the answer
	err  error         // instead of an answer
}

func newRequest() *request { return &request{done: make(chan struct{}, 1)} }

// claim reports whether it is the first: of the caller who leaves and the connection that settles, one wins.
func (r *request) claim() bool { return r.left.CompareAndSwap(false, true) }

// settle wakes the caller; it reports whether there still is one.
func (r *request) settle() bool {
	if !r.claim() {
		return false
	}
	r.done <- struct{}{}
	return true
}

// reset makes r ready for the next caller.
func (r *request) reset() {
	r.b = r.b[:0]
	if cap(r.b) > keepRequest {
		r.b = nil
	}
	r.left.Store(false)
	r.err = nil
}

// keepRequest is the longest buffer that a request keeps.
const keepRequest = 4 << 10

// slots finds requests by stream. A stream is the place of the frame among those of the connection and, in its low 16
// bits, a slot; so none is used twice, and an answer that comes twice, or to nothing, finds no request.
type slots struct {
	table []*request // nil: free
	free  []uint16
	limit int
	used  int
}

const (
	slotBits = 16
	maxSlots = 1 << slotBits
)

// full reports whether all slots are taken.
func (s *slots) full() bool { return s.used >= s.limit }

// put gives r, whose seq is set, a slot and returns its stream. There must be one.
func (s *slots) put(r *request) (stream uint64) {
	i := len(s.table)
	if n := len(s.free); n > 0 {
		i = int(s.free[n-1])
		s.free = s.free[:n-1]
		s.table[i] = r
	} else {
		s.table = append(s.table, r)
	}
	s.used++
	return r.seq<<slotBits | uint64(i)
}

// take returns the request of the stream and frees its slot; nil if there is none.
func (s *slots) take(stream uint64) *request {
	i := int(stream & (maxSlots - 1))
	if i >= len(s.table) {
		return nil
	}
	r := s.table[i]
	if r == nil || r.seq != stream>>slotBits {
		return nil
	}
	s.table[i] = nil
	s.free = append(s.free, uint16(i))
	s.used--
	return r
}

// drain takes all requests.
func (s *slots) drain() []*request {
	var all []*request
	for _, r := range s.table {
		if r != nil {
			all = append(all, r)
		}
	}
	*s = slots{limit: s.limit}
	return all
}
