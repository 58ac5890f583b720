package node

import (
	"sync/atomic"
	"time"
)

// Every hit that leaves for another node has an id, and a retry keeps it, so that its owner can tell it from a new one.
// Ids are numbered within epochs of a fiftieth of a second. An epoch is settled once none of its hits waits for an answer
// any more: then no retry of it can come, and owners forget its ids. What owners keep is so just what is in flight.
const (
	epochLength = 20 * time.Millisecond // shorter saves owners cache misses, longer saves ticks
	epochShift  = 40                    // an id is epoch<<40 | number
	epochSlots  = 8192                  // 163 s of epochs; no hit is in flight for longer than a minute and its budget
)

// hitIDs gives ids and tracks which epochs are settled.
type hitIDs struct {
	class   uint64 // part of every id
	epoch   atomic.Uint64
	closed  atomic.Uint64 // no hit begins any more in an epoch below it
	settled atomic.Uint64 // and none is in flight in an epoch below it
	slots   [epochSlots]atomic.Uint64
}

// A slot of hitIDs is how many hits of its epoch are in flight and, above that, how many have begun: both in one word,
// because every processor writes it.
const (
	inFlightBits = 24 // a goroutine waits for each: memory ends first
	begun        = 1<<inFlightBits + 1
	inFlight     = 1<<inFlightBits - 1
)

// waiting is the class of ids of hits that wait at their owner, for up to a minute. They have epochs of their own, so
// that they do not keep those of all others from settling.
const waiting uint64 = 1 << 63

func newHitIDs(class uint64) *hitIDs {
	h := &hitIDs{class: class}
	h.epoch.Store(1)
	return h
}

// begin returns the id of a hit that is now in flight; end must follow.
func (h *hitIDs) begin() uint64 {
	for {
		e := h.epoch.Load()
		number := h.slots[e%epochSlots].Add(begun) >> inFlightBits
		if h.closed.Load() <= e {
			return h.class | e<<epochShift | number
		}
		h.end(e << epochShift) // this goroutine slept through the end of the epoch
	}
}

// end says that the hit is answered, or given up.
func (h *hitIDs) end(id uint64) { h.slots[id&^h.class>>epochShift%epochSlots].Add(^uint64(0)) }

// settledBelow is the lowest id that may still be sent again.
func (h *hitIDs) settledBelow() uint64 { return h.class | h.settled.Load()<<epochShift }

// tick starts an epoch. It is called by one goroutine, every epochLength. Epochs are closed before they are counted:
// whoever begins in one after that count sees that it is closed, and takes its count back.
func (h *hitIDs) tick() {
	e, s := h.epoch.Load(), h.settled.Load()
	h.closed.Store(e)
	for s < e && h.slots[s%epochSlots].Load()&inFlight == 0 {
		s++
	}
	h.settled.Store(s)
	if e+1-s < epochSlots { // else the next slot is still that of the oldest hit in flight
		h.epoch.Store(e + 1)
	}
}
