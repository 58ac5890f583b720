package ownership

// drained reports whether a leaving node holds nothing that others need: it owns nothing, has delivered what it set
// aside, and every copy here was dropped by an owner that has others. With nobody left to take it, there is nothing to
// wait for.
func (m *Machine) drained() bool {
	for _, q := range m.parts {
		if q == nil || m.desired(q.id) == (UID{}) {
			continue
		}
		if q.role == Owner || q.role == Frozen || q.role == Claiming || len(q.merges) > 0 {
			return false
		}
		if q.holds() && m.on(ruleH7) {
			return false
		}
	}
	return true
}
