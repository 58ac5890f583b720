package ownership

import (
	"container/heap"
	"fmt"
	"math/rand/v2"

	"github.com/traffik-io/traffik/strategy"
)

// The model runs real machines in a seeded event simulation: FIFO links with latency, gossip with lag, death notices,
// proofs, pauses, cuts, and hits that are retried with the same id. One goroutine, one clock, no wall time.

const (
	simParts = 12
	msec     = strategy.Time(1000)
)

type simEvent struct {
	at  strategy.Time
	seq int
	n   *simNode // held while it is paused, dropped when it is down; may be nil
	f   func()
	net bool // came over a link
}

type simQueue []simEvent

func (q simQueue) Len() int { return len(q) }
func (q simQueue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}
func (q simQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *simQueue) Push(x any)   { *q = append(*q, x.(simEvent)) }
func (q *simQueue) Pop() any {
	o := *q
	x := o[len(o)-1]
	o[len(o)-1] = simEvent{}
	*q = o[:len(o)-1]
	return x
}

type sim struct {
	sc    scenario
	rng   *rand.Rand
	now   strategy.Time
	queue simQueue
	seq   int
	nodes []*simNode
	last  map[[3]int]strategy.Time // per link and lane: the last arrival
	order [simParts][]int          // of nodes by weight
	hits  []*simHit
	blobs []simBlob
	perP  [simParts]int
	off   rule
	drops func(from, to int, m Message) bool // of a directed schedule

	sides  map[int]int
	split  bool
	healed strategy.Time
	cuts   map[[2]int]bool

	events      int // of membership
	commits     [simParts]int
	activations [simParts]int
	joins       [simParts]int
	parked      int
	flowed      int // hits of which the machine was not told at once
	violations  []string
	log         func(string, ...any)
}

const maxNodes = 28

func newSim(sc scenario, off rule) *sim {
	s := &sim{
		sc: sc, rng: rand.New(rand.NewPCG(sc.Seed, 1)), last: map[[3]int]strategy.Time{}, off: off,
		cuts: map[[2]int]bool{}, sides: map[int]int{}, healed: -1 << 40, now: 1_700_000_000_000 * msec,
	}
	for p := range s.order {
		for i := range maxNodes {
			s.order[p] = append(s.order[p], i)
		}
		r := rand.New(rand.NewPCG(sc.Seed, uint64(p)+100))
		if sc.Directed {
			copy(s.order[p][1:sc.First+1], s.order[p][:sc.First])
			s.order[p][0] = sc.First
			continue
		}
		r.Shuffle(maxNodes, func(i, j int) { s.order[p][i], s.order[p][j] = s.order[p][j], s.order[p][i] })
	}
	return s
}

func (s *sim) rel() strategy.Time { return s.now - 1_700_000_000_000*msec }

func (s *sim) rnd(lo, hi strategy.Time) strategy.Time {
	return lo + strategy.Time(s.rng.Int64N(int64(hi-lo)+1))
}

func (s *sim) after(d strategy.Time, n *simNode, f func()) {
	s.seq++
	heap.Push(&s.queue, simEvent{at: s.now + d, seq: s.seq, n: n, f: f})
}

func (s *sim) cut(a, b int) bool {
	return s.split && s.sides[a] != s.sides[b] || s.cuts[[2]int{a, b}]
}

// lanes of a pair
const (
	hot = iota
	bulk
)

// deliver runs f at node to after the latency of the link, in order, unless it is cut at either end of the way.
func (s *sim) deliver(from, to *simNode, lane int, f func()) {
	d := s.rnd(s.sc.LatMin, s.sc.LatMax)
	if lane == bulk {
		d += s.rnd(0, 20*msec)
	}
	k := [3]int{from.idx, to.idx, lane}
	t := max(s.now+d, s.last[k]+1)
	s.last[k] = t
	if s.cut(from.idx, to.idx) {
		return
	}
	epoch := to.epoch
	s.seq++
	heap.Push(&s.queue, simEvent{at: t, seq: s.seq, n: to, net: true, f: func() {
		if epoch == to.epoch && !s.cut(from.idx, to.idx) {
			f()
		}
	}})
}

