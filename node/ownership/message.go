package ownership

import "math"

// Message is what machines say to each other about one partition. All messages are plain structs, to be encoded as
// arrays in the order of their fields. State travels beside a message, see [State].
type Message interface{ partition() uint32 }

// Offer asks whether To would take the partition, and commits nobody.
type Offer struct {
	P    uint32
	Term Term
}

// Accept answers an Offer: go on.
type Accept struct {
	P    uint32
	Term Term
}

// Refuse answers an Offer, or a Commit for which the receiver lacks the copy that it builds on.
type Refuse struct {
	P    uint32
	Term Term
}

// Chunk is one part of a full copy. N counts from 1 without gaps; its State is one part of the records.
type Chunk struct {
	P      uint32
	Term   Term
	Stream uint64
	N      uint32
}

// Intent tells the holders of a copy who will own the partition next. It is a hint and never a copy.
type Intent struct {
	P          uint32
	Base, Next Term
}

// IntentAck answers an Intent.
type IntentAck struct {
	P    uint32
	Next Term
}

// Commit hands the partition over in Term. Its State is what changed since From, a count of mutations in Parent's
// term. Set is every holder of a copy that the receiver must have told about the term before it serves.
type Commit struct {
	P      uint32
	Term   Term
	Parent Version
	From   uint64
	Set    []UID
}

// Committed answers a Commit that was installed, now or before.
type Committed struct {
	P    uint32
	Term Term
}

// Fenced says that the receiver acted on a term that is over.
type Fenced struct {
	P    uint32
	Term Term // the highest one that the sender knows
}

// Claim asks what the receiver knows about a partition, because its owner is believed dead (or, with Validate, because
// the sender is its owner and was away).
type Claim struct {
	P        uint32
	Round    uint64
	Known    Term
	Rescue   bool
	Validate bool
}

// ClaimAnswer answers a Claim.
type ClaimAnswer struct {
	P         uint32
	Round     uint64
	Role      Role
	Rescue    bool    // the role is Claim, and it is a rescue
	Copy      Version // of the complete copy here; of an owner, what it serves
	Set       []UID   // who held copies, as the owner of that copy told
	Known     Term    // the highest term that was active as far as known here
	Intent    Term    // a term that may become active
	Claimants []UID   // who else asked lately
}

// Pull asks for the copy at Version.
type Pull struct {
	P       uint32
	Round   uint64
	Version Version
}

// Copy ends a stream that answers a Pull.
type Copy struct {
	P       uint32
	Round   uint64
	Version Version
	Stream  uint64
	Chunks  uint32
}

// Repl keeps a copy up to date. Its State is what changed since From mutations of Term, on top of Chunks chunks of
// Stream if that is not 0. A copy at exactly Parent is a copy at (Term, 0).
type Repl struct {
	P      uint32
	Term   Term
	Parent Version
	From   uint64
	Stream uint64
	Chunks uint32
	Set    []UID
	Drop   bool // the receiver is to keep no copy that came by a stream before Stream
}

// Rack answers a Repl: the sender knows Term, and if Complete holds a copy at (Term, Seq). Unasked, which Stream then
// says, it reports a copy whose owner may not know of it.
type Rack struct {
	P        uint32
	Term     Term
	Seq      uint64
	Complete bool
	Dropped  bool
	Stream   uint64
}

// unasked is the Stream of a Rack that answers nothing.
const unasked = math.MaxUint64

// Delta is Repl for a copy that is complete and knows its Set: its State is what changed since From mutations.
type Delta struct {
	P    uint32
	Term Term
	From uint64
}

// DeltaAck answers a Delta: the sender holds a copy at (Term, Seq), or, if Lacks, needs a Repl.
type DeltaAck struct {
	P     uint32
	Term  Term
	Seq   uint64
	Lacks bool
}

// Dismiss is a Repl with Drop that goes by way of another node, because its owner and Holder cannot talk: whoever else
// is sent it passes it on.
type Dismiss struct {
	P      uint32
	Term   Term
	Parent Version
	Stream uint64
	Holder UID
}

// Dismissed answers a Dismiss, the same way back: Holder has no copy any more.
type Dismissed struct {
	P      uint32
	Term   Term
	Stream uint64
	Holder UID
}

// MergeID names one divergent copy.
type MergeID struct {
	Version Version
	Holder  UID
}

// Merge brings a divergent copy to the owner, to be joined. Its State is the whole copy.
type Merge struct {
	P  uint32
	ID MergeID
}

// Merged answers a Merge once the joined state is replicated.
type Merged struct {
	P  uint32
	ID MergeID
}

func (m Offer) partition() uint32       { return m.P }
func (m Accept) partition() uint32      { return m.P }
func (m Refuse) partition() uint32      { return m.P }
func (m Chunk) partition() uint32       { return m.P }
func (m Intent) partition() uint32      { return m.P }
func (m IntentAck) partition() uint32   { return m.P }
func (m Commit) partition() uint32      { return m.P }
func (m Committed) partition() uint32   { return m.P }
func (m Fenced) partition() uint32      { return m.P }
func (m Claim) partition() uint32       { return m.P }
func (m ClaimAnswer) partition() uint32 { return m.P }
func (m Pull) partition() uint32        { return m.P }
func (m Copy) partition() uint32        { return m.P }
func (m Repl) partition() uint32        { return m.P }
func (m Rack) partition() uint32        { return m.P }
func (m Delta) partition() uint32       { return m.P }
func (m DeltaAck) partition() uint32    { return m.P }
func (m Dismiss) partition() uint32     { return m.P }
func (m Dismissed) partition() uint32   { return m.P }
func (m Merge) partition() uint32       { return m.P }
func (m Merged) partition() uint32      { return m.P }
