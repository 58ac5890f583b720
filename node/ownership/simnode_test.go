package ownership

import (
	"cmp"
	"encoding/binary"
	"time"

	"github.com/traffik-io/traffik/strategy"
)

const (
	simKeys  = 3   // records per partition
	hitWords = 8   // 64 hits each, per partition
	maxPark  = 256 // hits parked per partition
)

// simRecord is the counter of one key, and the ids of the hits that it counted.
type simRecord struct {
	ver   uint64
	count int
	ids   [hitWords]uint64
}

type simState struct {
	recs   [simKeys]simRecord
	merged []MergeID
}

// simBlob is an extracted part of a state.
type simBlob struct {
	keys   []int
	recs   []simRecord
	merged []MergeID
}

// simPart is the driver of one partition.
type simPart struct {
	gate     Gate
	st       simState
	seq      uint64
	term     Term
	acked    *Acked
	wait     bool
	parked   []func()
	parkedAt strategy.Time // the first of them
	pending  []simPending
	oldest   strategy.Time // since when the first of pending waits
	outages  int           // how often somebody for whom it waits went out of reach
	away     uint32        // who is, by number
	staged   map[UID]*simStaged
	retained map[MergeID]simState
	streams  map[UID]uint64
}

type simPending struct {
	seq    uint64
	since  strategy.Time
	answer func()
}

type simStaged struct {
	stream uint64
	blobs  []simBlob
}

type simNode struct {
	s         *sim
	idx       int
	uid       UID
	m         *Machine
	up        bool
	paused    bool
	leaving   bool
	held      []simEvent
	resumedAt strategy.Time
	pausedAt  strategy.Time
	lastStep  strategy.Time
	epoch     int
	inc       int
	view      [maxNodes]MemberState
	known     [maxNodes]bool
	incs      [maxNodes]int
	parts     [simParts]simPart
	override  [simParts]int
	todo      []Event
	stepping  bool
	proceeds  bool
	flows     [simParts]*simFlow
}

func simUID(seed uint64, i int) UID {
	var u UID
	binary.BigEndian.PutUint64(u[:], (seed+1)*0x9e3779b97f4a7c15*uint64(2*i+1))
	u[15] = byte(i + 1)
	return u
}

func newSimNode(s *sim, i int) *simNode {
	n := &simNode{s: s, idx: i, uid: simUID(s.sc.Seed, i), up: true, lastStep: s.now}
	m, err := New(Config{
		Self: n.uid, Partitions: simParts, MaxHandoffs: 6, MaxHandoffsTo: 6, MaxRecalls: 1, Batch: cmp.Or(s.sc.Batch, 4), MaxLag: 10 * time.Millisecond,
		Silence:  max(250*time.Millisecond, time.Duration(s.sc.Silence)*time.Microsecond),
		Patience: time.Duration(s.sc.Patience) * time.Microsecond,
	})
	if err != nil {
		panic(err)
	}
	m.off = s.off
	n.m = m
	for p := range n.parts {
		n.override[p] = -1
		n.parts[p].staged = map[UID]*simStaged{}
		n.parts[p].retained = map[MergeID]simState{}
		n.parts[p].streams = map[UID]uint64{}
	}
	return n
}

// simRing ranks the active members of one view.
type simRing struct {
	ranks [simParts][]UID
}

func (r *simRing) Rank(p uint32) []UID { return r.ranks[p] }

func (n *simNode) setMember(i int, st MemberState) {
	n.known[i], n.view[i] = true, st
	if n.s.log != nil {
		n.s.log("%d n%d sees n%d as %d", n.s.rel()/msec, n.idx, i, st)
	}
	e := ViewChanged{Ring: n.ring()}
	for j, st := range n.view {
		if j < len(n.s.nodes) && (n.known[j] || st != Dead) {
			e.Members = append(e.Members, Member{n.s.nodes[j].uid, st})
		}
	}
	n.step(e)
}

