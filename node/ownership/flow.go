package ownership

import (
	"slices"

	"github.com/traffik-io/traffik/strategy"
)

// Flow is a partition in which nothing happens but hits and their copies. Its driver keeps the copies up to date without
// the machine, which would only count: the owner sends what has changed, and the holders tell how far they have got.
type Flow struct {
	// Term is that of the partition. If this node is not its owner, it holds a copy.
	Term Term
	// Seq is how many mutations the copy here has.
	Seq uint64
	// Peers are those who hold copies, for an owner, and Acked how many mutations they have. Nobody may change Peers.
	Peers []UID
	Acked []uint64
	// Since is at least as long ago as the oldest mutation that a peer lacks; of no meaning if none does.
	Since strategy.Time
}

// Flow hands partition p to the driver, if nothing but hits and their copies is to be expected. The driver tells what
// came of it by [Flowed] before the next event that concerns p, see [Machine.Concerns], which a [Recall] asks for.
//
// Meanwhile an owner sends each peer what changed since the mutation up to which that peer has all, for Term. A holder
// takes it if it has the partition as a Flow too, in the same term, and all that came before; then it has acknowledged.
// Whatever else happens ends the flow.
func (m *Machine) Flow(p uint32) (f Flow, ok bool) {
	q := m.have(p)
	if q == nil || q.flowing || !q.steady || m.recheck() || !m.on(ruleCalm) {
		return f, false
	}
	switch {
	case q.role == Backup:
		if q.hint != q.copy.Term || m.dead(q.hint.Owner) {
			return f, false
		}
	case q.role != Owner || !q.mayFlow():
		return f, false
	}
	f = Flow{Term: q.copy.Term, Seq: q.copy.Seq, Since: m.now}
	if o := q.own; o != nil {
		f.Peers, f.Acked = o.holderSet(m.cfg.Self)[1:], make([]uint64, len(o.holders))
		for i := range o.holders {
			f.Acked[i] = o.holders[i].acked
		}
		if len(o.marks) > 0 {
			f.Since = o.marks[0].at
		}
	}
	q.flowing, q.misplaced = true, false
	return f, true
}

// mayFlow reports whether the copies of q, which is steady and owned here, need nothing but changes.
func (q *partition) mayFlow() bool {
	o := q.own
	if !o.replicated || o.waiting || len(o.merging) > 0 || len(o.holders) == 0 {
		return false
	}
	for i := range o.holders {
		if o.holders[i].setLen != len(o.holders)+1 {
			return false
		}
	}
	return true
}

// What an event may concern, beside one partition.
const (
	NoPartition  = -1
	AnyPartition = -2
)

// recall asks for q back.
func (m *Machine) recall(q *partition) {
	q.steady, q.misplaced = false, false
	m.emit(Recall{q.id})
}

// mayStay reports whether q, which is a flow, is safe where it is, though it should be elsewhere. It moves when it is its
// turn: thousands come to be misplaced at once.
func (m *Machine) mayStay(q *partition) bool {
	return q.own != nil && len(q.own.holders) >= m.cfg.Replicas-1 &&
		!slices.ContainsFunc(q.own.holders, func(h holder) bool { return m.dead(h.uid) })
}

// undisturbed reports whether nothing is due for q, which is a flow, as it was when it became one.
func (m *Machine) undisturbed(q *partition) bool {
	if !m.isSteady(q) {
		return false
	}
	o := q.own
	if o == nil {
		return !m.dead(q.hint.Owner)
	}
	o.buf = m.backups(o.buf[:0], q.id)
	return len(o.buf) == len(o.holders) && !slices.ContainsFunc(o.buf, func(u UID) bool { return o.holder(u) == nil })
}

// Concerns is the partition that e, at now, is about: its flow ends. It may be AnyPartition, or none.
func (m *Machine) Concerns(now strategy.Time, e Event) int {
	if m.woke(now) {
		return AnyPartition
	}
	switch e := e.(type) {
	case Doubted:
		return AnyPartition
	case Received:
		if q := m.have(e.Msg.partition()); q != nil && q.goesOn(e.Msg) {
			return NoPartition
		}
		return int(e.Msg.partition())
	case Mutated:
		return int(e.P)
	case Quiesced:
		return int(e.P)
	case Streamed:
		return int(e.P)
	case Joined:
		return int(e.P)
	}
	return NoPartition
}

// goesOn reports whether q is a flow, and stays one with msg: who asks whether it is owned here is told so, and then leaves
// it alone. Thousands do when a node joins.
func (q *partition) goesOn(msg Message) bool {
	c, ok := msg.(Claim)
	return ok && q.flowing && q.role == Owner && !q.hint.Less(c.Known)
}

// woke reports whether an event at now is the first after a gap.
func (m *Machine) woke(now strategy.Time) bool {
	return m.started && now-m.now > toTime(m.cfg.Pause)
}

// flowed learns what happened while the driver had a partition. What is due then is done at the next event that names
// it, or at a tick.
func (m *Machine) flowed(e Flowed) {
	q := m.have(e.P)
	if q == nil || !q.flowing {
		return
	}
	q.flowing = false
	q.copy.Seq = max(q.copy.Seq, e.Seq)
	o := q.own
	if o == nil {
		if q.ownerSeen = max(q.ownerSeen, e.At); !m.dead(q.hint.Owner) {
			q.ownerSeen = max(q.ownerSeen, m.now) // there was nothing to tell
		}
		m.settle(q, q.calm)
		return
	}
	low := q.copy.Seq
	for i := range o.holders {
		h := &o.holders[i]
		if i < len(e.Acked) {
			h.acked = max(h.acked, min(e.Acked[i], q.copy.Seq))
		}
		h.waiting, h.tries, h.flying = false, 0, 0
		low = min(low, h.acked)
	}
	o.marks = slices.Delete(o.marks, 0, len(o.marks))
	if low < q.copy.Seq {
		o.marks = append(o.marks, mark{low + 1, min(e.At, m.now)})
	}
	m.settle(q, false) // there may be answers to let go
}
