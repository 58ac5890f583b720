package ownership

import (
	"slices"

	"github.com/traffik-io/traffik/strategy"
)

// merge is a divergent copy that was set aside here until an owner has joined it.
type merge struct {
	id     MergeID
	to     UID // last sent to
	sentAt strategy.Time
	tries  int
}

// merging is a copy that was joined here and is not replicated yet.
type merging struct {
	from UID
	id   MergeID
	seq  uint64
}

// retain sets the copy here aside for the owner.
func (m *Machine) retain(q *partition) {
	id := MergeID{q.copy, m.cfg.Self}
	if !m.on(ruleMerge) || !q.holds() || slices.ContainsFunc(q.merges, func(x *merge) bool { return x.id == id }) {
		return
	}
	m.emit(Retain{q.id, id})
	q.merges = append(q.merges, &merge{id: id})
}

// deliver sends what was set aside to the owner as far as known, else to who should be, who then says who is.
func (m *Machine) deliver(q *partition) {
	for _, x := range q.merges {
		if q.role == Owner {
			if x.to != m.cfg.Self {
				x.to = m.cfg.Self
				m.emit(Join{P: q.id, From: m.cfg.Self, ID: x.id})
			}
			continue
		}
		to := m.likelyOwner(q)
		if to == (UID{}) || to == m.cfg.Self || x.to == to && !m.past(x.sentAt, backoff(mergeRetry, x.tries)) {
			continue
		}
		x.tries++
		if x.to != to {
			x.to, x.tries = to, 0
		}
		x.sentAt = m.now
		m.emit(Send{To: to, Msg: Merge{q.id, x.id}, Attach: AttachRetained})
	}
}

// likelyOwner is whom to ask about a partition that is not owned here.
func (m *Machine) likelyOwner(q *partition) UID {
	if o := q.hint.Owner; o != (UID{}) && o != m.cfg.Self && !m.dead(o) {
		return o
	}
	return m.desired(q.id)
}

func (m *Machine) onMerge(q *partition, from UID, g Merge, s State) {
	switch q.role {
	case Owner:
		m.emit(Join{P: q.id, From: from, ID: g.ID, State: s})
	case None, Backup:
		if q.hint.Owner != from {
			m.send(from, Fenced{q.id, q.hint})
		}
	}
}

func (m *Machine) joined(q *partition, e Joined) {
	if q.own == nil {
		return
	}
	m.mutated(q, e.Seq)
	if slices.ContainsFunc(q.own.merging, func(x merging) bool { return x.from == e.From && x.id == e.ID }) {
		return
	}
	q.own.merging = append(q.own.merging, merging{e.From, e.ID, e.Seq})
}

// sendMerged answers merges whose result is replicated.
func (m *Machine) sendMerged(q *partition) {
	o := q.own
	o.merging = slices.DeleteFunc(o.merging, func(x merging) bool {
		if !o.replicated || x.seq > o.acked {
			return false
		}
		if x.from == m.cfg.Self {
			m.onMerged(q, Merged{q.id, x.id})
		} else {
			m.send(x.from, Merged{q.id, x.id})
		}
		return true
	})
}

func (m *Machine) onMerged(q *partition, g Merged) {
	q.merges = slices.DeleteFunc(q.merges, func(x *merge) bool {
		if x.id == g.ID {
			m.emit(Forget{q.id, x.id})
		}
		return x.id == g.ID
	})
}
