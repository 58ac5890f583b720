package node

import (
	"time"

	"github.com/traffik-io/traffik/strategy"
	"github.com/traffik-io/traffik/transport"
)

// epoch is what is remembered of the hits of one epoch: a hash table by id, with open addressing and linear probing.
// An origin numbers its hits one by one, so the low bits of an id are its place, and hits that come one after the other
// lie one after the other. A map of pointers took four times as long.
type epoch struct {
	number uint64
	slots  []remembered // a power of two, or none
	used   int
}

// remembered is a hit that was accepted, and its answer once there is one. An answer is kept without what most of them
// do not have: so it fits a line of the processor's cache.
type remembered struct {
	id        uint64
	used      bool // else the slot is free
	deciding  bool // its turn has not come yet
	answered  bool // from the moment that it is charged
	allowed   bool
	status    transport.Status // of the answer; 0 if there was none yet
	remaining float64
	wait      time.Duration
	limit     int64
	period    time.Duration
	at        strategy.Time
	several   *strategy.Decision // in place of what is above, where there is more to it
}

const minSlots = 64

// find is what is remembered of id; nil if that is nothing.
func (e *epoch) find(id uint64) *remembered {
	if e.used == 0 {
		return nil
	}
	if r := e.place(id); r.used {
		return r
	}
	return nil
}

// remember is find, but for an id that is not known it makes room.
func (e *epoch) remember(id uint64) *remembered {
	if e.used >= len(e.slots)*3/4 {
		e.grow()
	}
	r := e.place(id)
	if !r.used {
		r.id, r.used = id, true
		e.used++
	}
	return r
}

// place is the slot of id, or a free one where it would be. There is a free one.
func (e *epoch) place(id uint64) *remembered {
	mask := uint64(len(e.slots) - 1)
	for i := id & mask; ; i = (i + 1) & mask {
		if r := &e.slots[i]; !r.used || r.id == id {
			return r
		}
	}
}

func (e *epoch) grow() {
	old := e.slots
	e.slots = make([]remembered, max(2*len(old), minSlots))
	for i := range old {
		if old[i].used {
			*e.place(old[i].id) = old[i]
		}
	}
}

// reset makes e empty. Slots that a much busier epoch needed are given back.
func (e *epoch) reset() {
	if e.used < len(e.slots)/16 {
		e.slots = nil
	}
	clear(e.slots)
	e.used = 0
}

// answer notes the answer.
func (r *remembered) answer(res *transport.HitResponse) {
	d := &res.Decision
	r.deciding, r.answered, r.status = false, true, res.Status
	r.allowed, r.remaining, r.wait, r.limit, r.period, r.at = d.Allowed, d.Remaining, d.Wait, d.Limit, d.Period, d.At
	if r.several = nil; d.LimitedBy != "" || d.Limits != nil || d.Queued {
		whole := *d
		r.several = &whole
	}
}

// response is what a hit that was decided is answered.
func (r *remembered) response() *transport.HitResponse {
	res := &transport.HitResponse{Status: r.status}
	if d := &res.Decision; r.several != nil {
		*d = *r.several
	} else {
		d.Allowed, d.Remaining, d.Wait, d.Limit, d.Period, d.At = r.allowed, r.remaining, r.wait, r.limit, r.period, r.at
	}
	return res
}
