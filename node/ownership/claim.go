package ownership

import (
	"slices"

	"github.com/traffik-io/traffik/strategy"
)

// claimKind is why a node asks who owns a partition.
type claimKind uint8

const (
	asClaim      claimKind = iota // it should own it
	asRescue                      // it owned it, froze it, and the next owner died
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

// claimant is another node that asked.
type claimant struct {
	uid UID
	at  strategy.Time
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

// driveIdle claims what this node should own and nobody seems to, and reports copies.
func (m *Machine) driveIdle(q *partition) {
	if m.state() == Active && m.desired(q.id) == m.cfg.Self && m.now >= q.nextClaim &&
		(m.dead(q.hint.Owner) || m.past(q.ownerSeen, remember)) {
		m.startClaim(q, asClaim)
		m.driveClaim(q)
		return
	}
	if m.state() == Leaving && q.holds() && q.report == 0 {
		q.report = m.now + toTime(claimRetry)
	}
	if q.report != 0 && m.now >= q.report && q.holds() {
		q.report = m.now + toTime(2*claimRetry)
		if to := m.likelyOwner(q); to != (UID{}) && to != m.cfg.Self {
			m.send(to, Rack{P: q.id, Term: q.copy.Term, Seq: q.copy.Seq, Complete: true})
		}
	}
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
	for _, u := range best.Set {
		m.ask(q, u)
	}
	for i := range c.peers {
		if m.awaits(q, &c.peers[i], best.Set) {
			return
		}
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

// stoodDown ends the claim if somebody serves at the highest term, or claims with more right.
func (m *Machine) stoodDown(q *partition) bool {
	c := q.claim
	for _, x := range c.peers {
		if !x.answered {
			continue
		}
		serving := x.ans.Role == Owner || x.ans.Role == Frozen
		switch {
		case serving && !x.ans.Copy.Term.Less(q.hint) && m.on(ruleH6):
			q.ownerSeen = m.now
			m.rest(q)
			return true
		case x.ans.Role == Claiming && outranks(x.uid, x.ans.Rescue, m.cfg.Self, c.kind == asRescue):
			m.yield(q)
			return true
		}
	}
	return false
}

// bestCopy is the newest copy that was heard of, and who has it; this node's own if none is newer.
func (m *Machine) bestCopy(q *partition) (ClaimAnswer, UID) {
	best, from := ClaimAnswer{Copy: q.copy, Set: q.set}, m.cfg.Self
	for _, x := range q.claim.peers {
		newer := best.Copy.Less(x.ans.Copy)
		if !m.on(ruleH1) {
			newer = best.Copy.Term.Less(x.ans.Copy.Term)
		}
		if x.answered && newer && !m.dead(x.uid) {
			best, from = x.ans, x.uid
		}
	}
	return best, from
}

// awaits reports whether the claim cannot be decided without x. For the first while that is everybody; then those
// who may serve or may hold what was acknowledged.
func (m *Machine) awaits(q *partition, x *peer, set []UID) bool {
	c := q.claim
	named := x.uid == q.hint.Owner
	if x.answered && !(named && x.ans.Known.Less(q.hint)) || m.view.proof[x.uid] {
		return false
	}
	needed := !m.past(c.started, m.cfg.Silence) || named || x.uid == c.target ||
		q.hint.Less(q.intent) && x.uid == q.intent.Owner || slices.Contains(set, x.uid) ||
		slices.ContainsFunc(q.claimants, func(k claimant) bool { return k.uid == x.uid && m.recent(k) }) ||
		x.claims && !m.past(x.askedAt, remember) || c.kind == asValidation && !c.confirmed(q)
	if !needed || !m.on(ruleC1) && m.viewDead(x.uid) {
		return false
	}
	return !m.viewDead(x.uid) || !m.past(x.askedAt, m.cfg.Silence)
}

// confirmed reports whether any holder of a copy answered. Without, a validation waits for everybody.
func (c *claiming) confirmed(q *partition) bool {
	return slices.ContainsFunc(c.peers, func(x peer) bool {
		h := q.own.holder(x.uid)
		return x.answered && h != nil && h.complete
	})
}

// pullCopy fetches the best copy. It gets a version only when this node begins a term with it: only the owner of a
// term creates copies of it.
func (m *Machine) pullCopy(q *partition, best ClaimAnswer, from UID) {
	c := q.claim
	if c.got != nil && c.pull == from && q.arrived(from, c.got.Stream, c.got.Chunks) {
		if m.on(ruleT4) && !c.got.Version.covers(q.copy) {
			m.retain(q)
		}
		m.emit(Install{P: q.id, Term: c.got.Version.Term, From: from, Stream: c.got.Stream})
		best.Copy = c.got.Version
		m.takeOver(q, best)
		return
	}
	if c.pull != from || c.got != nil || m.past(c.pullAt, retryMax) {
		c.pull, c.pullAt, c.got = from, m.now, nil
		m.send(from, Pull{q.id, c.round, best.Copy})
	}
}

// takeOver begins a term with the copy here.
func (m *Machine) takeOver(q *partition, best ClaimAnswer) {
	n := max(q.seenN+1, uint64(m.now/1000))
	need := append(slices.Clone(best.Set), q.hint.Owner, q.intent.Owner, q.claim.target)
	need = slices.DeleteFunc(need, func(u UID) bool { return u == UID{} })
	var holders []UID
	for _, x := range q.claim.peers {
		if x.answered && x.ans.Copy != (Version{}) {
			holders = append(holders, x.uid)
		}
	}
	m.activate(q, Term{n, m.cfg.Self, m.cfg.Self}, best.Copy, need, holders)
	m.driveOwner(q)
}

// pull is a copy that was asked for here.
type pull struct {
	to      UID
	round   uint64
	stream  uint64
	version Version
}

func (m *Machine) onPull(q *partition, from UID, p Pull) {
	if q.role != Backup || q.copy.Less(p.Version) {
		return
	}
	m.streams++
	q.pulls = slices.DeleteFunc(q.pulls, func(x pull) bool { return x.to == from })
	q.pulls = append(q.pulls, pull{from, p.Round, m.streams, q.copy})
	m.emit(Stream{q.id, from, q.copy.Term, m.streams})
}

func (m *Machine) onCopy(q *partition, from UID, c Copy) {
	if q.role == Claiming && q.claim.round == c.Round && q.claim.pull == from {
		q.claim.got = &c
	}
}
