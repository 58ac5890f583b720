package ownership

import "github.com/traffik-io/traffik/strategy"

// replicate sends one holder what it lacks.
func (m *Machine) replicate(q *partition, h *holder) {
	if m.dead(h.uid) {
		h.waiting, h.tries = false, 0
		return
	}
	patience := backoff(replRetry, h.tries)
	if h.stream != 0 && h.ready && !h.lost {
		patience = retryMax // it stands in line behind other partitions, and is large
	}
	if h.waiting && !m.past(h.sentAt, patience) {
		if h.flying > 0 && h.flying < maxFlying && h.sent < q.copy.Seq && h.setLen == m.setLen(q) {
			m.sendDelta(q, h)
		}
		return
	}
	if h.waiting {
		h.tries++
	}
	switch {
	case h.drop:
		m.sendRepl(q, h, Repl{Drop: true, Stream: h.stream}, AttachNone)
		m.dismiss(q, h)
	case !h.knows && !(h.lacks && h.wanted):
		a := AttachDelta // a copy at the parent is complete with it
		if q.own.acked > 0 {
			a = AttachNone // it would be all of the partition by now, for a holder that most likely has no such copy
		}
		m.sendRepl(q, h, Repl{}, a)
	case h.complete:
		switch {
		case h.waiting || h.setLen != m.setLen(q):
			m.sendRepl(q, h, Repl{From: h.acked}, AttachDelta)
		case h.acked < q.copy.Seq:
			h.sent = h.acked
			m.sendDelta(q, h)
		}
	case h.stream != 0 && h.ready:
		m.sendRepl(q, h, Repl{From: h.base, Stream: h.stream, Chunks: h.chunks}, AttachDelta)
	case h.stream == 0 && h.lacks && h.wanted:
		m.streams++
		h.stream, h.ready = m.streams, false
		m.emit(Stream{q.id, h.uid, q.copy.Term, h.stream})
	}
}

func (m *Machine) setLen(q *partition) int {
	n := 1
	for _, h := range q.own.holders {
		if h.complete {
			n++
		}
	}
	return n
}

func (m *Machine) sendRepl(q *partition, h *holder, r Repl, a Attach) {
	r.P, r.Term, r.Parent, r.Set = q.id, q.copy.Term, q.parent, q.own.holderSet(m.cfg.Self)
	h.waiting, h.sentAt, h.setLen, h.flying, h.lost = true, m.now, len(r.Set), 0, false
	m.emit(Send{To: h.uid, Msg: r, Attach: a, From: r.From, Bulk: r.Stream != 0 && !r.Drop})
}

// maxFlying is how many Deltas may be under way to one holder: a charge need not wait until the one before is
// acknowledged. What is lost is sent again, as a Repl.
const maxFlying = 4

func (m *Machine) sendDelta(q *partition, h *holder) {
	d := Delta{P: q.id, Term: q.copy.Term, From: h.sent}
	h.waiting, h.sentAt, h.sent = true, m.now, q.copy.Seq
	h.flying++
	m.emit(Send{To: h.uid, Msg: d, Attach: AttachDelta, From: d.From})
}

// onDeltaAck learns how far a complete copy has got.
func (m *Machine) onDeltaAck(q *partition, from UID, a DeltaAck) {
	if q.own == nil || a.Term != q.copy.Term {
		return
	}
	h := q.own.holder(from)
	if h == nil || !h.complete || h.drop {
		return
	}
	if a.Lacks {
		h.waiting, h.tries, h.flying, h.setLen = false, 0, 0, 0
		return
	}
	h.acked = min(max(h.acked, a.Seq), q.copy.Seq)
	if h.flying == 0 {
		return // of before a Repl, which is still under way
	}
	h.flying--
	h.waiting, h.tries = h.flying > 0, 0
}

func (m *Machine) streamed(q *partition, e Streamed) {
	if q.own != nil {
		if h := q.own.holder(e.To); h != nil && h.stream == e.Stream {
			h.ready, h.chunks, h.base = true, e.Chunks, e.Seq
		}
	}
	for i := range q.pulls {
		p := &q.pulls[i]
		if p.to == e.To && p.stream == e.Stream && p.version == q.copy {
			p.sent = true
			m.emit(Send{To: e.To, Msg: Copy{q.id, p.round, p.version, e.Stream, e.Chunks}, Bulk: true})
		}
	}
}

