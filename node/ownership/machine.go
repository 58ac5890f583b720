package ownership

import (
	"fmt"
	"slices"

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
	due       []*partition // of tick, as is unused
	unused    []*partition
	line      []*partition // those that wait for their turn to move
	unseen    []*partition // those not looked at since the view changed
	recalls   int          // by the last Tick or Proceed
	rounds    uint64       // of claims
	streams   uint64
	handing   int         // handoffs in flight
	handingTo map[UID]int // by target

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
		changed := m.recheck()
		m.tick(m.listen() || changed)
	case Proceed:
		m.proceed()
	case ViewChanged:
		m.setView(e)
		m.begin()
		m.tick(true)
	case Proof:
		if !m.view.proof[e.UID] {
			m.view.proof[e.UID] = true
			m.begin()
			m.tick(true)
		}
	case ProofCleared:
		delete(m.view.proof, e.UID)
		m.unsettled = m.now
	case Doubted:
		m.doubt()
	case Received:
		if q := m.part(e.Msg.partition()); q != nil && e.From != m.cfg.Self && e.From != (UID{}) {
			m.hear(e.From)
			m.answered(e)
			m.receive(q, e)
			m.follow(q, e.Msg)
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
		q.steady, q.calm = false, false
	})
}

// tick drives whatever waits for time to pass, and what may look different in a new view. Thousands of partitions may have
// something due, and hits wait for those that are in use: they come first, and after a change most is put off.
func (m *Machine) tick(changed bool) {
	if changed && m.cfg.InUse != nil {
		m.eachPartition(func(q *partition) { q.used = m.cfg.InUse(q.id) })
	}
	m.recalls, m.line = 0, m.line[:0]
	due, unused := m.due[:0], m.unused[:0]
	m.eachPartition(func(q *partition) {
		switch {
		case !changed && !(q.flowing && q.misplaced) && (q.flowing || q.calm && m.on(ruleCalm)):
		case q.used:
			due = append(due, q)
		default:
			unused = append(unused, q)
		}
	})
	due = append(due, unused...)
	m.due, m.unused = due, unused
	if changed {
		m.unseen = append(m.unseen[:0], due...)
		m.lookOn()
	} else {
		for _, q := range due {
			m.tend(q, false)
		}
	}
	if m.state() == Leaving && m.drained() {
		m.emit(Drained{})
	}
}

// tend does what is due for q, or puts it into the line.
func (m *Machine) tend(q *partition, changed bool) {
	if q.flowing && changed {
		q.misplaced = !m.undisturbed(q)
	}
	switch {
	case !q.flowing:
		if m.drive(q); m.stands(q) {
			m.line = append(m.line, q)
		}
	case !q.misplaced:
	case !m.mayStay(q) || m.recalls < m.cfg.MaxRecalls:
		m.recalls++
		m.recall(q)
	default:
		m.line = append(m.line, q)
	}
}

// lookOn looks at some of the partitions that were not looked at since the view changed.
func (m *Machine) lookOn() {
	n := min(len(m.unseen), m.cfg.Batch)
	for _, q := range m.unseen[:n] {
		m.tend(q, true)
	}
	m.unseen = append(m.unseen[:0], m.unseen[n:]...)
}

// stands reports whether q waits for its turn to be handed over.
func (m *Machine) stands(q *partition) bool {
	return q.role == Owner && q.own.open && q.own.hand.step == handIdle && m.now >= q.own.retryAt && m.desired(q.id) != m.cfg.Self
}

// proceed goes on with what tick has put off.
func (m *Machine) proceed() {
	if len(m.unseen) > 0 {
		m.recalls = m.cfg.MaxRecalls // what may stay waits in the line, which goes on at its own pace
		m.lookOn()
		return
	}
	m.recalls = 0
	m.line = slices.DeleteFunc(m.line, func(q *partition) (done bool) {
		switch {
		case q.flowing && q.misplaced:
			if m.recalls == m.cfg.MaxRecalls {
				return false
			}
			m.recalls++
			m.recall(q)
		case !q.flowing && m.stands(q):
			if !m.hasRoom(m.desired(q.id)) {
				return false
			}
			m.drive(q)
		}
		return true
	})
}

// Unfinished reports whether Proceed has something to go on with, and if so whether that is urgent: there are partitions
// that were not looked at since the view changed.
func (m *Machine) Unfinished() (unfinished, urgent bool) {
	return len(m.unseen)+len(m.line) > 0, len(m.unseen) > 0
}

// begin allocates the partitions that this node should own and knew nothing of.
func (m *Machine) begin() {
	if m.state() != Active {
		return
	}
	for p := range m.cfg.Partitions {
		if m.parts[p] == nil && m.desired(p) == m.cfg.Self {
			m.part(p)
		}
	}
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
	q.calm = q.steady && q.caughtUp()
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
