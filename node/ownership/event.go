package ownership

import "github.com/traffik-io/traffik/strategy"

// Event is what a machine can be told. See [Machine.Step].
type Event interface{ isEvent() }

// Tick lets time pass. A driver sends one every 50 ms at most, and one before any decision that comes more than
// Config.Pause after the last event.
type Tick struct{}

// Proceed goes on with what was put off: thousands of partitions may have to be looked at after a change of the view, and to
// move, a few at a time. A driver may send some between two Ticks, see [Machine.Unfinished].
type Proceed struct{}

// ViewChanged replaces the view.
type ViewChanged struct {
	Members []Member // full members, and self
	Ring    Ring
}

// Proof says that a process is certainly dead, though the view may not say so yet.
type Proof struct{ UID UID }

// ProofCleared takes a Proof back.
type ProofCleared struct{ UID UID }

// Doubted says that somebody told this node that it is dead in their view: what it owns must be validated.
type Doubted struct{}

// Received is a message with the state that came beside it.
type Received struct {
	From  UID
	Msg   Message
	State State
}

// Mutated says that the partition has reached Seq mutations in its term.
type Mutated struct {
	P   uint32
	Seq uint64
}

// Quiesced answers a [Freeze]: no turn runs, and Seq is final.
type Quiesced struct {
	P   uint32
	Seq uint64
}

// Streamed answers a [Stream]: Chunks chunks are handed to the link, and hold at least the first Seq mutations.
type Streamed struct {
	P      uint32
	To     UID
	Stream uint64
	Chunks uint32
	Seq    uint64
}

// Flowed ends a [Flow] of P. Seq is how many mutations the partition has by now. An owner tells with Acked how many its
// peers have, as Flow named them, and with At since when at least one lacks some; a holder with At when it last heard of
// its owner.
type Flowed struct {
	P     uint32
	Seq   uint64
	Acked []uint64
	At    strategy.Time
}

// Heard says that something of UID was read that is no Received, since the event before: it lives.
type Heard struct{ UID UID }

// Undelivered says that bulk messages to To did not arrive: they need not be waited for.
type Undelivered struct{ To UID }

// Joined answers a [Join]: the partition has reached Seq mutations with it.
type Joined struct {
	P    uint32
	From UID
	ID   MergeID
	Seq  uint64
}

func (Tick) isEvent()         {}
func (Proceed) isEvent()      {}
func (ViewChanged) isEvent()  {}
func (Proof) isEvent()        {}
func (ProofCleared) isEvent() {}
func (Doubted) isEvent()      {}
func (Received) isEvent()     {}
func (Mutated) isEvent()      {}
func (Quiesced) isEvent()     {}
func (Streamed) isEvent()     {}
func (Flowed) isEvent()       {}
func (Heard) isEvent()        {}
func (Undelivered) isEvent()  {}
func (Joined) isEvent()       {}
