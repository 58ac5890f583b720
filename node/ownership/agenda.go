package ownership

import (
	"cmp"
	"slices"
)

// Thousands of partitions may have something due at once: after a change of the view each has to be looked at, and many may
// have to move. Hits wait for those that are in use, and for what this node does meanwhile. So those come first, some are
// looked at at a time, and few begin to move; a Tick or a Proceed goes on with the rest.

// agenda is what is left to do.
type agenda struct {
	unseen   []*partition // those not looked at since the view changed
	again    bool         // all are to be looked at once more, when these are done
	urgent   bool         // hits may wait for them
	restless []*partition // those in which something may be due at the next tick, see disturb
	flows    []*partition // those that should be elsewhere, and wait for their turn to be called back
	recalls  int          // how many of them may be now
	line     []*partition // those that wait for their turn to be handed over

	used, unused []*partition // added since inOrder
}

func (a *agenda) add(q *partition) {
	if q.used {
		a.used = append(a.used, q)
	} else {
		a.unused = append(a.unused, q)
	}
}

// inOrder is what was added, with what is in use first. It is valid until add is called.
func (a *agenda) inOrder() []*partition {
	a.used = append(a.used, a.unused...)
	all := a.used
	a.used, a.unused = all[:0], a.unused[:0]
	return all
}

// changed looks at what the view has changed. It is urgent if hits may wait for that.
func (m *Machine) changed(urgent bool) {
	m.agenda.urgent = m.agenda.urgent || urgent
	m.begin()
	m.review()
	m.agenda.recalls = m.cfg.MaxRecalls * m.haste()
	m.lookOn()
	m.exit()
}

// tick drives whatever waits for time to pass. What is to be looked at again and again goes round: no part of it waits for
// ever.
func (m *Machine) tick() {
	a := &m.agenda
	a.again = a.again || m.recheck()
	if m.listen() || a.again && len(a.unseen) == 0 {
		a.again, a.urgent = false, true
		m.review()
	}
	a.recalls, a.flows, a.line = m.cfg.MaxRecalls*m.haste(), a.flows[:0], a.line[:0]
	a.restless = slices.DeleteFunc(a.restless, func(q *partition) (calm bool) {
		if calm = q.flowing && !q.misplaced || !q.flowing && q.calm && m.on(ruleCalm); !calm && (!q.unseen || q.role == Frozen || q.role == Claiming) {
			a.add(q) // hits may be waiting for what was lost on the way
		}
		q.restless = !calm
		return calm
	})
	slices.SortFunc(a.used, byID)
	slices.SortFunc(a.unused, byID)
	for _, q := range a.inOrder() {
		m.tend(q)
	}
	m.lookOn()
	m.exit()
}

func byID(q, r *partition) int { return cmp.Compare(q.id, r.id) }

// disturb has the next tick look at q. It is called where q stops being calm, or a flow in its place.
func (m *Machine) disturb(q *partition) {
	if !q.restless {
		q.restless = true
		m.agenda.restless = append(m.agenda.restless, q)
	}
}

// settle notes whether nothing is due for q until something happens.
func (m *Machine) settle(q *partition, calm bool) {
	if q.calm = calm; !calm {
		m.disturb(q)
	}
}

// review has all partitions looked at, and first those that were not since an earlier change.
func (m *Machine) review() {
	if m.cfg.InUse != nil {
		m.eachPartition(func(q *partition) { q.used = m.cfg.InUse(q.id) })
	}
	a := &m.agenda
	for _, q := range a.unseen {
		a.add(q)
	}
	m.eachPartition(func(q *partition) {
		if !q.unseen {
			q.unseen = true
			a.add(q)
		}
	})
	a.unseen = append(a.unseen[:0], a.inOrder()...)
}

// lookOn looks at some of the partitions that were not looked at since the view changed.
func (m *Machine) lookOn() {
	a := &m.agenda
	n := min(len(a.unseen), m.cfg.Batch)
	for _, q := range a.unseen[:n] {
		if q.unseen = false; q.flowing {
			if q.misplaced = !m.undisturbed(q); q.misplaced {
				m.disturb(q)
			}
		}
		m.tend(q)
	}
	a.unseen = slices.Delete(a.unseen, 0, n)
	a.urgent = a.urgent && len(a.unseen) > 0
}

// tend does what is due for q, or has it wait for its turn.
func (m *Machine) tend(q *partition) {
	a := &m.agenda
	switch {
	case !q.flowing:
		if m.drive(q); m.stands(q) {
			a.line = append(a.line, q)
		}
	case !q.misplaced:
	case !m.mayStay(q) || a.recalls > 0:
		a.recalls--
		m.recall(q)
	default:
		a.flows = append(a.flows, q)
	}
}

// stands reports whether q waits for its turn to be handed over.
func (m *Machine) stands(q *partition) bool {
	return q.role == Owner && q.own.open && q.own.hand.step == handIdle && m.now >= q.own.retryAt && m.desired(q.id) != m.cfg.Self
}

// proceed goes on with what was put off.
func (m *Machine) proceed() {
	a := &m.agenda
	if len(a.unseen) > 0 {
		a.recalls = 0 // what may stay waits: that goes on at its own pace
		m.lookOn()
		return
	}
	a.recalls = m.cfg.MaxRecalls * m.haste()
	n := 0
	for ; n < len(a.flows) && a.recalls > 0; n++ {
		if q := a.flows[n]; q.flowing && q.misplaced {
			a.recalls--
			m.recall(q)
		}
	}
	a.flows = slices.Delete(a.flows, 0, n)
	a.line = slices.DeleteFunc(a.line, func(q *partition) (done bool) {
		switch {
		case q.flowing || !m.stands(q):
			return true
		case !m.hasRoom(m.desired(q.id)):
			return false
		}
		m.drive(q)
		return true
	})
}

// Unfinished reports whether Proceed has something to go on with, and whether hits may wait for that.
func (m *Machine) Unfinished() (unfinished, urgent bool) {
	a := &m.agenda
	return len(a.unseen)+len(a.flows)+len(a.line) > 0, a.urgent
}

// LooksOn reports whether there are partitions that were not looked at since the view changed.
func (m *Machine) LooksOn() bool { return len(m.agenda.unseen) > 0 }

// begin allocates the partitions that this node should own and knew nothing of.
func (m *Machine) begin() {
	if m.state() != Active {
		return
	}
	for p := range m.cfg.Partitions {
		if m.parts[p] == nil && m.desired(p) == m.cfg.Self {
			m.part(p)
		}
	}
}

// exit lets a node that leaves end, once others have what it held.
func (m *Machine) exit() {
	if m.state() == Leaving && m.drained() {
		m.emit(Drained{})
	}
}