func (n *simNode) ring() *simRing {
	r := &simRing{}
	for p := range r.ranks {
		for _, i := range n.s.order[p] {
			if i < len(n.s.nodes) && n.view[i] == Active {
				r.ranks[p] = append(r.ranks[p], n.s.nodes[i].uid)
			}
		}
	}
	return r
}

func (n *simNode) tick() {
	n.step(Tick{})
	n.checkStuck()
	n.s.after(n.s.rnd(45*msec, 50*msec), n, n.tick)
}

func (n *simNode) step(e Event) {
	n.todo = append(n.todo, e)
	if n.stepping {
		return
	}
	n.stepping = true
	for len(n.todo) > 0 && n.up {
		e, n.todo = n.todo[0], n.todo[1:]
		n.endFlows(e)
		n.lastStep = n.s.now
		for _, f := range n.m.Step(n.s.now, e) {
			n.do(f)
		}
	}
	if n.s.sc.Flows {
		n.beginFlows()
	}
	n.stepping = false
	if unfinished, _ := n.m.Unfinished(); unfinished && !n.proceeds {
		n.proceeds = true
		n.s.after(10*msec, n, func() {
			n.proceeds = false
			n.step(Proceed{})
		})
	}
}

func (n *simNode) do(f Effect) {
	s := n.s
	switch f := f.(type) {
	case Send:
		n.send(f)
	case Gate:
		n.setGate(&n.parts[f.P], f)
	case Freeze:
		s.after(s.rnd(0, 2*msec), n, func() { n.step(Quiesced{f.P, n.parts[f.P].seq}) })
	case Adopt:
		q := &n.parts[f.P]
		q.term, q.seq, q.acked, q.wait, q.pending = f.Term, 0, nil, false, nil
		for k := range q.st.recs {
			q.st.recs[k].ver = 0
		}
		if f.Term.Owner == n.uid {
			s.activations[f.P]++
			if f.Term.Minter != n.uid {
				s.commits[f.P]++
			}
		}
	case Install:
		n.install(f)
	case Stage:
		q := &n.parts[f.P]
		x := q.staged[f.From]
		if x == nil || x.stream != f.Stream {
			x = &simStaged{stream: f.Stream}
			q.staged[f.From] = x
		}
		x.blobs = append(x.blobs, n.blob(f.State))
	case Discard:
		q := &n.parts[f.P]
		q.st, q.seq, q.term = simState{}, 0, Term{}
		clear(q.staged)
	case Retain:
		n.parts[f.P].retained[f.ID] = n.parts[f.P].st
	case Forget:
		delete(n.parts[f.P].retained, f.ID)
	case Join:
		n.join(f)
	case Stream:
		n.stream(f)
	case Acked:
		n.release(&n.parts[f.P], f)
	case Pace:
		n.parts[f.P].wait = f.Wait
	case Recall:
		n.step(Mutated{f.P, n.parts[f.P].seq})
	case CloseLinks:
		n.epoch++
	case Drained:
		n.up = false
		s.gossip(n, Dead, 0)
	}
	if s.log != nil {
		n.trace(f)
	}
}

func (n *simNode) setGate(q *simPart, g Gate) {
	q.gate = g
	if g.Mode == Redirect {
		q.pending = nil
	}
	if g.Mode != Park {
		parked := q.parked
		q.parked = nil
		for _, f := range parked {
			n.s.after(0, n, f)
		}
	}
}

func (n *simNode) release(q *simPart, a Acked) {
	q.acked = &a
	kept := q.pending[:0]
	for _, x := range q.pending {
		if a.Term == q.term && x.seq <= a.Seq {
			x.answer()
		} else {
			kept = append(kept, x)
		}
	}
	q.pending = kept
}

// The state in a message is an index into blobs: the machine must not care.

func (n *simNode) pack(seq uint64, b simBlob) State {
	return State{seq, []Section{{Kind: 1, Version: 1, Body: binary.AppendUvarint(nil, n.s.keep(b))}}}
}

func (n *simNode) blob(s State) simBlob {
	if len(s.Sections) == 0 {
		return simBlob{}
	}
	i, _ := binary.Uvarint(s.Sections[0].Body)
	return n.s.blobs[i]
}

