package ownership

import "time"

// haste is how many times as much as else moves at once, because this node or another leaves. What is in use goes first, and
// hits wait for it: a leave begins gently, and doubles with each second up to 64 times, so that it ends in time however slow
// the machines are.
func (m *Machine) haste() int {
	if m.leaving == 0 {
		return 1
	}
	seconds := (m.now - m.leaving) / toTime(time.Second)
	return 1 << min(seconds, 6)
}

// drained reports whether a leaving node holds nothing that others need: it owns nothing, has delivered what it set
// aside, and every copy here was dropped by an owner that has others. With nobody left to take it, there is nothing to
// wait for, unless somebody is missed: who is cut off may have the only copy, and others may be seen again.
func (m *Machine) drained() bool {
	missed := false
	for _, at := range m.lost {
		missed = missed || !m.past(at, miss)
	}
	for _, q := range m.parts {
		if q == nil || m.desired(q.id) == (UID{}) && !missed {
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
