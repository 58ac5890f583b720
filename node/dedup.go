package node

import (
	"slices"
	"sync"

	"github.com/traffik-io/traffik/transport"
)

// dedup remembers, for one origin, the answers to its hits that are not settled yet, so that a hit that is sent again
// is charged once and answered alike. Ids that the origin says are settled are forgotten, an epoch at a time.
type dedup struct {
	mu     sync.Mutex
	floor  uint64 // ids below it are settled
	epochs []*dedupEpoch
	spare  *dedupEpoch
	size   int
}

type dedupEpoch struct {
	epoch uint64
	hits  map[uint64]*remembered
}

// remembered is a hit that was accepted, and its answer once there is one.
type remembered struct {
	answered bool
	response transport.HitResponse
	waiting  []transport.Responder // of the same hit, sent again before it was answered
}

// maxRemembered bounds the ids of one origin. An origin that has more in flight than that is told to slow down.
const maxRemembered = 1 << 18

// dedupVerdict says what is to be done with a hit.
type dedupVerdict int

const (
	first   dedupVerdict = iota // decide it, then call answer or forget
	decided                     // answer it with the response that is remembered
	pending                     // it will be answered when the first one is
	stale                       // its id is settled: nobody waits for an answer
	full                        // too much is remembered
)

// accept looks the hit up. One that is pending is answered by whoever answers the first.
func (d *dedup) accept(id, settledBelow uint64, reply transport.Responder) (dedupVerdict, *remembered) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if settledBelow > d.floor {
		d.settle(settledBelow)
	}
	if id < d.floor {
		return stale, nil
	}
	e := d.epoch(id >> epochShift)
	r := e.hits[id]
	switch {
	case r == nil && d.size >= maxRemembered:
		return full, nil
	case r == nil:
		r = &remembered{}
		e.hits[id] = r
		d.size++
		return first, r
	case r.answered:
		return decided, r
	}
	r.waiting = append(r.waiting, reply)
	return pending, r
}

// charged notes what the answer to a first hit will be, for whoever owns its key next.
func (d *dedup) charged(r *remembered, response *transport.HitResponse) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r.response = *response
}

// answer records the response to a first hit and sends it to whoever sent the hit again meanwhile.
func (d *dedup) answer(r *remembered, response *transport.HitResponse) {
	d.mu.Lock()
	r.answered, r.response = true, *response
	waiting := r.waiting
	r.waiting = nil
	d.mu.Unlock()
	for _, reply := range waiting {
		reply.Answer(response)
	}
}

// forget takes back what accept remembered: the hit was not decided, and may be sent again.
func (d *dedup) forget(id uint64, r *remembered, response *transport.HitResponse) {
	d.answer(r, response)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.epochs {
		if e.hits[id] == r {
			delete(e.hits, id)
			d.size--
		}
	}
}

// epoch finds or makes the map of an epoch; there are few, the newest last.
func (d *dedup) epoch(n uint64) *dedupEpoch {
	for _, e := range slices.Backward(d.epochs) {
		if e.epoch == n {
			return e
		}
	}
	e := d.spare
	if d.spare = nil; e == nil {
		e = &dedupEpoch{hits: map[uint64]*remembered{}}
	}
	e.epoch = n
	d.epochs = append(d.epochs, e)
	return e
}

func (d *dedup) settle(below uint64) {
	d.floor = below
	d.epochs = slices.DeleteFunc(d.epochs, func(e *dedupEpoch) bool {
		if e.epoch >= below>>epochShift {
			return false
		}
		d.size -= len(e.hits)
		clear(e.hits)
		d.spare = e
		return true
	})
}
