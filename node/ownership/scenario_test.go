package ownership

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/traffik-io/traffik/strategy"
)

// scenario is one run: everything that is random in it comes from Seed. Faults can be left out to shrink it.
type scenario struct {
	Seed     uint64
	Mode     string
	LatMin   strategy.Time // one way, microseconds
	LatMax   strategy.Time
	Silence  strategy.Time
	Patience strategy.Time `json:",omitzero"` // 2 s if 0
	Every    strategy.Time // mean gap between hits
	Attempt  strategy.Time // after which a hit is tried again
	Lag      strategy.Time `json:",omitzero"` // of gossip, at most; 300 ms if 0
	Load     strategy.Time `json:",omitzero"` // until when there are hits; 8.5 s if 0
	End      strategy.Time `json:",omitzero"` // 15 s if 0
	Nodes    int
	Sync     bool
	Proof    bool
	Flows    bool `json:",omitzero"` // the drivers take what Machine.Flow gives
	Batch    int  `json:",omitzero"` // of the machines; 4 if 0
	// Directed ranks the nodes by number in every partition, but for the node First, which ranks first.
	Directed bool `json:",omitzero"`
	First    int  `json:",omitzero"`
	Faults   []fault
}

// fault is something that happens to a node that is chosen when it happens: the Who-th of those that it can happen to.
// In a directed schedule, which Ranked says, it is the Who-th in the rank of partition 0, and it happens for sure, but
// not before Await has come about: "frozen" or "owner" is then the role of the Too-th in partition 0.
type fault struct {
	At       strategy.Time
	Kind     string
	Who, Too int
	For      strategy.Time
	Detect   strategy.Time
	Ranked   bool   `json:",omitzero"`
	Await    string `json:",omitzero"`
}

var modes = []string{"churn", "crash", "pause", "split", "links", "mixed", "mixed", "mixed", "storm", "storm", "apart"}

// newScenario is the scenario of a seed.
func newScenario(seed uint64) scenario {
	r := rand.New(rand.NewPCG(seed, 7))
	sc := scenario{Seed: seed, Mode: modes[r.IntN(len(modes))], Nodes: 4 + r.IntN(3), Sync: r.IntN(4) > 0, Proof: r.IntN(3) > 0}
	between := func(lo, hi int64) strategy.Time { return strategy.Time(lo+r.Int64N(hi-lo+1)) * msec }
	switch r.IntN(4) {
	case 0:
		sc.LatMin, sc.LatMax = 200, 2*msec
	case 1:
		sc.LatMin, sc.LatMax = 200, between(5, 40)
	case 2:
		sc.LatMin, sc.LatMax = between(10, 20), between(30, 60)
	case 3:
		sc.LatMin, sc.LatMax = between(20, 60), between(80, 150)
	}
	sc.Silence = 2*sc.LatMax + 60*msec
	sc.Every, sc.Attempt = between(4, 9), between(60, 400)
	if sc.Mode == "apart" { // two nodes, while all others reach both
		sc.Every, sc.Load, sc.End = 3*sc.Every, 14_000*msec, 40_000*msec
		f := newFault(r, "apart", between(1200, 2000))
		f.Kind, f.For = []string{"reject", "oneway"}[r.IntN(2)], between(10_000, 30_000)
		sc.Faults = append(sc.Faults, f)
		for at := between(3000, 6000); at < 11_000*msec; at += between(1000, 4000) {
			sc.Faults = append(sc.Faults, newFault(r, sc.Mode, at))
		}
		return sc
	}
	for at := between(1200, 2000); at < 6000*msec; at += between(150, 900) {
		sc.Faults = append(sc.Faults, newFault(r, sc.Mode, at))
	}
	if r.IntN(2) == 0 {
		sc.Patience = 500 * msec // so little that whoever is slow for a moment is replaced as well
	}
	return sc
}

// withFlows is newScenario, in which the drivers of odd seeds take flows.
func withFlows(seed uint64) scenario {
	sc := newScenario(seed)
	sc.Flows = seed%2 == 1
	return sc
}

func newFault(r *rand.Rand, mode string, at strategy.Time) fault {
	kinds := map[string][]string{
		"churn": {"join", "leave", "leave2"},
		"crash": {"crash", "crash", "join", "join"},
		"pause": {"pause"},
		"split": {"split", "join"},
		"links": {"oneway", "reject", "join", "leave"},
		"mixed": {"join", "join", "leave", "crash", "pause", "oneway", "reject", "split"},
		"apart": {"crash", "crash", "join", "leave", "oneway", "reject"},
		"storm": {"join", "leave", "pause", "pause", "pause", "crash", "oneway", "reject"},
	}[mode]
	f := fault{At: at, Kind: kinds[r.IntN(len(kinds))], Who: r.IntN(1 << 16), Too: r.IntN(1 << 16)}
	between := func(lo, hi int64) strategy.Time { return strategy.Time(lo+r.Int64N(hi-lo+1)) * msec }
	f.Detect = between(1500, 2200)
	switch f.Kind {
	case "pause":
		if f.For = between(300, 3500); r.IntN(2) == 0 {
			f.For = f.Detect + between(-300, 600)
		}
	case "split":
		f.For = between(1800, 3500)
	default:
		f.For = between(400, 1500)
	}
	return f
}

