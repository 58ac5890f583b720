package ownership

import (
	"maps"
	"slices"

	"github.com/traffik-io/traffik/strategy"
)

// MemberState is what the view says of a member.
type MemberState uint8

// The states of a member. Whoever is not in the view is Dead.
const (
	Dead    MemberState = iota // or gone
	Joining                    // holds nothing yet
	Active                     // may own
	Leaving                    // owns until it has handed over
)

// Member is one entry of the view.
type Member struct {
	UID   UID
	State MemberState
}

// Ring says who should own a partition. A Ring is immutable.
type Ring interface {
	// Rank is the active members in the order in which they should own p. The machine does not change it.
	Rank(p uint32) []UID
}

// view is what the machine believes of the others. Gossip says it, proof and messages correct it.
type view struct {
	states map[UID]MemberState
	others []UID // in the view and not Dead, sorted, without self
	ring   Ring
	proof  map[UID]bool
	heard  map[UID]strategy.Time
}

// setView reports whether somebody is gone who was not leaving: hits may wait for what it owned.
func (m *Machine) setView(e ViewChanged) (urgent bool) {
	before := m.view.states
	m.view.ring = e.Ring
	m.view.states = make(map[UID]MemberState, len(e.Members))
	m.view.others = m.view.others[:0]
	for _, x := range e.Members {
		m.view.states[x.UID] = x.State
		if x.State != Dead && x.UID != m.cfg.Self {
			m.view.others = append(m.view.others, x.UID)
		}
	}
	slices.SortFunc(m.view.others, func(a, b UID) int {
		if a.Less(b) {
			return -1
		}
		return 1
	})
	for u := range m.silences {
		if m.view.states[u] == Dead {
			delete(m.silences, u)
		}
	}
	for u := range m.view.heard {
		if m.past(m.view.heard[u], remember) {
			delete(m.view.heard, u)
		}
	}
	for u := range m.view.proof {
		if _, ok := m.view.states[u]; !ok {
			delete(m.view.proof, u)
		}
	}
	leaving := m.leaving
	m.leaving = 0
	for u, st := range m.view.states {
		switch {
		case st == Leaving && before[u] != Leaving:
			m.leaving = m.now
		case st == Leaving:
			m.leaving = max(m.leaving, leaving)
		}
	}
	for u, st := range before {
		if m.view.states[u] == Dead && st != Dead && st != Leaving {
			urgent = true
			if st == Active {
				m.lost[u] = m.now
			}
		}
	}
	maps.DeleteFunc(m.lost, func(u UID, at strategy.Time) bool {
		return m.past(at, miss) || m.view.states[u] != Dead && !m.view.proof[u]
	})
	var came []UID
	for _, u := range m.view.others {
		if before[u] == Dead {
			came = append(came, u)
		}
	}
	m.eachPartition(func(q *partition) {
		if q.claim != nil && m.on(ruleC3) {
			for _, u := range came { // it may serve what this node is about to take over
				m.ask(q, u)
			}
		}
		if o := q.hint.Owner; q.holds() && before[o] == Dead && m.view.states[o] != Dead {
			q.report = m.now
		}
	})
	return urgent
}

// hear notes that a message of u was read: it lives.
func (m *Machine) hear(u UID) {
	if m.view.proof[u] || m.view.states[u] == Dead {
		m.unsettled = m.now
	}
	delete(m.view.proof, u)
	if m.view.states[u] != Dead {
		delete(m.lost, u)
	}
	if m.on(ruleC1) {
		m.view.heard[u] = m.now
	}
}

// dead reports whether u may be left out of account. One that was heard of lately is not, whatever the view says.
func (m *Machine) dead(u UID) bool {
	if m.view.proof[u] {
		return true
	}
	return m.viewDead(u)
}

func (m *Machine) viewDead(u UID) bool {
	if u == m.cfg.Self || m.view.states[u] != Dead {
		return false
	}
	at, ok := m.view.heard[u]
	return !ok || m.past(at, remember)
}

// desired is who should own p, zero if there is nobody.
func (m *Machine) desired(p uint32) UID {
	if m.view.ring != nil {
		for _, u := range m.view.ring.Rank(p) {
			if !m.dead(u) {
				return u
			}
		}
	}
	return UID{}
}

// backups appends to buf who should hold copies of p beside this node: the first in rank, those who answer nothing only
// where there is nobody else.
func (m *Machine) backups(buf []UID, p uint32) []UID {
	if m.view.ring == nil {
		return buf
	}
	for _, silent := range [...]bool{false, true} {
		for _, u := range m.view.ring.Rank(p) {
			if len(buf) >= m.cfg.Replicas-1 {
				return buf
			}
			if u != m.cfg.Self && !m.dead(u) && m.silent(u) == silent {
				buf = append(buf, u)
			}
		}
	}
	return buf
}

func (m *Machine) state() MemberState { return m.view.states[m.cfg.Self] }
