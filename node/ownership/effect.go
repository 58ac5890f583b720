package ownership

// Effect is what a machine wants done. Effects are carried out in order.
type Effect interface{ isEffect() }

// Section is one kind of state that moves with a partition: records, hit ids, the partition's clock. Kinds and their
// versions are the driver's; the machine only carries them.
type Section struct {
	Kind, Version uint16
	Body          []byte
}

// State is what was taken out of a partition at Seq mutations. It travels beside a [Message].
type State struct {
	Seq      uint64
	Sections []Section
}

// Attach says which state a driver puts beside a message.
type Attach uint8

// What can be attached.
const (
	AttachNone     Attach = iota
	AttachDelta           // what changed after From mutations of the term, and the ids and clock that belong to it
	AttachRetained        // the copy that was retained under the Merge's ID
)

// Send hands a message to the link to a peer, with the state that Attach names, extracted now. Bulk messages go on the
// bulk link, behind the chunks of the stream that they end.
type Send struct {
	To     UID
	Msg    Message
	Attach Attach
	From   uint64
	Bulk   bool
}

// Mode says what happens to a hit that reaches a partition.
type Mode uint8

// The modes of a gate. A partition of which no Gate was told is at Redirect, to nobody known.
const (
	Redirect Mode = iota // answer NOT_OWNER with Owner, zero if unknown
	Park                 // keep it, within bounds, until the next Gate
	Serve                // decide it
)

// Gate opens or closes a partition to hits. It holds before the next effect: a driver lets running turns end first.
// Parked hits follow the new mode. Closing with Redirect fails the answers that still wait for replication: their
// outcome is unknown.
type Gate struct {
	P     uint32
	Mode  Mode
	Term  Term // in which it serves, else the highest known
	Owner UID
}

// Freeze asks for [Quiesced]. The gate is closed already.
type Freeze struct{ P uint32 }

// Adopt makes the copy here the copy at (Term, 0): mutations count from 0 again.
type Adopt struct {
	P    uint32
	Term Term
}

// Install applies state: on top of the chunks that were staged from a peer under Stream, which replace what is here
// (by nothing, if there are none); or, if Stream is 0, on top of what is here. It is then the copy at (Term, State.Seq).
type Install struct {
	P      uint32
	Term   Term
	From   UID
	Stream uint64
	State  State
}

// Stage keeps a chunk for a later Install, which must find chunks 1 to N. Another stream of that peer replaces it.
type Stage struct {
	P      uint32
	From   UID
	Stream uint64
	State  State
}

// Discard drops the copy and all that is staged, not what is retained.
type Discard struct{ P uint32 }

// Retain sets the state aside under ID, unchanged by what happens to the partition, until Forget.
type Retain struct {
	P  uint32
	ID MergeID
}

// Forget drops what was retained.
type Forget struct {
	P  uint32
	ID MergeID
}

// Join joins state into the partition, or what was retained under ID if From is this node; a driver answers with
// [Joined], also if it had joined ID before.
type Join struct {
	P     uint32
	From  UID
	ID    MergeID
	State State
}

// Stream asks the driver to send the whole partition in chunks on the bulk link, at its own pace, and to answer with
// [Streamed]. A second one to the same peer replaces the first.
type Stream struct {
	P      uint32
	To     UID
	Term   Term
	Stream uint64
}

// Acked says that Seq mutations of the term, and the state that it began with, are as safe as they can be: answers up
// to it may go out, also where they were to wait.
type Acked struct {
	P    uint32
	Term Term
	Seq  uint64
}

// Pace says whether answers of asynchronously replicated hits must wait for [Acked] as well, because the backup is more
// than Config.MaxLag behind. A new term starts with Wait unset.
type Pace struct {
	P    uint32
	Wait bool
}

// Recall ends the flow of P, see [Machine.Flow]: [Mutated] is to be stepped, with the count reached.
type Recall struct{ P uint32 }

// CloseLinks closes all links, unread: this process was away, and what waits in its buffers is of the past.
type CloseLinks struct{}

// Drained says that a leaving node holds nothing any more that others need. It may exit.
type Drained struct{}

func (Send) isEffect()       {}
func (Gate) isEffect()       {}
func (Freeze) isEffect()     {}
func (Adopt) isEffect()      {}
func (Install) isEffect()    {}
func (Stage) isEffect()      {}
func (Discard) isEffect()    {}
func (Retain) isEffect()     {}
func (Forget) isEffect()     {}
func (Join) isEffect()       {}
func (Stream) isEffect()     {}
func (Acked) isEffect()      {}
func (Pace) isEffect()       {}
func (Recall) isEffect()     {}
func (CloseLinks) isEffect() {}
func (Drained) isEffect()    {}
