package ownership

import "github.com/traffik-io/traffik/strategy"

// simHit is one hit, with what the outside saw of it.
type simHit struct {
	p, i     int // i counts the hits of p
	acked    bool
	answered strategy.Time // when its owner let the first answer go
	by       int           // who that was
	done     bool
}

// outcome of one attempt
type outcome uint8

const (
	admitted outcome = iota
	notOwner
)

// load sends hits from random nodes until the given time.
func (s *sim) load(until strategy.Time) {
	var next func()
	next = func() {
		if s.rel() > until {
			return
		}
		n := s.nodes[s.rng.IntN(len(s.nodes))]
		if p := s.rng.IntN(simParts); n.up && !n.paused && s.perP[p] < hitWords*64 {
			h := &simHit{p: p, i: s.perP[p]}
			s.perP[p]++
			s.hits = append(s.hits, h)
			s.try(n, h, s.now+2500*msec)
		}
		s.after(s.rnd(msec/2, s.sc.Every*2), nil, next)
	}
	s.after(700*msec, nil, next)
}

// try forwards h to the owner as far as n knows, and again with the same id if there is no answer.
func (s *sim) try(n *simNode, h *simHit, deadline strategy.Time) {
	if h.done || s.now > deadline {
		return
	}
	to := n.target(h.p)
	if to < 0 {
		s.after(20*msec, n, func() { s.try(n, h, deadline) })
		return
	}
	open := true
	again := func(d strategy.Time) {
		open = false
		s.after(d, n, func() { s.try(n, h, deadline) })
	}
	o := s.nodes[to]
	reply := func(r outcome, owner int) {
		s.deliver(o, n, hot, func() {
			switch {
			case h.done || !open && r == notOwner:
			case r == admitted:
				h.done, h.acked = true, true
			case owner >= 0 && owner != to:
				n.override[h.p] = owner
				again(msec)
			default:
				n.override[h.p] = -1
				again(15 * msec)
			}
		})
	}
	s.deliver(n, o, hot, func() { o.hit(h, reply) })
	s.after(s.sc.Attempt, n, func() {
		if open && !h.done {
			n.override[h.p] = -1
			again(0)
		}
	})
}

func (n *simNode) target(p int) int {
	if o := n.override[p]; o >= 0 && n.view[o] != Dead {
		return o
	}
	n.override[p] = -1
	if u := n.m.desired(uint32(p)); u != (UID{}) {
		return int(u[15]) - 1
	}
	return -1
}

// hit is what a driver does with a hit: the pause guard, then the gate, then the turn, then the answer.
func (n *simNode) hit(h *simHit, reply func(outcome, int)) {
	if n.s.now-n.lastStep > 1000*msec {
		n.step(Tick{})
		return // the link it came on was closed
	}
	q := &n.parts[h.p]
	switch q.gate.Mode {
	case Redirect:
		reply(notOwner, int(q.gate.Owner[15])-1)
	case Park:
		if len(q.parked) >= maxPark {
			reply(notOwner, -1)
			return
		}
		n.s.parked++
		if len(q.parked) == 0 {
			q.parkedAt = n.s.now
		}
		q.parked = append(q.parked, func() { n.hit(h, reply) })
	case Serve:
		n.turn(h, q, reply)
	}
}

func (n *simNode) turn(h *simHit, q *simPart, reply func(outcome, int)) {
	r := &q.st.recs[h.i%simKeys]
	w, bit := h.i/64, uint64(1)<<(h.i%64)
	if r.ids[w]&bit == 0 {
		n.s.checkDual(n, h.p)
		q.seq++
		r.ver, r.count = q.seq, r.count+1
		r.ids[w] |= bit
		if !n.mutatedInFlow(h.p) {
			n.step(Mutated{uint32(h.p), q.seq})
			n.lookAgain(h.p)
		}
	}
	answer := func() {
		if h.answered == 0 {
			h.answered, h.by = n.s.now, n.idx
		}
		reply(admitted, n.idx)
	}
	if q.safe() || !n.s.sc.Sync && !q.wait && !n.flows[h.p].late(n.s.now) {
		answer()
		return
	}
	q.pending = append(q.pending, simPending{q.seq, n.s.now, answer})
}

