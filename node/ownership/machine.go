package ownership

import (
	"fmt"

	"github.com/traffik-io/traffik/strategy"
)

// Machine is the ownership of all partitions as one node sees it. It is not safe for concurrent use.
type Machine struct {
	cfg       Config
	now       strategy.Time
	started   bool
	view      view
	parts     []*partition
	out       []Effect
	agenda    agenda
	rounds    uint64 // of claims
	streams   uint64
	handing   int                   // handoffs in flight
	handingTo map[UID]int           // by target
	leaving   strategy.Time         // when the last began to leave of those that do; 0: nobody does
	lost      map[UID]strategy.Time // active members that went without a leave, and when

	silences  map[UID]*silence
	probeAt   strategy.Time // of those who have answered nothing for a while
	broken    bool          // one of them has answered since the last Tick
	unsettled strategy.Time // when somebody last came back to life
	off       rule
}

// New makes a machine that knows nobody: it does nothing until a [ViewChanged].
func New(cfg Config) (*Machine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("ownership: %w", err)
	}
	cfg = cfg.withDefaults()
	return &Machine{
		cfg:       cfg,
		off:       ablated(),
		parts:     make([]*partition, cfg.Partitions),
		handingTo: map[UID]int{},
		silences:  map[UID]*silence{},
		lost:      map[UID]strategy.Time{},
		view:      view{proof: map[UID]bool{}, heard: map[UID]strategy.Time{}},
	}, nil
}

// Step tells the machine one event and returns what is to be done about it, in order. The result is valid until the
// next Step. now must not go back. Events that name a partition out of range, or a state of affairs that is over, are
// ignored: they come from peers.
func (m *Machine) Step(now strategy.Time, e Event) []Effect {
	m.out = m.out[:0]
	gap := m.woke(now)
	switch e := e.(type) { // of the past: these do not end a gap
	case Flowed:
		m.flowed(e)
		return m.out
	case Heard:
		m.hear(e.UID)
		return m.out
	}
	if stood := now - m.now; m.started && stood >= toTime(stall) && m.on(ruleStall) {
		m.excuse(stood)
	}
	m.now, m.started = max(now, m.now), true
	if gap && m.wake(e) {
		return m.out
	}
	switch e := e.(type) {
	case Tick:
		m.tick()
	case Proceed:
		m.proceed()
	case ViewChanged:
		m.changed(m.setView(e))
	case Proof:
		if !m.view.proof[e.UID] {
			m.view.proof[e.UID] = true
			if m.view.states[e.UID] == Active {
				m.lost[e.UID] = m.now
			}
			m.changed(m.view.states[e.UID] != Leaving)
		}
	case ProofCleared:
		delete(m.view.proof, e.UID)
		delete(m.lost, e.UID)
		m.unsettled = m.now
	case Doubted:
		m.doubt()
	case Received:
		if q := m.part(e.Msg.partition()); q != nil && e.From != m.cfg.Self && e.From != (UID{}) {
			m.hear(e.From)
			m.answered(e)
			goesOn := q.goesOn(e.Msg)
			if m.receive(q, e); !goesOn {
				m.follow(q, e.Msg)
			}
		}
	case Mutated:
		if q := m.have(e.P); q != nil {
			m.mutated(q, e.Seq)
			m.progress(q)
		}
	case Quiesced:
		if q := m.have(e.P); q != nil {
			m.quiesced(q, e.Seq)
			m.drive(q)
		}
	case Streamed:
		if q := m.have(e.P); q != nil {
			m.streamed(q, e)
			m.drive(q)
		}
	case Undelivered:
		m.undelivered(e.To)
	case Joined:
		if q := m.have(e.P); q != nil {
			m.joined(q, e)
			m.drive(q)
		}
	}
	return m.out
}

// wake is told the first event after a gap. It reports whether that event is of the past.
func (m *Machine) wake(e Event) bool {
	for _, s := range m.silences {
		s.owes = false // it may have answered
	}
	if m.on(rulePause) {
		m.doubt()
	}
	if !m.on(ruleLinks) {
		return false
	}
	m.emit(CloseLinks{})
	_, ok := e.(Received)
	return ok
}

// doubt has everything that this node owns or wants validated, and everything that it holds reported.
func (m *Machine) doubt() {
	m.eachPartition(func(q *partition) {
		switch {
		case q.role == Owner:
			m.startClaim(q, asValidation)
		case q.role == Claiming:
			m.startClaim(q, q.claim.kind)
		case q.holds():
			q.report = m.now
		}
		m.settleGate(q)
		q.steady = false
		m.settle(q, false)
	})
}

// drive does for one partition whatever is due.
func (m *Machine) drive(q *partition) {
	switch q.role {
	case Owner, Frozen:
		m.driveOwner(q)
	case Claiming:
		m.driveClaim(q)
	default:
		m.driveIdle(q)
	}
	m.deliver(q)
	m.settleGate(q)
	q.steady = m.isSteady(q)
	m.settle(q, q.steady && q.caughtUp())
}

func (m *Machine) receive(q *partition, e Received) {
	switch msg := e.Msg.(type) {
	case Offer:
		m.onOffer(q, e.From, msg)
	case Accept:
		m.onAccept(q, e.From, msg)
	case Refuse:
		m.onRefuse(q, e.From, msg)
	case Chunk:
		m.onChunk(q, e.From, msg, e.State)
	case Intent:
		m.onIntent(q, e.From, msg)
	case IntentAck:
		m.onIntentAck(q, e.From, msg)
	case Commit:
		m.onCommit(q, e.From, msg, e.State)
	case Committed:
		m.onCommitted(q, msg)
	case Fenced:
		m.learn(q, msg.Term)
	case Claim:
		m.onClaim(q, e.From, msg)
	case ClaimAnswer:
		m.onClaimAnswer(q, e.From, msg)
	case Pull:
		m.onPull(q, e.From, msg)
	case Copy:
		m.onCopy(q, e.From, msg)
	case Repl:
		m.onRepl(q, e.From, msg, e.State)
	case Rack:
		m.onRack(q, e.From, msg)
	case Delta:
		m.onDelta(q, e.From, msg, e.State)
	case DeltaAck:
		m.onDeltaAck(q, e.From, msg)
	case Dismiss:
		m.onDismiss(q, e.From, msg)
	case Dismissed:
		m.onDismissed(q, e.From, msg)
	case Merge:
		m.onMerge(q, e.From, msg, e.State)
	case Merged:
		m.onMerged(q, msg)
	}
}

func (m *Machine) emit(e Effect) {
	if s, ok := e.(Send); ok {
		m.asked(s)
	}
	m.out = append(m.out, e)
}

func (m *Machine) send(to UID, msg Message) { m.emit(Send{To: to, Msg: msg}) }

// part is partition p, allocated when first needed; nil if there is no such partition.
func (m *Machine) part(p uint32) *partition {
	if p >= uint32(len(m.parts)) {
		return nil
	}
	if m.parts[p] == nil {
		m.parts[p] = &partition{id: p}
		m.disturb(m.parts[p])
	}
	return m.parts[p]
}

// have is partition p if something is known of it.
func (m *Machine) have(p uint32) *partition {
	if p >= uint32(len(m.parts)) {
		return nil
	}
	return m.parts[p]
}

func (m *Machine) eachPartition(f func(*partition)) {
	for _, q := range m.parts {
		if q != nil {
			f(q)
		}
	}
}
