package ownership

import "slices"

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
			q.ownerSeen, q.served = m.now, x.ans.Copy.Term
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
// who may serve or may hold what was acknowledged. Without a copy of the highest term known, that may be anybody: the
// owner and the holders of a later term may all be out of reach.
func (m *Machine) awaits(q *partition, x *peer, best ClaimAnswer) bool {
	c := q.claim
	named := x.uid == q.hint.Owner
	if x.answered && !(named && x.ans.Known.Less(q.hint)) || m.view.proof[x.uid] {
		return false
	}
	needed := !m.past(c.started, m.cfg.Silence) || named || best.Copy.Term != q.hint || best.Copy == (Version{}) || x.uid == c.target ||
		q.hint.Less(q.intent) && x.uid == q.intent.Owner || slices.Contains(best.Set, x.uid) ||
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
	var holders, without []UID
	for _, x := range q.claim.peers {
		switch {
		case !x.answered:
		case x.ans.Copy != Version{}:
			holders = append(holders, x.uid)
		default:
			without = append(without, x.uid)
		}
	}
	m.activate(q, Term{n, m.cfg.Self, m.cfg.Self}, best.Copy, need, holders)
	m.selectHolders(q)
	for _, u := range without { // those who shall have a copy are sent one at once
		if h := q.own.holder(u); h != nil && !slices.Contains(q.own.need, u) {
			h.lacks = true
		}
	}
	m.driveOwner(q)
}

// pull is a copy that was asked for here.
type pull struct {
	to      UID
	round   uint64
	stream  uint64
	version Version
	sent    bool // all of it is on the link
}

// onPull sends the copy here, unless it is being sent already: it may stand in line behind others for longer than whoever
// waits for it has patience, and would go to the end of the line each time.
func (m *Machine) onPull(q *partition, from UID, p Pull) {
	if q.role != Backup || q.copy.Less(p.Version) {
		return
	}
	q.orphaned = 0 // it is asked for
	for i := range q.pulls {
		if x := &q.pulls[i]; x.to == from && x.version == q.copy && !x.sent {
			x.round = p.Round
			return
		}
	}
	m.streams++
	q.pulls = slices.DeleteFunc(q.pulls, func(x pull) bool { return x.to == from })
	q.pulls = append(q.pulls, pull{from, p.Round, m.streams, q.copy, false})
	m.emit(Stream{q.id, from, q.copy.Term, m.streams})
}

func (m *Machine) onCopy(q *partition, from UID, c Copy) {
	if q.role == Claiming && q.claim.round == c.Round && q.claim.pull == from {
		q.claim.got = &c
	}
}
