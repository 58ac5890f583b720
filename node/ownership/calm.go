package ownership

// Most partitions are where they should be most of the time, and there are thousands of them. A tick passes over those
// that are calm, for which nothing is due. In one that is steady, a hit and its copies are all that happens, and the rest
// of what drive does is left out. Both are found out anew by the next other event that names the partition, and for all
// when the view changes.

// isSteady reports whether nothing but replication is due for q until something happens.
func (m *Machine) isSteady(q *partition) bool {
	if len(q.merges) > 0 || m.state() == Leaving {
		return false
	}
	desired := m.desired(q.id)
	switch q.role {
	case None, Backup:
		return q.report == 0 && !m.mayBeOrphaned(q) && (desired != m.cfg.Self || m.state() != Active)
	case Owner:
		o := q.own
		if !o.open || q.claim != nil || o.hand.step != handIdle || desired != m.cfg.Self {
			return false
		}
		for i := range o.holders {
			if h := &o.holders[i]; !h.wanted || !h.complete || h.drop {
				return false
			}
		}
		return true
	}
	return false
}

// caughtUp reports whether nobody waits for the copies of q, which is steady.
func (q *partition) caughtUp() bool {
	o := q.own
	if o == nil {
		return true
	}
	if !o.replicated || len(o.marks)+len(o.merging) > 0 {
		return false
	}
	for i := range o.holders {
		if h := &o.holders[i]; h.waiting || h.acked < q.copy.Seq || h.setLen != len(o.holders)+1 {
			return false
		}
	}
	return true
}

// progress does what is due after a mutation, or after a holder has told how far it has got.
func (m *Machine) progress(q *partition) {
	if q.own == nil || !q.steady || m.recheck() || !m.on(ruleCalm) {
		m.drive(q)
		return
	}
	m.releaseAnswers(q)
	for i := range q.own.holders {
		m.replicate(q, &q.own.holders[i])
	}
	m.settle(q, q.caughtUp())
}

// follow does what is due after a message.
func (m *Machine) follow(q *partition, msg Message) {
	switch msg.(type) {
	case DeltaAck:
		m.progress(q)
	case Delta:
		if !q.calm || m.recheck() || !m.on(ruleCalm) {
			m.drive(q)
		}
	default:
		m.drive(q)
	}
}

// recheck reports whether a tick has to look at all partitions: after a silent peer has answered; and for a while after
// one that was held dead was heard of, because it is held dead again later, by time alone.
func (m *Machine) recheck() bool {
	return m.broken || m.unsettled != 0 && !m.past(m.unsettled, 2*remember)
}
