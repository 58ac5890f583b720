package ownership

// Most partitions are at rest most of the time, and there are thousands of them: a tick passes over those that wait for
// nothing. They are driven again by the next event that names them, and all are when the view changes.

// waitsForNothing reports whether time alone changes nothing for q.
func (m *Machine) waitsForNothing(q *partition) bool {
	if len(q.merges) > 0 || m.state() == Leaving {
		return false
	}
	desired := m.desired(q.id)
	switch q.role {
	case None, Backup:
		return q.report == 0 && (desired != m.cfg.Self || m.state() != Active)
	case Owner:
		o := q.own
		if !o.open || q.claim != nil || o.hand.step != handIdle || desired != m.cfg.Self || !o.replicated || len(o.marks)+len(o.merging) > 0 {
			return false
		}
		for i := range o.holders {
			if h := &o.holders[i]; !h.wanted || !h.complete || h.drop || h.waiting || h.acked < q.copy.Seq || h.setLen != len(o.holders)+1 {
				return false
			}
		}
		return true
	}
	return false
}

// recheck reports whether a tick has to look at all partitions: for a while after a peer that was held dead was heard
// of, because it is held dead again later, by time alone.
func (m *Machine) recheck() bool {
	return m.unsettled != 0 && !m.past(m.unsettled, 2*remember)
}
