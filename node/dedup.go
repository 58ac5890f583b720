package node

import (
	"slices"
	"sync"

	"github.com/traffik-io/traffik/strategy"
	"github.com/traffik-io/traffik/transport"
)

// dedup remembers, for one origin, the answers to its hits that are not settled yet, so that a hit that is sent again
// is charged once and answered alike. Ids that the origin says are settled are forgotten, an epoch at a time.
type dedup struct {
	mu     sync.Mutex
	floor  uint64 // ids below it are settled
	epochs []*dedupEpoch
	spare  *dedupEpoch
	free   []*remembered
	size   int
}

type dedupEpoch struct {
	epoch uint64
	hits  map[uint64]*remembered
}

// remembered is a hit that was accepted, and its answer once there is one.
type remembered struct {
	answered bool
	status   transport.Status // Decided or Refunded, from the moment that it is charged
	decision strategy.Decision
	waiting  []transport.Responder // of the same hit, sent again before it was answered
}

// maxRemembered bounds the ids of one origin. An origin that has more in flight than that is told to slow down.
const maxRemembered = 1 << 18

// maxEpochs bounds the epochs of one origin.
const maxEpochs = epochSlots

// maxFree bounds what is kept for later hits, for each origin.
const maxFree = 1 << 15

// dedupVerdict says what is to be done with a hit.
type dedupVerdict int

const (
	first   dedupVerdict = iota // decide it, then call answer or forget
	decided                     // answer it with the response that is remembered
	pending                     // it will be answered when the first one is
	stale                       // its id is settled: nobody waits for an answer
	full                        // too much is remembered
)

// accept looks the hit up. The response is that of a decided one; one that is pending is answered by whoever answers
// the first.
func (d *dedup) accept(id, settledBelow uint64, reply transport.Responder) (v dedupVerdict, r *remembered, res *transport.HitResponse) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if settledBelow > d.floor {
		d.settle(settledBelow)
	}
	if id < d.floor {
		return stale, nil, nil
	}
	if d.size >= maxRemembered || len(d.epochs) >= maxEpochs {
		return full, nil, nil
	}
	e := d.epoch(id >> epochShift)
	r = e.hits[id]
	switch {
	case r == nil:
		r = d.remembered()
		e.hits[id] = r
		d.size++
		return first, r, nil
	case r.answered:
		return decided, nil, r.response()
	}
	r.waiting = append(r.waiting, reply)
	return pending, nil, nil
}

// lookup is the answer to a hit that was decided; nil if none is known.
func (d *dedup) lookup(id uint64) *transport.HitResponse {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.epochs {
		if r := e.hits[id]; r != nil && r.answered {
			return r.response()
		}
	}
	return nil
}

// settleBelow forgets the ids below that one.
func (d *dedup) settleBelow(id uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if id > d.floor {
		d.settle(id)
	}
}

// charged notes what the answer to a first hit will be, for whoever owns its key next.
func (d *dedup) charged(r *remembered, response *transport.HitResponse) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r.status, r.decision = response.Status, response.Decision
}

// response is what a hit that was charged is answered.
func (r *remembered) response() *transport.HitResponse {
	return &transport.HitResponse{Status: r.status, Decision: r.decision}
}

// answer records the response to a first hit and sends it to whoever sent the hit again meanwhile.
func (d *dedup) answer(r *remembered, response *transport.HitResponse) {
	d.mu.Lock()
	r.answered, r.status, r.decision = true, response.Status, response.Decision
	waiting := r.waiting
	r.waiting = nil
	d.mu.Unlock()
	for _, reply := range waiting {
		reply.Answer(response)
	}
}

// forget takes back what accept remembered: the hit was not decided, and may be sent again.
func (d *dedup) forget(id uint64, r *remembered, response *transport.HitResponse) {
	d.mu.Lock()
	for _, e := range d.epochs {
		if e.hits[id] == r {
			delete(e.hits, id)
			d.size--
		}
	}
	waiting := r.waiting
	d.mu.Unlock()
	for _, reply := range waiting {
		reply.Answer(response)
	}
}

// remembered returns an empty one.
func (d *dedup) remembered() *remembered {
	n := len(d.free)
	if n == 0 {
		return new(remembered)
	}
	r := d.free[n-1]
	d.free = d.free[:n-1]
	return r
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
		for _, r := range e.hits {
			if r.answered && len(d.free) < maxFree { // of the others, the first is still being decided
				*r = remembered{}
				d.free = append(d.free, r)
			}
		}
		clear(e.hits)
		d.spare = e
		return true
	})
}