func (s *sim) fail(format string, args ...any) {
	if len(s.violations) < 8 {
		s.violations = append(s.violations, fmt.Sprintf("%dms ", s.rel()/msec)+fmt.Sprintf(format, args...))
	}
}

// run simulates until end.
func (s *sim) run(end strategy.Time) {
	end += s.now
	for s.queue.Len() > 0 && s.queue[0].at <= end {
		e := heap.Pop(&s.queue).(simEvent)
		s.now = max(s.now, e.at)
		if e.n != nil {
			if !e.n.up {
				continue
			}
			if e.n.paused {
				e.n.held = append(e.n.held, e)
				continue
			}
		}
		e.f()
	}
}

// resume lets a paused node run again: what waited for it comes at once, in order.
func (s *sim) resume(n *simNode) {
	n.paused, n.resumedAt = false, s.now
	for _, e := range n.held {
		e.at = s.now
		s.seq++
		e.seq = s.seq
		heap.Push(&s.queue, e)
	}
	n.held = nil
}

// gossip tells everybody what became of node n, unless something newer was told.
func (s *sim) gossip(n *simNode, st MemberState, base strategy.Time) {
	n.inc++
	inc := n.inc
	n.incs[n.idx] = inc
	for _, o := range s.nodes {
		if o == n {
			continue
		}
		s.after(base+s.rnd(20*msec, max(300*msec, s.sc.Lag)), o, func() {
			if inc <= o.incs[n.idx] || s.split && s.sides[n.idx] != s.sides[o.idx] {
				return
			}
			o.incs[n.idx] = inc
			o.setMember(n.idx, st)
		})
	}
}

// truth is what a perfect view would say.
func (n *simNode) truth() MemberState {
	switch {
	case !n.up:
		return Dead
	case n.leaving:
		return Leaving
	}
	return Active
}

func (s *sim) addNode() *simNode {
	if len(s.nodes) >= maxNodes {
		return nil
	}
	n := newSimNode(s, len(s.nodes))
	if s.split {
		s.sides[n.idx] = s.rng.IntN(2)
	}
	var seeds, leaving []*simNode
	for _, o := range s.nodes {
		switch reached := o.up && !o.paused && !s.cut(n.idx, o.idx); {
		case reached && o.view[o.idx] == Active:
			seeds = append(seeds, o)
		case reached && o.leaving:
			leaving = append(leaving, o)
		}
	}
	if len(seeds) == 0 {
		seeds = leaving
	}
	if len(seeds) > 0 {
		o := seeds[s.rng.IntN(len(seeds))]
		for i := range o.view {
			n.view[i], n.incs[i] = o.view[i], o.incs[i]
		}
		n.incs[o.idx] = o.inc
	}
	s.nodes = append(s.nodes, n)
	s.gossip(n, Active, 0)
	n.setMember(n.idx, Active)
	s.after(s.rnd(0, 50*msec), n, n.tick)
	s.after(s.rnd(300*msec, 600*msec), n, n.pushPull)
	return n
}

// pushPull takes over what another node knows better.
func (n *simNode) pushPull() {
	s := n.s
	var peers []*simNode
	for _, o := range s.nodes {
		if o != n && o.up && !o.paused && !(s.split && s.sides[o.idx] != s.sides[n.idx]) {
			peers = append(peers, o)
		}
	}
	if len(peers) > 0 {
		o := peers[s.rng.IntN(len(peers))]
		for i := range s.nodes {
			if i != n.idx && o.incs[i] > n.incs[i] && !(s.split && s.sides[i] != s.sides[n.idx]) {
				n.incs[i] = o.incs[i]
				n.setMember(i, o.view[i])
			}
		}
	}
	s.after(s.rnd(500*msec, 1000*msec), n, n.pushPull)
}

