package ownership

import (
	"slices"

	"github.com/traffik-io/traffik/strategy"
)

// A link can fail between two nodes that all others reach. Gossip then gives up neither, and nobody is wrong: but a copy
// cannot be kept there. Whoever is asked and answers nothing for Config.Patience is silent, for this node. Another holds
// copies in its place, until it answers again. Its own copy is waited for, as any, until it has dropped that; and since it
// cannot be told so, somebody else tells it.

// silence is what a peer leaves unanswered.
type silence struct {
	owes   bool
	since  strategy.Time // when it was sent the first question that it owes an answer to
	silent bool          // for longer than Config.Patience, as of the last Tick
}

// silent reports whether u is passed over as a holder, though the view says that it lives.
func (m *Machine) silent(u UID) bool {
	s := m.silences[u]
	return s != nil && s.silent
}

// asked notes that an answer is due. What ends a stream is not answered soon.
func (m *Machine) asked(e Send) {
	switch e.Msg.(type) {
	case Repl, Delta, Offer, Intent, Commit, Claim:
	default:
		return
	}
	s := m.silences[e.To]
	if s == nil {
		s = &silence{}
		m.silences[e.To] = s
	}
	if !s.owes && !e.Bulk {
		s.owes, s.since = true, m.now
	}
}

// answered notes that something which was sent has arrived.
func (m *Machine) answered(e Received) {
	switch msg := e.Msg.(type) {
	case Rack:
		if msg.Stream == unasked {
			return
		}
	case DeltaAck, Accept, Refuse, IntentAck, Committed, ClaimAnswer, Fenced:
	default:
		return
	}
	if s := m.silences[e.From]; s != nil {
		if s.owes && m.past(s.since, m.cfg.Patience/2) {
			m.askAgain(e.From)
		}
		m.broken = m.broken || s.silent
		s.owes, s.silent = false, false
	}
}

// askAgain has the next Tick send again what u left unanswered as a holder, since it answers now: it may be away again
// before the time that grew with every question which it missed.
func (m *Machine) askAgain(u UID) {
	m.eachPartition(func(q *partition) {
		if q.own != nil {
			if h := q.own.holder(u); h != nil {
				h.tries = 0
			}
		}
	})
}

// listen finds out who is silent, and asks those again, and those who may be soon. It reports whether there is somebody new.
func (m *Machine) listen() (changed bool) {
	m.broken = false
	probe := m.now >= m.probeAt
	if probe {
		m.probeAt = m.now + toTime(probeRetry)
	}
	for _, u := range m.view.others {
		s := m.silences[u]
		switch {
		case s == nil:
		case m.dead(u):
			delete(m.silences, u)
		case s.owes && !s.silent && m.past(s.since, m.cfg.Patience) && m.on(ruleSilent):
			s.silent, changed = true, true
		case probe && (s.silent || s.owes && m.past(s.since, m.cfg.Patience/2)): // what it owes may be lost, and asked no more
			m.send(u, Intent{}) // of nothing: everybody answers that
		}
	}
	return changed
}

// misses reports whether one that holds a copy of q, which is owned here, is silent.
func (m *Machine) misses(q *partition) bool {
	return slices.ContainsFunc(q.own.holders, func(h holder) bool { return h.complete && m.silent(h.uid) })
}

// reclaim begins a term above the one that was promised to a silent target, which may have begun that. As it needs this
// node to know it first, it has not served in it; and it never will, because it knows the new one before this node serves.
func (m *Machine) reclaim(q *partition) {
	h := q.own.hand
	q.saw(h.term)
	need := append(slices.Clone(q.own.holderSet(m.cfg.Self)), h.to)
	m.activate(q, Term{q.seenN + 1, m.cfg.Self, m.cfg.Self}, q.copy, need, nil)
	m.driveOwner(q)
}

// dismiss has another node tell a silent holder to drop its copy: one after the other, as that node may be cut off too.
func (m *Machine) dismiss(q *partition, h *holder) {
	if !m.silent(h.uid) || !m.on(ruleDismiss) {
		return
	}
	n := len(m.view.others)
	for i := range n {
		u := m.view.others[(int(q.id)+h.tries+i)%n]
		if u != h.uid && !m.dead(u) && !m.silent(u) {
			m.send(u, Dismiss{q.id, q.copy.Term, q.parent, h.stream, h.uid})
			return
		}
	}
}

// onDismiss drops the copy here, or passes on that another is to.
func (m *Machine) onDismiss(q *partition, from UID, d Dismiss) {
	switch {
	case d.Holder != m.cfg.Self:
		if from == d.Term.Owner && m.view.states[d.Holder] != Dead {
			m.send(d.Holder, d)
		}
	case d.Term.Less(q.hint):
		m.send(from, Fenced{q.id, q.hint})
	default:
		r := Repl{P: q.id, Term: d.Term, Parent: d.Parent, Stream: d.Stream, Drop: true}
		if ack, _ := m.obey(q, d.Term.Owner, r, State{}); ack.Dropped {
			m.send(from, Dismissed{q.id, d.Term, d.Stream, m.cfg.Self})
		}
	}
}

// onDismissed learns that a holder has dropped its copy, or passes that on.
func (m *Machine) onDismissed(q *partition, from UID, d Dismissed) {
	if d.Term.Owner != m.cfg.Self {
		if from == d.Holder && m.view.states[d.Term.Owner] != Dead {
			m.send(d.Term.Owner, d)
		}
		return
	}
	if q.own != nil && d.Term == q.copy.Term {
		q.own.dropped(d.Holder, d.Stream)
	}
}
