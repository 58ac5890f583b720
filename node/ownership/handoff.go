package ownership

import (
	"slices"

	"github.com/traffik-io/traffik/strategy"
)

// handStep is how far a handoff has got.
type handStep uint8

const (
	handIdle     handStep = iota
	handOffered           // waits for Accept
	handAccepted          // the target becomes a holder
	handIntent            // the other holders are told
	handFreezing          // the last turns end
	handFrozen            // waits for Committed
)

// handoff is the transfer of a partition to another node.
type handoff struct {
	step   handStep
	to     UID
	term   Term
	sentAt strategy.Time
	untold []UID // holders that do not know the intent
}

// driveHandoff gives the partition to who should own it.
func (m *Machine) driveHandoff(q *partition) {
	h := &q.own.hand
	switch h.step {
	case handIdle:
		m.offer(q)
	case handOffered, handAccepted:
		if m.dead(h.to) || m.silent(h.to) || m.desired(q.id) != h.to {
			m.giveUp(q)
		} else if h.step == handOffered {
			if m.past(h.sentAt, backoff(offerRetry, q.own.refused)) {
				m.sendOffer(q)
			}
		} else if x := q.own.holder(h.to); x != nil && x.complete && x.acked+maxDirty >= q.copy.Seq && !m.misses(q) {
			m.intend(q)
		}
	case handIntent:
		m.driveIntent(q)
	case handFrozen:
		m.driveFrozen(q)
	}
}

func (m *Machine) offer(q *partition) {
	to := m.desired(q.id)
	if to == (UID{}) || to == m.cfg.Self || !q.own.open || m.now < q.own.retryAt ||
		m.silent(to) || !m.hasRoom(to) {
		return
	}
	m.handing++
	m.handingTo[to]++
	q.own.hand = handoff{step: handOffered, to: to}
	m.sendOffer(q)
}

// hasRoom reports whether one more handoff may begin, with that target.
func (m *Machine) hasRoom(to UID) bool {
	return m.handing < m.cfg.MaxHandoffs*m.haste() && m.handingTo[to] < m.cfg.MaxHandoffsTo*m.haste()
}

func (m *Machine) sendOffer(q *partition) {
	q.own.hand.sentAt = m.now
	m.send(q.own.hand.to, Offer{q.id, q.copy.Term})
}

// giveUp ends a handoff that has not frozen anything, and tries again later.
func (m *Machine) giveUp(q *partition) {
	m.endHandoff(q)
	q.own.hand = handoff{}
	q.own.retryAt = m.now + toTime(backoff(offerRetry, q.own.refused))
	q.own.refused++
}

// endHandoff makes room for another.
func (m *Machine) endHandoff(q *partition) {
	to := q.own.hand.to
	m.handing--
	if m.handingTo[to]--; m.handingTo[to] == 0 {
		delete(m.handingTo, to)
	}
}

// onOffer is the only place where a target may refuse: afterwards both ends are bound.
func (m *Machine) onOffer(q *partition, from UID, f Offer) {
	if f.Term.Less(q.hint) {
		if m.on(ruleT3) {
			m.send(from, Fenced{q.id, q.hint})
		}
		return
	}
	m.learn(q, f.Term)
	if m.on(ruleH2) && (m.state() != Active || m.desired(q.id) != m.cfg.Self) {
		m.send(from, Refuse{q.id, f.Term})
		return
	}
	q.ownerSeen = m.now
	m.send(from, Accept{q.id, f.Term})
}

func (m *Machine) onAccept(q *partition, from UID, a Accept) {
	if q.role == Owner && a.Term == q.copy.Term && q.own.hand.step == handOffered && q.own.hand.to == from {
		q.own.hand.step, q.own.refused = handAccepted, 0
	}
}

// intend tells the other holders who comes next, so that none of them takes over beside it.
func (m *Machine) intend(q *partition) {
	h := &q.own.hand
	h.term = Term{max(q.seenN, q.copy.Term.N) + 1, h.to, m.cfg.Self}
	h.step, h.sentAt, h.untold = handIntent, 0, nil
	for _, x := range q.own.holders {
		if x.complete && x.uid != h.to && m.on(ruleH4) {
			h.untold = append(h.untold, x.uid)
		}
	}
	m.driveIntent(q)
}

func (m *Machine) driveIntent(q *partition) {
	h := &q.own.hand
	if m.dead(h.to) || m.misses(q) {
		m.giveUp(q)
		return
	}
	h.untold = slices.DeleteFunc(h.untold, m.dead)
	if len(h.untold) == 0 {
		h.step = handFreezing
		q.role = Frozen
		m.settleGate(q)
		m.emit(Freeze{q.id})
		return
	}
	if m.past(h.sentAt, resendCommit) {
		h.sentAt = m.now
		for _, u := range h.untold {
			m.send(u, Intent{q.id, q.copy.Term, h.term})
		}
	}
}

func (m *Machine) onIntent(q *partition, from UID, i Intent) {
	q.saw(i.Next)
	if i.Base.Less(q.hint) {
		if m.on(ruleT3) {
			m.send(from, Fenced{q.id, q.hint})
		}
		return
	}
	if q.intent.Less(i.Next) {
		q.intent = i.Next
	}
	if !m.on(ruleT1) && q.role == Backup {
		m.emit(Adopt{q.id, i.Next})
		q.copy, q.hint = Version{Term: i.Next}, i.Next
	}
	m.send(from, IntentAck{q.id, i.Next})
}

func (m *Machine) onIntentAck(q *partition, from UID, a IntentAck) {
	if q.own == nil || q.own.hand.step != handIntent || q.own.hand.term != a.Next {
		return
	}
	h := &q.own.hand
	h.untold = slices.DeleteFunc(h.untold, func(u UID) bool { return u == from })
}