func (s *sim) keep(b simBlob) uint64 {
	s.blobs = append(s.blobs, b)
	return uint64(len(s.blobs) - 1)
}

// extract takes the records that changed after from.
func (st *simState) extract(from uint64, all bool) simBlob {
	b := simBlob{merged: append([]MergeID(nil), st.merged...)}
	for k, r := range st.recs {
		if all || r.ver > from {
			b.keys, b.recs = append(b.keys, k), append(b.recs, r)
		}
	}
	return b
}

func (n *simNode) send(f Send) {
	q := &n.parts[f.Msg.partition()]
	var st State
	switch f.Attach {
	case AttachDelta:
		st = n.pack(q.seq, q.st.extract(f.From, false))
	case AttachRetained:
		r := q.retained[f.Msg.(Merge).ID]
		st = n.pack(0, r.extract(0, true))
	}
	lane := hot
	if f.Bulk {
		lane = bulk
	}
	n.post(f.To, lane, f.Msg, st)
}

func (n *simNode) post(to UID, lane int, msg Message, st State) {
	i := int(to[15]) - 1
	if n.s.drops != nil && n.s.drops(n.idx, i, msg) {
		return
	}
	o := n.s.nodes[i]
	n.s.deliver(n, o, lane, func() { o.step(Received{n.uid, msg, st}) })
}

func (n *simNode) install(f Install) {
	q := &n.parts[f.P]
	if f.Stream != 0 {
		q.st = simState{}
		if x := q.staged[f.From]; x != nil {
			for _, b := range x.blobs {
				q.st.apply(b)
			}
		}
		delete(q.staged, f.From)
	}
	q.st.apply(n.blob(f.State))
	q.term = f.Term
	if f.Stream != 0 || f.State.Seq != 0 {
		q.seq = f.State.Seq
	}
}

func (st *simState) apply(b simBlob) {
	for i, k := range b.keys {
		st.recs[k] = b.recs[i]
	}
	for _, id := range b.merged {
		st.noteMerged(id)
	}
}

func (st *simState) noteMerged(id MergeID) bool {
	for _, x := range st.merged {
		if x == id {
			return false
		}
	}
	st.merged = append(st.merged, id)
	return true
}

// join is strict: of two counts the higher, of two sets of ids the union.
func (n *simNode) join(f Join) {
	q := &n.parts[f.P]
	b := n.blob(f.State)
	if f.From == n.uid {
		r := q.retained[f.ID]
		b = r.extract(0, true)
	}
	n.s.joins[f.P]++
	q.seq++
	q.st.noteMerged(f.ID)
	for i, k := range b.keys {
		r := &q.st.recs[k]
		r.ver = q.seq
		r.count = max(r.count, b.recs[i].count)
		for w := range r.ids {
			r.ids[w] |= b.recs[i].ids[w]
		}
	}
	n.step(Joined{f.P, f.From, f.ID, q.seq})
}

// stream sends the records that exist one by one, while hits go on.
func (n *simNode) stream(f Stream) {
	q := &n.parts[f.P]
	q.streams[f.To] = f.Stream
	base, chunks := q.seq, uint32(0)
	var next func(k int)
	next = func(k int) {
		if q.streams[f.To] != f.Stream || q.term != f.Term {
			return
		}
		for k < simKeys && q.st.recs[k].count == 0 {
			k++
		}
		if k == simKeys {
			n.step(Streamed{f.P, f.To, f.Stream, chunks, base})
			return
		}
		chunks++
		b := simBlob{keys: []int{k}, recs: []simRecord{q.st.recs[k]}, merged: append([]MergeID(nil), q.st.merged...)}
		n.post(f.To, bulk, Chunk{f.P, f.Term, f.Stream, chunks}, n.pack(0, b))
		n.s.after(n.s.rnd(0, 5*msec), n, func() { next(k + 1) })
	}
	n.s.after(n.s.rnd(0, 5*msec), n, func() { next(0) })
}
