package ownership

import "github.com/traffik-io/traffik/strategy"

// simFlow is a partition that the driver has, see Machine.Flow.
type simFlow struct {
	Flow
	p     int
	sent  []uint64      // to each peer
	since strategy.Time // of the oldest mutation that a peer lacks; 0: none
	due   bool          // it will be sent soon
}

const (
	flowLag      = 10 * msec // as the machines have it
	flowPatience = 300 * msec
)

// endFlows tells the machine what it has to know before e.
func (n *simNode) endFlows(e Event) {
	switch p := n.m.Concerns(n.s.now, e); {
	case p >= 0:
		n.endFlow(p)
	case p == AnyPartition:
		for p := range n.flows {
			n.endFlow(p)
		}
	}
}

func (n *simNode) endFlow(p int) {
	f := n.flows[p]
	if f == nil {
		return
	}
	n.flows[p] = nil
	n.traceFlow(f, "ends")
	at := f.since
	if len(f.Peers) == 0 {
		at = f.Since
	}
	n.m.Step(n.s.now, Flowed{P: uint32(p), Seq: n.parts[p].seq, Acked: f.Acked, At: at})
}

// beginFlows has the driver take whatever it may.
func (n *simNode) beginFlows() {
	for p := range n.flows {
		if n.flows[p] != nil || !n.up {
			continue
		}
		g, ok := n.m.Flow(uint32(p))
		if !ok {
			continue
		}
		f := &simFlow{Flow: g, p: p, sent: append([]uint64(nil), g.Acked...)}
		n.flows[p] = f
		n.traceFlow(f, "begins")
		if f.lag(n.parts[p].seq) {
			f.since = g.Since
			n.flowSoon(f)
		}
	}
}

// lag reports whether a peer lacks something.
func (f *simFlow) lag(seq uint64) bool {
	for _, a := range f.Acked {
		if a < seq {
			return true
		}
	}
	return false
}

// mutatedInFlow notes a mutation; false if the machine is to be told.
func (n *simNode) mutatedInFlow(p int) bool {
	f := n.flows[p]
	if f == nil {
		return false
	}
	if f.since == 0 {
		f.since = n.s.now
	}
	n.flowSoon(f)
	n.s.flowed++
	return true
}

// late reports whether answers wait, as Pace has it.
func (f *simFlow) late(now strategy.Time) bool {
	return f != nil && f.since != 0 && now-f.since >= flowLag
}

func (n *simNode) flowSoon(f *simFlow) {
	if f.due {
		return
	}
	f.due = true
	n.s.after(n.s.rnd(0, 3*msec), n, func() {
		if f.due = false; n.flows[f.p] == f && !n.slept() {
			for i := range f.Peers {
				n.sendFlow(f, i)
			}
		}
	})
}

// slept reports whether the machine has to look at the time first.
func (n *simNode) slept() bool {
	if n.s.now-n.lastStep > 1000*msec {
		n.step(Tick{})
		return true
	}
	return false
}

// sendFlow sends peer i what it lacks. If it does not acknowledge that, the machine is to see to it.
func (n *simNode) sendFlow(f *simFlow, i int) {
	s, q, o := n.s, &n.parts[f.p], n.s.nodes[f.Peers[i][15]-1]
	if f.sent[i] >= q.seq {
		return
	}
	from, to, b := f.sent[i], q.seq, q.st.extract(f.sent[i], false)
	f.sent[i] = to
	fail := func() {
		if n.flows[f.p] == f && f.Acked[i] < to && !n.slept() {
			n.step(Mutated{uint32(f.p), q.seq})
		}
	}
	s.after(flowPatience, n, fail)
	s.deliver(n, o, hot, func() {
		if o.slept() {
			return
		}
		g, p := o.flows[f.p], &o.parts[f.p]
		has := g != nil && len(g.Peers) == 0 && g.Term == f.Term && from <= p.seq
		if has && to > p.seq {
			p.st.apply(b)
			p.seq = to
		}
		if has {
			g.Since = s.now
		} else {
			o.m.Step(s.now, Heard{n.uid})
		}
		s.deliver(o, n, hot, func() {
			switch {
			case n.flows[f.p] != f || n.slept():
			case !has:
				fail()
			default:
				n.flowAcked(f, i, to)
			}
		})
	})
}

func (n *simNode) flowAcked(f *simFlow, i int, seq uint64) {
	f.Acked[i] = max(f.Acked[i], seq)
	low, q := n.parts[f.p].seq, &n.parts[f.p]
	for _, a := range f.Acked {
		low = min(low, a)
	}
	if low == q.seq {
		f.since = 0
	} // else it counts as older than it is
	n.release(q, Acked{uint32(f.p), f.Term, low})
}

// traceFlow logs what becomes of the traced partition.
func (n *simNode) traceFlow(f *simFlow, what string) {
	if n.s.log != nil && f.p == *flagPart {
		n.s.log("%d n%d flow %s at %d of %d", n.s.rel()/msec, n.idx, what, f.Acked, n.parts[f.p].seq)
	}
}
