package ownership

func (m *Machine) onRefuse(q *partition, from UID, r Refuse) {
	if q.own == nil || q.own.hand.to != from {
		return
	}
	switch h := &q.own.hand; {
	case h.step == handOffered && r.Term == q.copy.Term:
		m.giveUp(q)
	case h.step == handFrozen && r.Term == h.term:
		if x := q.own.holder(from); x != nil { // it lost its copy: make another, then commit again
			x.complete, x.lacks, x.acked, x.waiting = false, true, 0, false
		}
		if !m.on(ruleH2) {
			m.thaw(q)
		}
	}
}

// thaw is what H2 and H3 forbid.
func (m *Machine) thaw(q *partition) {
	q.role = Owner
	m.giveUp(q)
}

func (m *Machine) quiesced(q *partition, seq uint64) {
	if q.role != Frozen || q.own.hand.step != handFreezing {
		return
	}
	m.mutated(q, seq)
	q.own.hand.step, q.own.hand.sentAt = handFrozen, 0
}

// driveFrozen commits until the target answers, or is dead.
func (m *Machine) driveFrozen(q *partition) {
	h := &q.own.hand
	if m.dead(h.to) {
		m.rescue(q)
		return
	}
	if m.silent(h.to) {
		m.reclaim(q)
		return
	}
	if !m.on(ruleH3) && m.desired(q.id) != h.to {
		m.thaw(q)
		return
	}
	x := q.own.holder(h.to)
	if x == nil || !x.complete || !m.past(h.sentAt, resendCommit) {
		return
	}
	h.sentAt = m.now
	c := Commit{P: q.id, Term: h.term, Parent: q.copy, From: x.acked, Set: q.own.holderSet(m.cfg.Self)}
	m.emit(Send{To: h.to, Msg: c, Attach: AttachDelta, From: x.acked})
}

// rescue takes a partition back whose next owner died, whether or not this node should own it.
func (m *Machine) rescue(q *partition) {
	to := q.own.hand.to
	m.endOwning(q)
	if !m.on(ruleH5) {
		m.rest(q)
		return
	}
	q.role = Claiming
	m.startClaim(q, asRescue)
	q.claim.target = to
	m.ask(q, to)
}

// onCommit installs what was handed over, desired or not, unless something is known above its base.
func (m *Machine) onCommit(q *partition, from UID, c Commit, s State) {
	if c.Term.Owner != m.cfg.Self {
		return // it names another as the owner: no peer of this protocol sends that
	}
	q.saw(c.Term)
	switch {
	case q.copy.Term == c.Term || q.hint == c.Term:
		m.send(from, Committed{q.id, c.Term})
		return
	case c.Parent.Term.Less(q.hint):
		if m.on(ruleT3) {
			m.send(from, Fenced{q.id, q.hint})
		}
		return
	case !m.on(ruleH2) && (m.state() != Active || m.desired(q.id) != m.cfg.Self),
		q.copy.Term != c.Parent.Term || q.copy.Seq < c.From:
		m.send(from, Refuse{q.id, c.Term})
		return
	}
	q.claim = nil
	m.emit(Install{P: q.id, Term: c.Parent.Term, State: s})
	m.activate(q, c.Term, c.Parent, c.Set, nil)
	m.send(from, Committed{q.id, c.Term})
}

func (m *Machine) onCommitted(q *partition, c Committed) {
	if q.role == Frozen && c.Term == q.own.hand.term {
		m.handedOver(q)
	}
}

// handedOver ends the service of a term that another continues: all of it is there, and here.
func (m *Machine) handedOver(q *partition) {
	t := q.own.hand.term
	m.emit(Acked{q.id, q.copy.Term, q.copy.Seq})
	m.endOwning(q)
	q.hint, q.intent = t, t
	q.ownerSeen = m.now
	m.rest(q)
}
