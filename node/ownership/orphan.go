package ownership

// The owner of a partition dies, and whoever should own it next cannot talk to the holder of its copy, while all others
// reach both. A claim waits for that copy as long as its holder lives, because it is all that there is. So the one gives
// up for a while, and the other takes over where the copy is: it hands the partition on as any owner does.

// rescueOrphan takes over a partition whose owner is dead, if nobody has come for the copy here for Config.Patience and
// the time after which whoever asked for it would ask again. It reports whether it began to.
func (m *Machine) rescueOrphan(q *partition) bool {
	switch {
	case q.role != Backup || q.copy.Term != q.hint || !m.dead(q.hint.Owner) || !m.on(ruleOrphan):
		q.orphaned = 0
		return false
	case q.orphaned == 0:
		q.orphaned = m.now
		return false
	case !m.past(q.orphaned, m.cfg.Patience+retryMax):
		return false
	}
	q.orphaned = m.now
	m.startClaim(q, asRescue)
	m.driveClaim(q)
	return true
}

// orphaned reports whether the claim is for the sake of the copy here. It ends if there is a newer one, which others can come
// for as well: its holder would give nothing away while both claim.
func (c *claiming) orphaned() bool { return c.kind == asRescue && c.target == (UID{}) }

// mayBeOrphaned reports whether the owner of the copy here is dead, or soon will be: once nothing was heard of it for long
// enough.
func (m *Machine) mayBeOrphaned(q *partition) bool {
	o := q.hint.Owner
	return q.role == Backup && q.copy.Term == q.hint && (m.view.proof[o] || o != m.cfg.Self && m.view.states[o] == Dead)
}

// leaveToOthers gives a claim up for a while that waits for somebody who lives and answers nothing here: others reach it.
// It may be the owner. A holder can take over once nobody claims any more.
func (m *Machine) leaveToOthers(q *partition, best ClaimAnswer) {
	c := q.claim
	if c.kind != asClaim && !c.orphaned() || !m.past(c.started, m.cfg.Silence) {
		return
	}
	for i := range c.peers {
		x := &c.peers[i]
		if m.silent(x.uid) && !m.dead(x.uid) && m.awaits(q, x, best) && (x.uid == q.hint.Owner || m.on(ruleOrphan)) {
			m.rest(q)
			q.nextClaim = m.now + toTime(retryMax)
			return
		}
	}
}
