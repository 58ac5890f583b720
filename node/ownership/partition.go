package ownership

import (
	"slices"

	"github.com/traffik-io/traffik/strategy"
)

// Role is what this node is to a partition.
type Role uint8

// The roles. An Owner that validates is still an Owner, but does not serve.
const (
	None     Role = iota // holds nothing
	Backup               // holds a copy
	Claiming             // asks who owns it, to own it
	Owner                // serves it, or will once the holders know
	Frozen               // handing it over, for about a round trip
)

// String is the role in lower case.
func (r Role) String() string {
	return [...]string{"none", "backup", "claiming", "owner", "frozen"}[r]
}

// partition is one partition at one node.
type partition struct {
	id   uint32
	role Role
	gate Gate // as last told

	steady bool // only replication may be due, until an event names it or the view changes
	calm   bool // nor that

	flowing   bool // the driver has it, see Flow
	misplaced bool // and something is due since the view changed last
	used      bool // as Config.InUse said then
	unseen    bool // in agenda.unseen
	restless  bool // in agenda.restless, as is every one that is neither calm nor a flow in its place

	copy   Version // zero: no complete copy
	parent Version // what copy.Term continued
	set    []UID   // the holders of copy, as its owner told
	stream Version // the last stream of a term that was installed here, or after which the copy was dropped

	hint   Term   // the highest term that was active, as far as known
	intent Term   // a later one that its owner announced
	seenN  uint64 // the highest number of any term seen

	own       *owning
	claim     *claiming
	claimants []claimant
	nextClaim strategy.Time
	ownerSeen strategy.Time // when an owner last showed
	served    Term          // the last in which an owner said that it serves
	orphaned  strategy.Time // since when the owner of the copy here is dead, and nobody has asked for it; zero: it is not
	report    strategy.Time // when to tell the owner about the copy here; zero: not
	staged    []staged
	pulls     []pull
	merges    []*merge
}

func (q *partition) holds() bool { return q.copy != Version{} }

// saw notes the number of a term, so that no number is minted twice.
func (q *partition) saw(t Term) { q.seenN = max(q.seenN, t.N) }

// learn notes that t was active. Whoever serves in an earlier term stops.
func (m *Machine) learn(q *partition, t Term) {
	q.saw(t)
	if !q.hint.Less(t) {
		return
	}
	if q.role == Frozen && t == q.own.hand.term {
		m.handedOver(q)
		return
	}
	q.hint = t
	if q.intent.Less(t) {
		q.intent = t
	}
	if q.role == Owner || q.role == Frozen {
		m.stepDown(q)
	}
}

// stepDown ends the service of a term that is over. What it admitted is set aside, to be merged.
func (m *Machine) stepDown(q *partition) {
	m.endOwning(q)
	m.rest(q)
	m.retain(q)
}

// endOwning forgets what only an owner knows.
func (m *Machine) endOwning(q *partition) {
	if q.own != nil {
		if q.own.hand.step != handIdle {
			m.endHandoff(q)
		}
		q.set = q.own.holderSet(m.cfg.Self)
	}
	q.own, q.claim = nil, nil
}

// rest is the role of those who neither serve nor want to. Who wanted to, and has a copy, reports that: others may have
// passed it over.
func (m *Machine) rest(q *partition) {
	if q.role == Claiming && q.holds() && q.report == 0 {
		q.report = m.now + toTime(claimRetry)
	}
	q.claim = nil
	q.role = None
	if q.holds() {
		q.role = Backup
	}
	m.settleGate(q)
}

// activate makes this node the owner in term t of what it has just installed, the copy at parent. need are those
// who must know before it serves, holders those who may have a copy.
func (m *Machine) activate(q *partition, t Term, parent Version, need, holders []UID) {
	m.endOwning(q)
	m.emit(Adopt{q.id, t})
	q.saw(t)
	q.role, q.hint, q.intent = Owner, t, t
	q.copy, q.parent = Version{Term: t}, parent
	q.staged, q.pulls, q.report = nil, nil, 0
	q.own = &owning{}
	for _, u := range need {
		if u != m.cfg.Self && !slices.Contains(q.own.need, u) && m.on(ruleH4) {
			q.own.need = append(q.own.need, u)
		}
	}
	for _, u := range append(slices.Clone(need), holders...) {
		q.own.track(u, m.cfg.Self)
	}
}

// settleGate tells the driver what to do with hits, if that changed.
func (m *Machine) settleGate(q *partition) {
	g := Gate{P: q.id, Term: q.hint}
	switch q.role {
	case Owner:
		g.Mode, g.Owner, g.Term = Park, m.cfg.Self, q.copy.Term
		if q.own.open && q.claim == nil {
			g.Mode = Serve
		}
	case Frozen, Claiming:
		g.Mode = Park
	default:
		if o := q.hint.Owner; o != m.cfg.Self && !m.dead(o) {
			g.Owner = o
		}
	}
	if g != q.gate {
		if g.Mode != q.gate.Mode || g.Mode != Park {
			m.emit(g)
		}
		q.gate = g
	}
}
