package ownership

import (
	"slices"
)

// staged counts the chunks that have come from a peer.
type staged struct {
	from   UID
	stream uint64
	n      uint32
	broken bool
}

func (m *Machine) onChunk(q *partition, from UID, c Chunk, s State) {
	i := slices.IndexFunc(q.staged, func(x staged) bool { return x.from == from })
	if i < 0 {
		q.staged = append(q.staged, staged{from: from})
		i = len(q.staged) - 1
	}
	x := &q.staged[i]
	if x.stream != c.Stream {
		*x = staged{from: from, stream: c.Stream}
	}
	x.n++
	if x.broken = x.broken || x.n != c.N; !x.broken {
		m.emit(Stage{q.id, from, c.Stream, s})
	}
}

// arrived reports whether all chunks of a stream are staged, and forgets that they are. An empty partition has none.
func (q *partition) arrived(from UID, stream uint64, chunks uint32) bool {
	if chunks == 0 {
		return true
	}
	for i, x := range q.staged {
		if x.from == from && x.stream == stream {
			q.staged = slices.Delete(q.staged, i, i+1)
			return !x.broken && x.n == chunks
		}
	}
	return false
}

// onRepl keeps the copy here up to date, or tells a former owner that it is one.
func (m *Machine) onRepl(q *partition, from UID, r Repl, s State) {
	if r.Term.Less(q.hint) && m.on(ruleT3) {
		m.send(from, Fenced{q.id, q.hint})
		return
	}
	if ack, ok := m.obey(q, from, r, s); ok {
		m.send(from, ack)
	}
}

// obey does what the owner of a term wants, and returns the answer.
func (m *Machine) obey(q *partition, owner UID, r Repl, s State) (ack Rack, ok bool) {
	m.learn(q, r.Term)
	if q.role == Claiming {
		m.rest(q)
	}
	if q.role == Owner || q.role == Frozen {
		return Rack{}, false // of this very term: an echo
	}
	q.ownerSeen, q.report = m.now, 0
	ack = Rack{P: q.id, Term: r.Term, Stream: r.Stream}
	switch {
	case r.Drop && q.outdated(r):
		ack.Complete, ack.Seq = q.copy.Term == r.Term, q.copy.Seq
	case r.Drop:
		m.replace(q, r)
		if q.holds() || len(q.staged) > 0 {
			m.emit(Discard{q.id})
		}
		q.copy, q.parent, q.set, q.staged, q.pulls = Version{}, Version{}, nil, nil, nil
		q.stream = Version{r.Term, r.Stream}
		ack.Dropped = true
	case m.apply(q, owner, r, s):
		q.copy, q.parent, q.set = Version{r.Term, max(s.Seq, q.copy.Seq)}, r.Parent, r.Set
		ack.Complete, ack.Seq = true, q.copy.Seq
	}
	m.rest(q)
	return ack, true
}

// outdated reports whether a later stream was installed here, or dropped. What was sent before may arrive after that, if
// it took another way.
func (q *partition) outdated(r Repl) bool {
	return r.Stream != 0 && q.stream.Term == r.Term && r.Stream < q.stream.Seq
}

// onDelta keeps a complete copy up to date. Whoever has another is sent a Repl, which settles all that may be different.
func (m *Machine) onDelta(q *partition, from UID, d Delta, s State) {
	a := DeltaAck{P: q.id, Term: d.Term}
	if q.role != Backup || q.copy.Term != d.Term || q.hint != d.Term || d.Term.Owner != from || q.copy.Seq < d.From {
		a.Lacks = true
		m.send(from, a)
		return
	}
	q.ownerSeen, q.report = m.now, 0
	if s.Seq > q.copy.Seq {
		m.emit(Install{P: q.id, Term: d.Term, State: s})
		q.copy.Seq = s.Seq
	}
	a.Seq = q.copy.Seq
	m.send(from, a)
}

// apply installs what a Repl brought and reports whether the copy here is now a complete one of its term.
func (m *Machine) apply(q *partition, from UID, r Repl, s State) bool {
	switch {
	case q.copy.Term == r.Term && r.From <= q.copy.Seq:
		if s.Seq > q.copy.Seq {
			m.emit(Install{P: q.id, Term: r.Term, State: s})
		}
	case r.Stream != 0 && !q.outdated(r) && q.arrived(from, r.Stream, r.Chunks):
		m.replace(q, r)
		q.stream = Version{r.Term, r.Stream}
		m.emit(Install{P: q.id, Term: r.Term, From: from, Stream: r.Stream, State: s})
		q.copy = Version{Term: r.Term}
	case r.From == 0 && q.copy == r.Parent && q.holds():
		m.emit(Adopt{q.id, r.Term})
		m.emit(Install{P: q.id, Term: r.Term, State: s})
		q.copy = Version{Term: r.Term}
	case !m.on(ruleT2):
		m.emit(Install{P: q.id, Term: r.Term, State: s})
		q.copy = Version{Term: r.Term}
	default:
		return false
	}
	return true
}

// replace sets the copy here aside if the term that replaces it may not hold all of it.
func (m *Machine) replace(q *partition, r Repl) {
	if m.on(ruleT4) && q.copy.Term != r.Term && !r.Parent.covers(q.copy) {
		m.retain(q)
	}
}
