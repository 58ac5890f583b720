package ownership

// Event is what a machine can be told. See [Machine.Step].
type Event interface{ isEvent() }

// Tick lets time pass. A driver sends one every 50 ms at most, and one before any decision that comes more than
// Config.Pause after the last event.
type Tick struct{}

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

// Joined answers a [Join]: the partition has reached Seq mutations with it.
type Joined struct {
	P    uint32
	From UID
	ID   MergeID
	Seq  uint64
}

func (Tick) isEvent()         {}
func (ViewChanged) isEvent()  {}
func (Proof) isEvent()        {}
func (ProofCleared) isEvent() {}
func (Doubted) isEvent()      {}
func (Received) isEvent()     {}
func (Mutated) isEvent()      {}
func (Quiesced) isEvent()     {}
func (Streamed) isEvent()     {}
func (Joined) isEvent()       {}