// undelivered has whole copies for a holder sent again soon.
func (m *Machine) undelivered(to UID) {
	m.eachPartition(func(q *partition) {
		if q.own != nil {
			if h := q.own.holder(to); h != nil && h.waiting {
				h.lost = true
			}
		}
	})
}

// onRack learns how far a holder has got, or that there is one.
func (m *Machine) onRack(q *partition, from UID, r Rack) {
	if q.own == nil || r.Term != q.copy.Term {
		if r.Term.Less(q.hint) && m.on(ruleT3) {
			m.send(from, Fenced{q.id, q.hint})
		}
		m.trackStray(q, from, r.Complete)
		return
	}
	if r.Dropped {
		q.own.dropped(from, r.Stream)
		return
	}
	h := q.own.track(from, m.cfg.Self)
	h.knows = true
	if r.Stream != unasked || h.flying == 0 { // else Deltas are under way, and are acknowledged
		h.waiting, h.tries = false, 0
	}
	switch {
	case r.Complete:
		h.complete, h.lacks, h.gone, h.acked = true, false, false, max(h.acked, r.Seq)
		if !h.drop {
			h.stream, h.ready = 0, false
		}
		if r.Stream == unasked {
			h.setLen = 0 // it is to hear that this node knows, or it goes on to tell
		}
	default:
		h.complete, h.lacks, h.acked = false, true, 0
		if h.ready && r.Stream == h.stream {
			h.stream, h.ready = 0, false
		}
	}
}

// dropped notes that u has no copy left of those before the drop of that number. An answer to an earlier one says nothing.
func (o *owning) dropped(u UID, number uint64) {
	if h := o.holder(u); h != nil && h.drop && h.stream == number {
		*h = holder{uid: u, knows: true, lacks: true, gone: true}
	}
}

// trackStray has the owner look after a copy of an earlier term.
func (m *Machine) trackStray(q *partition, u UID, complete bool) {
	if complete && q.own != nil {
		q.own.track(u, m.cfg.Self)
	}
}

// mutated notes progress, and whether it has to wait for the backups.
func (m *Machine) mutated(q *partition, seq uint64) {
	if q.own == nil || seq <= q.copy.Seq {
		return
	}
	first := q.copy.Seq + 1
	q.copy.Seq = seq
	o := q.own
	quarter := strategy.Time(m.cfg.MaxLag.Microseconds() / 4)
	if n := len(o.marks); n > 0 && m.now-o.marks[n-1].at < quarter || n >= 8 {
		return // it counts as older than it is
	}
	o.marks = append(o.marks, mark{first, m.now})
}

// releaseAnswers tells how far the copies have got.
func (m *Machine) releaseAnswers(q *partition) {
	o := q.own
	if acked, ok := m.safe(q); ok && (!o.replicated || acked > o.acked) {
		o.replicated, o.acked = true, max(acked, o.acked)
		m.emit(Acked{q.id, q.copy.Term, o.acked})
	}
	m.sendMerged(q)
	n := 0
	for n < len(o.marks) && o.replicated && o.last(n, q.copy.Seq) <= o.acked {
		n++
	}
	o.marks = append(o.marks[:0], o.marks[n:]...)
	wait := len(o.marks) > 0 && m.past(o.marks[0].at, m.cfg.MaxLag)
	if wait != o.waiting {
		o.waiting = wait
		m.emit(Pace{q.id, wait})
	}
}

// last is the last mutation that mark i speaks for.
func (o *owning) last(i int, seq uint64) uint64 {
	if i+1 < len(o.marks) {
		return o.marks[i+1].seq - 1
	}
	return seq
}

// safe is how many mutations every complete copy holds. Without any, nothing is safe while one can still be made, and
// everything is if there is nobody to hold it.
func (m *Machine) safe(q *partition) (uint64, bool) {
	if !m.on(ruleAcks) {
		return q.copy.Seq, true
	}
	low, found, hope := q.copy.Seq, false, false
	for i := range q.own.holders {
		h := &q.own.holders[i]
		switch {
		case m.dead(h.uid):
		case m.silent(h.uid) && !h.wanted && !m.on(ruleDismiss):
		case h.complete:
			low, found = min(low, h.acked), true
		case h.wanted:
			hope = true
		}
	}
	return low, found || !hope
}
