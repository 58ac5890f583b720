package ownership

import (
	"fmt"
	"strings"

	"github.com/traffik-io/traffik/strategy"
)

// check looks at the end state: one owner per partition, the one that should own it, with everything acknowledged in
// its state and nothing charged twice.
func (s *sim) check() {
	for p := range simParts {
		var owners []*simNode
		for _, n := range s.nodes {
			if q := n.m.parts[p]; n.up && q != nil && q.role == Owner && n.parts[p].gate.Mode == Serve {
				owners = append(owners, n)
			}
		}
		if len(owners) != 1 {
			s.fail("p%d has %d owners at the end: %s", p, len(owners), s.roles(p))
			continue
		}
		n := owners[0]
		if want := s.rightful(p); n.idx != want {
			s.fail("p%d is owned by %d and should be by %d: %s", p, n.idx, want, s.roles(p))
		}
		if s.commits[p] > 2*s.events+2*s.sc.Nodes {
			s.fail("p%d was committed %d times in %d events", p, s.commits[p], s.events)
		}
		s.checkHits(p, &n.parts[p].st)
	}
}

// rightful is the top-ranked node that lives.
func (s *sim) rightful(p int) int {
	for _, i := range s.order[p] {
		if i < len(s.nodes) && s.nodes[i].up && !s.nodes[i].leaving {
			return i
		}
	}
	return -1
}

func (s *sim) checkHits(p int, st *simState) {
	lost := map[int][]strategy.Time{}
	for _, h := range s.hits {
		if h.p != p || !h.acked || st.recs[h.i%simKeys].ids[h.i/64]&(1<<(h.i%64)) != 0 {
			continue
		}
		if s.sc.Sync {
			s.fail("lost: p%d hit %d, answered by %d at %d: %s", p, h.i, h.by, (h.answered-1_700_000_000_000*msec)/msec, s.roles(p))
		}
		lost[h.by] = append(lost[h.by], h.answered)
	}
	for by, at := range lost {
		lo, hi := at[0], at[0]
		for _, t := range at {
			lo, hi = min(lo, t), max(hi, t)
		}
		if s.nodes[by].up {
			s.fail("lost: p%d %d hits of %d, which did not crash", p, len(at), by)
		} else if hi-lo > 11*msec {
			s.fail("lost: p%d %d hits of %d over %dms", p, len(at), by, (hi-lo)/msec)
		}
	}
	for k, r := range st.recs {
		ids := 0
		for h := range s.perP[p] {
			if h%simKeys == k && r.ids[h/64]&(1<<(h%64)) != 0 {
				ids++
			}
		}
		if r.count > ids || r.count < ids && s.joins[p] == 0 {
			s.fail("p%d key %d counts %d for %d hits", p, k, r.count, ids)
		}
	}
}

func (s *sim) roles(p int) string {
	var b strings.Builder
	for _, n := range s.nodes {
		if q := n.m.parts[p]; q != nil && (q.role != None || len(q.merges) > 0) {
			fmt.Fprintf(&b, " [%d up=%v %v copy=%s+%d hint=%s", n.idx, n.up, q.role, s.short(q.copy.Term), q.copy.Seq, s.short(q.hint))
			if q.own != nil {
				fmt.Fprintf(&b, " open=%v hand=%d->%d claim=%v need=%d", q.own.open, q.own.hand.step, int(q.own.hand.to[15])-1, q.claim != nil, len(q.own.need))
			}
			fmt.Fprintf(&b, " merges=%d]", len(q.merges))
		}
	}
	return b.String()
}

// trace logs what a node does about the traced partition.
func (n *simNode) trace(f Effect) {
	s := n.s
	switch f := f.(type) {
	case Send:
		if f.Msg.partition() == uint32(*flagPart) {
			s.log("%d n%d -> n%d %T%s", s.rel()/msec, n.idx, int(f.To[15])-1, f.Msg, s.show(f.Msg))
		}
	case Gate:
		if f.P == uint32(*flagPart) {
			s.log("%d n%d gate %d term %s", s.rel()/msec, n.idx, f.Mode, s.short(f.Term))
		}
	case Adopt:
		if f.P == uint32(*flagPart) {
			s.log("%d n%d adopt %s", s.rel()/msec, n.idx, s.short(f.Term))
		}
	case Stream, Freeze, Install, Discard, Retain, Join, Forget:
		var p uint32
		switch f := f.(type) {
		case Stream:
			p = f.P
		case Freeze:
			p = f.P
		case Install:
			p = f.P
		case Discard:
			p = f.P
		case Retain:
			p = f.P
		case Join:
			p = f.P
		case Forget:
			p = f.P
		}
		if p == uint32(*flagPart) {
			s.log("%d n%d %T", s.rel()/msec, n.idx, f)
		}
	case CloseLinks, Drained:
		s.log("%d n%d %T", s.rel()/msec, n.idx, f)
	}
}

func (s *sim) show(m Message) string {
	switch m := m.(type) {
	case Repl:
		return fmt.Sprintf(" term %s from %d stream %d drop %v", s.short(m.Term), m.From, m.Stream, m.Drop)
	case Rack:
		return fmt.Sprintf(" term %s seq %d complete %v dropped %v", s.short(m.Term), m.Seq, m.Complete, m.Dropped)
	case Fenced:
		return " by " + s.short(m.Term)
	case Claim:
		return fmt.Sprintf(" known %s rescue %v validate %v", s.short(m.Known), m.Rescue, m.Validate)
	case ClaimAnswer:
		return fmt.Sprintf(" %v copy %s+%d known %s intent %s", m.Role, s.short(m.Copy.Term), m.Copy.Seq, s.short(m.Known), s.short(m.Intent))
	case Commit:
		return fmt.Sprintf(" term %s from %d", s.short(m.Term), m.From)
	}
	return ""
}
