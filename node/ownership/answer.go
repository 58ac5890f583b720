package ownership

import (
	"slices"

	"github.com/traffik-io/traffik/strategy"
)

// claimant is another node that asked.
type claimant struct {
	uid UID
	at  strategy.Time
}

// recent reports whether a claimant is still to be asked.
func (m *Machine) recent(x claimant) bool {
	return m.on(ruleC2) && !m.past(x.at, remember)
}

// onClaim answers, and remembers who asked.
func (m *Machine) onClaim(q *partition, from UID, c Claim) {
	m.learn(q, c.Known)
	if q.role == Claiming {
		m.ask(q, from) // it lives
		rescues := q.claim.kind == asRescue
		switch {
		case c.Validate && c.Known == q.hint, !c.Validate && outranks(from, c.Rescue, m.cfg.Self, rescues):
			m.yield(q)
		}
	}
	a := ClaimAnswer{
		P: q.id, Round: c.Round, Role: q.role, Rescue: q.claim != nil && q.claim.kind == asRescue,
		Copy: q.copy, Set: q.set, Known: q.hint, Intent: q.intent,
	}
	if q.own != nil {
		a.Set = q.own.holderSet(m.cfg.Self)
	}
	for _, x := range q.claimants {
		if x.uid != from && m.recent(x) {
			a.Claimants = append(a.Claimants, x.uid)
		}
	}
	m.remember(q, from)
	m.send(from, a)
}

func (m *Machine) remember(q *partition, u UID) {
	q.claimants = slices.DeleteFunc(q.claimants, func(x claimant) bool { return x.uid == u || m.past(x.at, remember) })
	q.claimants = append(q.claimants, claimant{u, m.now})
}

// outranks orders those who claim at once: rescues first, then by UID, which unlike a rank is the same in all views.
func outranks(a UID, aRescues bool, b UID, bRescues bool) bool {
	if aRescues != bRescues {
		return aRescues
	}
	return a.Less(b)
}

// yield gives a claim up for a moment.
func (m *Machine) yield(q *partition) {
	q.nextClaim = m.now + toTime(claimRetry)
	m.rest(q)
}

func (m *Machine) onClaimAnswer(q *partition, from UID, a ClaimAnswer) {
	m.learn(q, a.Known)
	q.saw(a.Intent)
	c := q.claim
	if c == nil || c.round != a.Round {
		m.trackStray(q, from, a.Copy != Version{} && a.Copy.Term.Less(q.copy.Term))
		return
	}
	if q.intent.Less(a.Intent) {
		q.intent = a.Intent
	}
	x := c.peer(from)
	if x == nil {
		return
	}
	x.answered, x.ans = true, a
	serving := a.Role == Owner || a.Role == Frozen
	if serving && a.Copy.Term.Less(q.hint) && m.on(ruleT3) {
		m.send(from, Fenced{q.id, q.hint})
	}
	for _, u := range a.Claimants {
		if m.on(ruleC2) && u != m.cfg.Self {
			m.ask(q, u)
			if y := c.peer(u); y != nil {
				y.claims = true
			}
		}
	}
}
