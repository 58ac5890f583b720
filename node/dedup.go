package node

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/traffik-io/traffik/transport"
)

// dedup remembers, for one origin, the answers to its hits that are not settled yet, so that a hit that is sent again
// is charged once and answered alike. Ids that the origin says are settled are forgotten, an epoch at a time.
type dedup struct {
	origin transport.UID
	floor  atomic.Uint64 // ids below it are settled; it is raised with the lock held

	mu      sync.Mutex // guards what follows
	epochs  []*epoch   // the newest last
	spare   *epoch
	size    int                              // hits in all epochs
	waiting map[uint64][]transport.Responder // of hits that were sent again before they were decided
}

func newDedup(key originKey) *dedup {
	d := &dedup{origin: key.uid, waiting: map[uint64][]transport.Responder{}}
	d.floor.Store(key.class)
	return d
}

// maxRemembered bounds the ids of one origin. An origin that has more in flight than that is told to slow down.
const maxRemembered = 1 << 18

// maxEpochs bounds the epochs of one origin.
const maxEpochs = epochSlots

// dedupVerdict says what is to be done with a hit.
type dedupVerdict int

const (
	first   dedupVerdict = iota // decide it, then call decided or forget
	decided                     // answer it with the response that is remembered
	pending                     // it will be answered when the first one is
	stale                       // its id is settled: nobody waits for an answer
	full                        // too much is remembered
)

// accept looks the hit up. The response is that of a decided one; one that is pending is answered by whoever decides
// the first.
func (d *dedup) accept(id, settledBelow uint64, reply transport.Responder) (v dedupVerdict, res *transport.HitResponse) {
	d.mu.Lock()
	defer d.mu.Unlock()
	floor := d.floor.Load()
	if settledBelow > floor {
		d.settleLocked(settledBelow)
		floor = settledBelow
	}
	if id < floor {
		return stale, nil
	}
	if d.size >= maxRemembered || len(d.epochs) >= maxEpochs {
		return full, nil
	}
	r := d.rememberLocked(id)
	switch {
	case r.answered:
		return decided, r.response()
	case r.deciding:
		d.waiting[id] = append(d.waiting[id], reply)
		return pending, nil
	}
	r.deciding = true
	return first, nil
}

// lookup is the answer to a hit that was decided; nil if none is known.
func (d *dedup) lookup(id uint64) *transport.HitResponse {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r := d.findLocked(id); r != nil && r.answered {
		return r.response()
	}
	return nil
}

// settleBelow forgets the ids below that one.
func (d *dedup) settleBelow(id uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if id > d.floor.Load() {
		d.settleLocked(id)
	}
}

// isSettled reports whether nobody will ask for id any more.
func (d *dedup) isSettled(id uint64) bool { return id < d.floor.Load() }

// decided notes the answer to a first hit, and returns who sent the hit again meanwhile.
func (d *dedup) decided(id uint64, response *transport.HitResponse) []transport.Responder {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r := d.findLocked(id); r != nil {
		r.answer(response)
	}
	return d.takeWaitingLocked(id)
}

// discard has the next hit with that id decided as a first one, because its charge is not here any more.
func (d *dedup) discard(id uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r := d.findLocked(id); r != nil {
		r.answered = false
	}
}

// forget has the next hit with that id, which was not charged, decided as a first one, and returns who sent it again
// meanwhile.
func (d *dedup) forget(id uint64) []transport.Responder {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r := d.findLocked(id); r != nil {
		r.deciding, r.answered = false, false
	}
	return d.takeWaitingLocked(id)
}

func (d *dedup) takeWaitingLocked(id uint64) []transport.Responder {
	if len(d.waiting) == 0 {
		return nil
	}
	again := d.waiting[id]
	delete(d.waiting, id)
	return again
}

// findLocked is what is remembered of id; nil if that is nothing. It is valid until rememberLocked is called.
func (d *dedup) findLocked(id uint64) *remembered {
	for _, e := range slices.Backward(d.epochs) {
		if e.number == id>>epochShift {
			return e.find(id)
		}
	}
	return nil
}

// rememberLocked is findLocked, but for an id that is not known it makes room. The new one is valid until it is called
// again.
func (d *dedup) rememberLocked(id uint64) *remembered {
	e := d.epochLocked(id >> epochShift)
	before := e.used
	r := e.remember(id)
	d.size += e.used - before
	return r
}

// epochLocked finds or makes an epoch; there are few.
func (d *dedup) epochLocked(n uint64) *epoch {
	for _, e := range slices.Backward(d.epochs) {
		if e.number == n {
			return e
		}
	}
	e := d.spare
	if d.spare = nil; e == nil {
		e = new(epoch)
	}
	e.number = n
	d.epochs = append(d.epochs, e)
	return e
}

func (d *dedup) settleLocked(below uint64) {
	d.floor.Store(below)
	d.epochs = slices.DeleteFunc(d.epochs, func(e *epoch) bool {
		if e.number >= below>>epochShift {
			return false
		}
		d.size -= e.used
		e.reset()
		d.spare = e
		return true
	})
}