func (s *sim) crash(n *simNode) {
	n.up = false
	s.gossip(n, Dead, s.rnd(1500*msec, 2400*msec))
	s.after(4000*msec, nil, func() { // whoever has joined since has probed it too
		for _, o := range s.nodes {
			if o.up && !o.paused && o.view[n.idx] == Active {
				o.incs[n.idx] = n.inc
				o.setMember(n.idx, Dead)
			}
		}
	})
	if !s.sc.Proof {
		return
	}
	for _, o := range s.nodes {
		if o != n && o.up {
			s.after(s.rnd(50*msec, 150*msec), o, func() {
				if !s.cut(o.idx, n.idx) {
					o.step(Proof{n.uid})
				}
			})
		}
	}
}

func (s *sim) pause(n *simNode, d, detect strategy.Time) {
	n.paused, n.pausedAt = true, s.now
	began := s.now
	s.after(detect, nil, func() {
		// Whoever runs again refutes that it is suspected, unless it stops before that is heard.
		if refuted := n.resumedAt > began && n.pausedAt-n.resumedAt > max(300*msec, s.sc.Lag); n.paused && !refuted {
			s.gossip(n, Dead, 0)
		}
	})
	s.after(d, nil, func() {
		s.resume(n)
		s.gossip(n, n.truth(), 0)
	})
}

func (s *sim) splitNet(d strategy.Time) {
	s.split, s.sides = true, map[int]int{}
	for i := range s.nodes {
		s.sides[i] = s.rng.IntN(2)
	}
	s.sides[0], s.sides[len(s.nodes)-1] = 0, 1
	for _, a := range s.nodes {
		for _, b := range s.nodes {
			if s.sides[a.idx] != s.sides[b.idx] {
				s.after(s.rnd(1500*msec, 2200*msec), a, func() {
					if s.split && s.sides[a.idx] != s.sides[b.idx] {
						a.incs[b.idx] = min(a.incs[b.idx], b.inc-1)
						a.setMember(b.idx, Dead)
					}
				})
			}
		}
	}
	s.after(d, nil, s.heal)
}

func (s *sim) heal() {
	s.split, s.healed = false, s.now
	for _, a := range s.nodes {
		for _, b := range s.nodes {
			if a != b {
				s.after(s.rnd(50*msec, 700*msec), a, func() {
					if !s.split {
						a.incs[b.idx] = b.inc
						a.setMember(b.idx, b.truth())
					}
				})
			}
		}
	}
}

// healthy reports whether every partition is served once, held twice, and nowhere held in another term: the next fault
// is then a single one.
func (s *sim) healthy() bool {
	if s.split || s.now < s.healed+2500*msec {
		return false
	}
	for p := range uint32(simParts) {
		var owner *partition
		for _, n := range s.nodes {
			q := n.m.parts[p]
			if !n.up || q == nil {
				continue
			}
			if n.paused || q.role == Frozen || q.role == Claiming || len(q.merges) > 0 {
				return false
			}
			if q.role == Owner {
				if owner != nil || n.parts[p].gate.Mode != Serve || !s.hasBackup(q) {
					return false
				}
				owner = q
			}
		}
		if owner == nil || s.held(p, owner.copy.Term) {
			return false
		}
	}
	return true
}

// held reports whether anybody holds a copy of p in another term.
func (s *sim) held(p uint32, t Term) bool {
	for _, n := range s.nodes {
		if q := n.m.parts[p]; n.up && q != nil && q.holds() && q.copy.Term != t {
			return true
		}
	}
	return false
}

func (s *sim) hasBackup(q *partition) bool {
	for _, h := range q.own.holders {
		o := s.nodes[h.uid[15]-1]
		if h.complete && !h.drop && o.up && o.m.parts[q.id] != nil && o.m.parts[q.id].copy.Term == q.copy.Term {
			return q.own.replicated
		}
	}
	return false
}