// inject does f now, or a little later if that would be a second fault at once; after a while it is left out.
func (s *sim) inject(f fault, tries int) {
	if f.Ranked {
		s.injectRanked(f)
		return
	}
	var up []*simNode
	for _, n := range s.nodes {
		if n.up && !n.leaving && !n.paused {
			up = append(up, n)
		}
	}
	if len(up) < 3 && f.Kind != "join" {
		return
	}
	single := f.Kind == "crash" || f.Kind == "pause" && s.sc.Mode != "storm" || f.Kind == "split"
	if single && !s.healthy() {
		if tries < 60 && s.rel() < s.loadEnd()-500*msec {
			s.after(50*msec, nil, func() { s.inject(f, tries+1) })
		}
		return
	}
	n, o := up[f.Who%len(up)], up[f.Too%len(up)]
	if strings.HasPrefix(f.Kind, "leave") && !s.hasCompany(n, up) {
		return // it would exit at once, as nobody that it knows of is left to take over
	}
	s.apply(f, n, o)
	if f.Kind == "leave2" && o != n && len(up) > 3 {
		s.leave(o)
	}
}

func (s *sim) injectRanked(f fault) {
	who, too := s.order[0][f.Who], s.order[0][f.Too]
	if f.Await != "" && (too >= len(s.nodes) || s.nodes[too].m.Status(0).Role.String() != f.Await) {
		s.after(msec, nil, func() { s.injectRanked(f) })
		return
	}
	s.apply(f, s.nodes[who], s.nodes[too])
}

// apply does f to n, or between n and o.
func (s *sim) apply(f fault, n, o *simNode) {
	s.events++
	if s.log != nil {
		s.log("%d %s %d %d for %d", s.rel()/msec, f.Kind, n.idx, o.idx, f.For/msec)
	}
	switch f.Kind {
	case "join":
		s.addNode()
	case "leave", "leave2":
		s.leave(n)
	case "crash":
		s.crash(n)
	case "pause":
		s.events++
		s.pause(n, f.For, f.Detect)
	case "split":
		s.events += 3
		s.splitNet(f.For)
	case "oneway", "reject":
		s.cutLink(f.Kind, n.idx, o.idx, f.For)
	}
}

func (s *sim) hasCompany(n *simNode, up []*simNode) bool {
	for _, o := range up {
		if o != n && n.view[o.idx] == Active && !s.cut(n.idx, o.idx) {
			return true
		}
	}
	return false
}

func (s *sim) leave(n *simNode) {
	n.leaving = true
	s.gossip(n, Leaving, 0)
	s.after(0, n, func() { n.setMember(n.idx, Leaving) })
}

func (s *sim) cutLink(kind string, a, b int, d strategy.Time) {
	if a == b {
		return
	}
	s.cuts[[2]int{a, b}] = true
	if kind == "reject" {
		s.cuts[[2]int{b, a}] = true
	}
	s.after(d, nil, func() {
		delete(s.cuts, [2]int{a, b})
		delete(s.cuts, [2]int{b, a})
	})
}

// play runs a scenario and returns what it violated.
func play(sc scenario, off rule, log func(string, ...any)) *sim {
	s := newSim(sc, off)
	s.log = log
	for range sc.Nodes {
		s.addNode()
	}
	for _, n := range s.nodes {
		for _, o := range s.nodes {
			n.setMember(o.idx, Active)
		}
	}
	for _, f := range sc.Faults {
		s.after(f.At, nil, func() { s.inject(f, 0) })
	}
	s.load(s.loadEnd())
	s.run(cmp.Or(sc.End, 15_000*msec))
	s.check()
	return s
}

func (s *sim) loadEnd() strategy.Time { return cmp.Or(s.sc.Load, 8500*msec) }

// shrink leaves out faults as long as the run still fails.
func shrink(sc scenario, off rule) scenario {
	for again := true; again; {
		again = false
		for i := range sc.Faults {
			t := sc
			t.Faults = append(append([]fault(nil), sc.Faults[:i]...), sc.Faults[i+1:]...)
			if len(play(t, off, nil).violations) > 0 {
				sc, again = t, true
				break
			}
		}
	}
	return sc
}

func (s *sim) short(t Term) string {
	return fmt.Sprintf("%d:%d<%d", t.N, int(t.Owner[15])-1, int(t.Minter[15])-1)
}
