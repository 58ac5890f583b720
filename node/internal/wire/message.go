package wire

import "github.com/traffik-io/traffik/node/ownership"

// The types of messages, by their number in a frame.
const (
	typeOffer       = 1
	typeAccept      = 2
	typeRefuse      = 3
	typeChunk       = 4
	typeIntent      = 5
	typeIntentAck   = 6
	typeCommit      = 7
	typeCommitted   = 8
	typeFenced      = 9
	typeClaim       = 10
	typeClaimAnswer = 11
	typePull        = 12
	typeCopy        = 13
	typeRepl        = 14
	typeRack        = 15
	typeMerge       = 16
	typeMerged      = 17
	typeDelta       = 18
	typeDeltaAck    = 19
	typeDismiss     = 20
	typeDismissed   = 21
)

// message writes or reads one message, and leaves *m nil if its type is not known.
func (c *codec) message(m *ownership.Message, s *ownership.State) {
	start := c.begin()
	var t uint64
	if c.writing {
		t = typeOf(*m)
	}
	c.u64(&t)
	c.state(s)
	switch t {
	case typeOffer:
		x := as[ownership.Offer](*m)
		c.u32(&x.P)
		c.term(&x.Term)
		give(c, m, x)
	case typeAccept:
		x := as[ownership.Accept](*m)
		c.u32(&x.P)
		c.term(&x.Term)
		give(c, m, x)
	case typeRefuse:
		x := as[ownership.Refuse](*m)
		c.u32(&x.P)
		c.term(&x.Term)
		give(c, m, x)
	case typeChunk:
		x := as[ownership.Chunk](*m)
		c.u32(&x.P)
		c.term(&x.Term)
		c.u64(&x.Stream)
		c.u32(&x.N)
		give(c, m, x)
	case typeIntent:
		x := as[ownership.Intent](*m)
		c.u32(&x.P)
		c.term(&x.Base)
		c.term(&x.Next)
		give(c, m, x)
	case typeIntentAck:
		x := as[ownership.IntentAck](*m)
		c.u32(&x.P)
		c.term(&x.Next)
		give(c, m, x)
	case typeCommit:
		x := as[ownership.Commit](*m)
		c.u32(&x.P)
		c.term(&x.Term)
		c.version(&x.Parent)
		c.u64(&x.From)
		c.list(&x.Set)
		give(c, m, x)
	case typeCommitted:
		x := as[ownership.Committed](*m)
		c.u32(&x.P)
		c.term(&x.Term)
		give(c, m, x)
	case typeFenced:
		x := as[ownership.Fenced](*m)
		c.u32(&x.P)
		c.term(&x.Term)
		give(c, m, x)
	default:
		c.question(t, m)
	}
	c.end(start)
}

// question is message for claims and what follows them.
func (c *codec) question(t uint64, m *ownership.Message) {
	switch t {
	case typeClaim:
		x := as[ownership.Claim](*m)
		c.u32(&x.P)
		c.u64(&x.Round)
		c.term(&x.Known)
		c.boolean(&x.Rescue)
		c.boolean(&x.Validate)
		give(c, m, x)
	case typeClaimAnswer:
		x := as[ownership.ClaimAnswer](*m)
		role := uint64(x.Role)
		c.u32(&x.P)
		c.u64(&x.Round)
		c.u64(&role)
		c.boolean(&x.Rescue)
		c.version(&x.Copy)
		c.list(&x.Set)
		c.term(&x.Known)
		c.term(&x.Intent)
		c.list(&x.Claimants)
		if role > uint64(ownership.Frozen) {
			c.fail("role")
		}
		x.Role = ownership.Role(role)
		give(c, m, x)
	case typePull:
		x := as[ownership.Pull](*m)
		c.u32(&x.P)
		c.u64(&x.Round)
		c.version(&x.Version)
		give(c, m, x)
	case typeCopy:
		x := as[ownership.Copy](*m)
		c.u32(&x.P)
		c.u64(&x.Round)
		c.version(&x.Version)
		c.u64(&x.Stream)
		c.u32(&x.Chunks)
		give(c, m, x)
	default:
		c.replication(t, m)
	}
}

// replication is message for copies and their merging.
func (c *codec) replication(t uint64, m *ownership.Message) {
	switch t {
	case typeRepl:
		x := as[ownership.Repl](*m)
		c.u32(&x.P)
		c.term(&x.Term)
		c.version(&x.Parent)
		c.u64(&x.From)
		c.u64(&x.Stream)
		c.u32(&x.Chunks)
		c.list(&x.Set)
		c.boolean(&x.Drop)
		give(c, m, x)
	case typeRack:
		x := as[ownership.Rack](*m)
		c.u32(&x.P)
		c.term(&x.Term)
		c.u64(&x.Seq)
		c.boolean(&x.Complete)
		c.boolean(&x.Dropped)
		c.u64(&x.Stream)
		give(c, m, x)
	case typeDelta:
		x := as[ownership.Delta](*m)
		c.u32(&x.P)
		c.term(&x.Term)
		c.u64(&x.From)
		give(c, m, x)
	case typeDeltaAck:
		x := as[ownership.DeltaAck](*m)
		c.u32(&x.P)
		c.term(&x.Term)
		c.u64(&x.Seq)
		c.boolean(&x.Lacks)
		give(c, m, x)
	case typeDismiss:
		x := as[ownership.Dismiss](*m)
		c.u32(&x.P)
		c.term(&x.Term)
		c.version(&x.Parent)
		c.u64(&x.Stream)
		c.uid(&x.Holder)
		give(c, m, x)
	case typeDismissed:
		x := as[ownership.Dismissed](*m)
		c.u32(&x.P)
		c.term(&x.Term)
		c.u64(&x.Stream)
		c.uid(&x.Holder)
		give(c, m, x)
	case typeMerge:
		x := as[ownership.Merge](*m)
		c.u32(&x.P)
		c.version(&x.ID.Version)
		c.uid(&x.ID.Holder)
		give(c, m, x)
	case typeMerged:
		x := as[ownership.Merged](*m)
		c.u32(&x.P)
		c.version(&x.ID.Version)
		c.uid(&x.ID.Holder)
		give(c, m, x)
	}
}

// as is m as a T, or a zero T if m is nil.
func as[T ownership.Message](m ownership.Message) T {
	x, _ := m.(T)
	return x
}

// give makes x the message that was read.
func give[T ownership.Message](c *codec, m *ownership.Message, x T) {
	if !c.writing {
		*m = x
	}
}

func typeOf(m ownership.Message) uint64 {
	switch m.(type) {
	case ownership.Offer:
		return typeOffer
	case ownership.Accept:
		return typeAccept
	case ownership.Refuse:
		return typeRefuse
	case ownership.Chunk:
		return typeChunk
	case ownership.Intent:
		return typeIntent
	case ownership.IntentAck:
		return typeIntentAck
	case ownership.Commit:
		return typeCommit
	case ownership.Committed:
		return typeCommitted
	case ownership.Fenced:
		return typeFenced
	case ownership.Claim:
		return typeClaim
	case ownership.ClaimAnswer:
		return typeClaimAnswer
	case ownership.Pull:
		return typePull
	case ownership.Copy:
		return typeCopy
	case ownership.Repl:
		return typeRepl
	case ownership.Rack:
		return typeRack
	case ownership.Delta:
		return typeDelta
	case ownership.DeltaAck:
		return typeDeltaAck
	case ownership.Dismiss:
		return typeDismiss
	case ownership.Dismissed:
		return typeDismissed
	case ownership.Merge:
		return typeMerge
	case ownership.Merged:
		return typeMerged
	}
	return 0
}