// safe reports whether the copies hold all that was charged.
func (q *simPart) safe() bool {
	return q.acked != nil && q.acked.Term == q.term && q.acked.Seq >= q.seq
}

// lookAgain has the machine look at p when what has just changed is as old as it may get: no other hit may come by then
// that changes something.
func (n *simNode) lookAgain(p int) {
	if n.s.sc.Sync {
		return
	}
	n.s.after(10*msec, n, func() {
		q := &n.parts[p]
		if !q.safe() && n.flows[p] == nil && !n.slept() {
			n.step(Mutated{uint32(p), q.seq})
		}
	})
}

// stuck is how long an answer may wait, or a hit be parked: while two peers after each other are found out to be away, and
// replaced; and for 1.6 s, in which what was lost meanwhile is sent again, and the copy is made. An answer that waits for
// more of them, each of whom goes away after it was chosen, may take as much longer for each.
const (
	stuck  = 2*outage + 1600*msec
	outage = 2700 * msec // a death is known 2.4 s after it, and 0.3 s later everywhere; Patience is over sooner
)

// checkStuck fails if answers have waited too long for copies although there is somebody to keep them.
func (n *simNode) checkStuck() {
	alone := true
	for _, o := range n.s.nodes {
		reached := o != n && o.up && !o.paused && !n.s.cut(n.idx, o.idx) && !n.s.cut(o.idx, n.idx)
		alone = alone && (!reached || o.leaving)
	}
	for p := range n.parts {
		q := &n.parts[p]
		if alone {
			q.parkedAt = n.s.now
		}
		if len(q.parked) > 0 && n.s.now-max(q.parkedAt, n.resumedAt) > stuck {
			n.s.fail("stuck: p%d at %d, a hit is parked since %d: %s", p, n.idx, (q.parkedAt-1_700_000_000_000*msec)/msec, n.s.roles(p))
			q.parkedAt = n.s.now
		}
		switch n.countOutages(q, p); {
		case len(q.pending) == 0:
		case alone:
			q.pending[0].since = n.s.now
		case n.s.now-max(q.pending[0].since, n.resumedAt) > stuck+outage*strategy.Time(max(q.outages-2, 0)):
			n.s.fail("stuck: p%d at %d, an answer waits since %d: %s", p, n.idx, (q.pending[0].since-1_700_000_000_000*msec)/msec, n.s.roles(p))
			q.pending = nil
		}
	}
}

// countOutages notes whether anybody has gone out of reach for whom the oldest answer waits.
func (n *simNode) countOutages(q *simPart, p int) {
	before := q.away
	q.away = 0
	if len(q.pending) == 0 || n.m.parts[p].own == nil {
		return
	}
	if q.pending[0].since != q.oldest {
		q.oldest, q.outages, before = q.pending[0].since, 0, 0
	}
	for _, h := range n.m.parts[p].own.holders {
		o := n.s.nodes[h.uid[15]-1]
		reached := o.up && !o.paused && !n.s.cut(n.idx, o.idx) && !n.s.cut(o.idx, n.idx)
		if (h.complete || h.wanted) && !n.m.dead(h.uid) && !reached {
			q.away |= 1 << o.idx
		}
	}
	if q.away&^before != 0 {
		q.outages++
	}
}

// checkDual fails if another node that could be reached serves the partition too.
func (s *sim) checkDual(n *simNode, p int) {
	for _, o := range s.nodes {
		if o == n || !o.up || o.paused || o.parts[p].gate.Mode != Serve || s.now-o.lastStep > 1000*msec {
			continue
		}
		if s.split && s.sides[n.idx] != s.sides[o.idx] || s.now < s.healed+2500*msec {
			continue
		}
		s.fail("dual: p%d served by %d in term %v and by %d in term %v", p,
			n.idx, s.short(n.parts[p].gate.Term), o.idx, s.short(o.parts[p].gate.Term))
	}
}
