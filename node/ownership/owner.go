package ownership

import (
	"slices"

	"github.com/traffik-io/traffik/strategy"
)

// owning is what only the owner of a term knows.
type owning struct {
	open       bool  // every member of need knows the term
	need       []UID // who must know it first
	holders    []holder
	replicated bool   // the state that the term began with is as safe as it can be
	acked      uint64 // so many mutations are
	marks      []mark
	waiting    bool // as last told by Pace
	hand       handoff
	retryAt    strategy.Time // of the next Offer
	refused    int
	merging    []merging
	set        []UID // as holderSet told last
	buf        []UID
}

// holder is another node that has, had or shall have a copy.
type holder struct {
	uid      UID
	wanted   bool
	knows    bool // the term
	complete bool // holds a copy of the term, at acked
	lacks    bool // answered that it does not
	drop     bool // was told to
	gone     bool // and did
	acked    uint64
	sent     uint64 // mutations that it has or that are under way to it, if nothing is lost
	flying   int    // Deltas that are not answered
	stream   uint64 // under way or arrived; 0: none. After drop, the number of that
	ready    bool   // all of it is on the link
	lost     bool   // or was, and did not arrive
	chunks   uint32
	base     uint64 // mutations that the stream certainly holds
	waiting  bool   // for a Rack
	sentAt   strategy.Time
	tries    int
	setLen   int // of the set that was last told
}

// mark says that the mutations from seq on, up to the next mark, are at most as old as at.
type mark struct {
	seq uint64
	at  strategy.Time
}

func (o *owning) holder(u UID) *holder {
	for i := range o.holders {
		if o.holders[i].uid == u {
			return &o.holders[i]
		}
	}
	return nil
}

func (o *owning) track(u, self UID) *holder {
	if u == self || u == (UID{}) {
		return nil
	}
	if h := o.holder(u); h != nil {
		return h
	}
	o.holders = append(o.holders, holder{uid: u})
	return &o.holders[len(o.holders)-1]
}

// holderSet is who holds a copy of the term. Nobody may change it: as long as it is the same, so is the slice.
func (o *owning) holderSet(self UID) []UID {
	o.buf = append(o.buf[:0], self)
	for i := range o.holders {
		if h := &o.holders[i]; h.complete {
			o.buf = append(o.buf, h.uid)
		}
	}
	if !slices.Equal(o.buf, o.set) {
		o.set = slices.Clone(o.buf)
	}
	return o.set
}

// driveOwner does what is due for a partition that is owned or being handed over.
func (m *Machine) driveOwner(q *partition) {
	m.selectHolders(q)
	m.unseal(q)
	m.releaseAnswers(q)
	for i := range q.own.holders {
		m.replicate(q, &q.own.holders[i])
	}
	if q.claim != nil {
		m.driveClaim(q)
	}
	if q.own != nil && q.claim == nil {
		m.driveHandoff(q)
	}
}

// selectHolders tracks who should hold a copy, and drops whoever need not once all of those do. The old copies stay
// until the new ones are complete and hold whatever answers have gone out for, which only the old ones may have held
// then. Whoever has one is waited for until it has dropped that.
func (m *Machine) selectHolders(q *partition) {
	o := q.own
	o.buf = m.backups(o.buf[:0], q.id)
	if to := o.hand.to; o.hand.step >= handAccepted && !slices.Contains(o.buf, to) {
		o.buf = append(o.buf, to)
	}
	// Who leaves, and knows nobody else, may be the one whom the others do not see: what they have is then all there is.
	whole := m.state() != Leaving || len(o.buf) > 0
	for _, u := range o.buf {
		h := o.track(u, m.cfg.Self)
		whole = whole && h.complete && !h.drop && h.acked >= o.acked
	}
	kept := o.holders[:0]
	for _, h := range o.holders {
		h.wanted = slices.Contains(o.buf, h.uid)
		if _, known := m.view.states[h.uid]; !known && m.dead(h.uid) || h.gone && !h.wanted {
			continue
		}
		if !h.wanted && !h.drop && whole && (o.open || m.silent(h.uid)) && q.role == Owner && o.hand.step < handIntent {
			m.streams++
			h.drop, h.stream, h.ready, h.waiting, h.tries = true, m.streams, false, false, 0
		}
		kept = append(kept, h)
	}
	clear(o.holders[len(kept):])
	o.holders = kept
}

// unseal opens the term once everyone who held a copy of the one before knows it, or is dead.
func (m *Machine) unseal(q *partition) {
	o := q.own
	o.need = slices.DeleteFunc(o.need, func(u UID) bool {
		h := o.holder(u)
		return h == nil || h.knows || m.dead(u)
	})
	o.open = o.open || len(o.need) == 0
}
