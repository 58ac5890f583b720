package ownership

import (
	"slices"

	"github.com/traffik-io/traffik/strategy"
)

// claimKind is why a node asks who owns a partition.
type claimKind uint8

const (
	asClaim      claimKind = iota // it should own it
	asRescue                      // it owned it, froze it, and the next owner died; or it has an orphaned copy
	asValidation                  // it owns it, and was away
)

// claiming is one round of questions.
type claiming struct {
	kind    claimKind
	round   uint64
	target  UID // of the handoff that a rescue follows
	started strategy.Time
	askedAt strategy.Time
	peers   []peer
	pull    UID // asked for its copy
	pullAt  strategy.Time
	got     *Copy // the copy that came
}

// peer is one node that was asked.
type peer struct {
	uid      UID
	askedAt  strategy.Time
	claims   bool // so another said
	answered bool
	ans      ClaimAnswer
}

func (c *claiming) peer(u UID) *peer {
	for i := range c.peers {
		if c.peers[i].uid == u {
			return &c.peers[i]
		}
	}
	return nil
}

// startClaim begins a round of questions to everybody.
func (m *Machine) startClaim(q *partition, kind claimKind) {
	m.rounds++
	c := &claiming{kind: kind, round: m.rounds, started: m.now, askedAt: m.now}
	if q.claim != nil {
		c.target = q.claim.target
	}
	q.claim = c
	if kind != asValidation {
		q.role = Claiming
	}
	m.settleGate(q)
	for _, u := range m.view.others {
		if !m.view.proof[u] && (m.on(ruleC3) || len(q.set) == 0 || slices.Contains(q.set, u)) {
			m.ask(q, u)
		}
	}
	m.askNamed(q)
}

// ask asks u, if it was not asked in this round.
func (m *Machine) ask(q *partition, u UID) {
	if u == m.cfg.Self || u == (UID{}) || q.claim.peer(u) != nil {
		return
	}
	q.claim.peers = append(q.claim.peers, peer{uid: u, askedAt: m.now})
	m.sendClaim(q, u)
}

func (m *Machine) sendClaim(q *partition, u UID) {
	c := q.claim
	m.send(u, Claim{q.id, c.round, q.hint, c.kind == asRescue, c.kind == asValidation})
}

// askNamed asks those whom a claim must not do without, whatever the view says of them.
func (m *Machine) askNamed(q *partition) {
	if m.on(ruleC1) {
		m.ask(q, q.hint.Owner)
		m.ask(q, q.intent.Owner)
		m.ask(q, q.claim.target)
	}
	if q.own != nil {
		for _, h := range q.own.holders {
			if h.complete {
				m.ask(q, h.uid)
			}
		}
	}
	for _, x := range q.claimants {
		if m.recent(x) {
			m.ask(q, x.uid)
		}
	}
}

// excuse has claims wait as much longer as this process stood still: what they wait for may have come and is not read yet,
// nor could anybody be asked.
func (m *Machine) excuse(stood strategy.Time) {
	m.eachPartition(func(q *partition) {
		for i := range q.claimants {
			q.claimants[i].at += stood
		}
		if q.orphaned != 0 {
			q.orphaned += stood
		}
		if c := q.claim; c != nil {
			c.started += stood
			for i := range c.peers {
				c.peers[i].askedAt += stood
			}
		}
	})
}

// driveIdle claims what this node should own and nobody seems to, and reports copies.
func (m *Machine) driveIdle(q *partition) {
	if m.state() == Active && m.desired(q.id) == m.cfg.Self && m.now >= q.nextClaim && m.missesOwner(q) {
		m.startClaim(q, asClaim)
		m.driveClaim(q)
		return
	}
	if m.rescueOrphan(q) {
		return
	}
	if m.state() == Leaving && q.holds() && q.report == 0 {
		q.report = max(m.leaving+toTime(relief), m.now+toTime(2*claimRetry))
	}
	if q.report != 0 && m.now >= q.report && q.holds() {
		q.report = m.now + toTime(2*claimRetry)
		if to := m.likelyOwner(q); to != (UID{}) && to != m.cfg.Self {
			m.send(to, Rack{P: q.id, Term: q.copy.Term, Seq: q.copy.Seq, Complete: true, Stream: unasked})
		}
	}
}

// missesOwner reports whether nobody seems to own q, which is not owned here: its owner is dead, or has not shown for a
// while. For one that lives, and whose copy is here or that has said that it serves, that is longer: it may have thousands
// of other partitions to hand over first.
func (m *Machine) missesOwner(q *partition) bool {
	patience := remember
	if (q.copy.Term == q.hint || q.served == q.hint) && !m.silent(q.hint.Owner) {
		patience = ownerPatience
	}
	return m.dead(q.hint.Owner) || m.past(q.ownerSeen, patience)
}

// driveClaim asks on, and decides once it knows enough.
func (m *Machine) driveClaim(q *partition) {
	c := q.claim
	if c.kind == asClaim && (m.state() != Active || m.desired(q.id) != m.cfg.Self) {
		m.rest(q)
		return
	}
	m.askNamed(q)
	if m.past(c.askedAt, m.cfg.Silence) { // what was lost is asked again, and nobody forgets the asker
		c.askedAt = m.now
		for _, x := range c.peers {
			m.sendClaim(q, x.uid)
		}
	}
	if c.kind != asValidation && m.stoodDown(q) {
		return
	}
	best, from := m.bestCopy(q)
	if c.orphaned() && (from != m.cfg.Self || best.Copy.Term != q.hint) {
		m.rest(q)
		return
	}
	for _, u := range best.Set {
		m.ask(q, u)
	}
	waits := false
	for i := range c.peers {
		waits = waits || m.awaits(q, &c.peers[i], best)
	}
	if waits {
		m.leaveToOthers(q, best)
		return
	}
	switch {
	case c.kind == asValidation:
		q.claim = nil
	case from == m.cfg.Self:
		m.takeOver(q, best)
	default:
		m.pullCopy(q, best, from)
	}
}
