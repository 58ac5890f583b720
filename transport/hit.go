package transport

import (
	"strings"
	"time"

	"github.com/traffik-io/traffik/strategy"
)

// Op is what a HitRequest asks for.
type Op uint8

// The operations, by their number on the wire.
const (
	Hit    Op = 1 // charge the cost and decide
	Check  Op = 2 // decide, and charge nothing
	Stat   Op = 3 // tell where the key stands
	Refund Op = 4 // give back what was charged at Charged
)

// HitRequest asks the owner of a key.
type HitRequest struct {
	Op Op
	// ID names the hit among those of its origin, whose UID both ends know: a retry keeps it, so that it is charged
	// once. It has nothing to do with the order on the link.
	ID uint64
	// SettledBelow says that the origin will retry no hit with a lower ID.
	SettledBelow uint64
	// Hi and Lo are the keyed hash of uid, key and scope.
	Hi, Lo uint64
	// Hit is what is asked. On the receiving side its Key, UID and Scope are valid until ServeHit returns; Own
	// makes them last. Policy is shared, Context is a copy.
	Hit strategy.Hit
	// Charged is the instant of the decision that a refund gives back.
	Charged strategy.Time
	// Budget is how long the answer is of use to the origin; 0 means for ever. It travels in whole microseconds,
	// rounded up.
	Budget time.Duration
}

// Own copies what r borrows of the connection, so that r may be kept after ServeHit has returned.
func (r *HitRequest) Own() {
	r.Hit.Key = strings.Clone(r.Hit.Key)
	r.Hit.UID = strings.Clone(r.Hit.UID)
	r.Hit.Scope = strings.Clone(r.Hit.Scope)
}

// Status is what kind of answer a HitResponse is.
type Status uint8

// The kinds of answers, by their number on the wire.
const (
	Decided    Status = 1 // Decision is the answer to a hit or a check
	Told       Status = 2 // Stat is the answer to a stat
	Refunded   Status = 3 // the refund was made
	NoStat     Status = 4 // a strategy of the policy keeps no statistics
	NotOwner   Status = 5 // Owner decides for this key, not the node that was asked; nothing was charged
	Overloaded Status = 6 // a bound of the owner was reached; nothing was charged
	Failed     Status = 7 // Code and Text say why nobody could decide; nothing was charged
)

// HitResponse is the answer of the node that was asked. Only the fields that the Status names are set, and Term.
type HitResponse struct {
	Status Status
	// Code tells failures apart, in a way that nodes agree on; Text is for people, at most 1024 bytes.
	Code uint64
	Text string
	// Term is that of the key's partition at the answering node; 0 if it knows none.
	Term uint64
	// Decision travels without Owner and Degraded, which the origin knows.
	Decision strategy.Decision
	// Stat travels without Key, Owner and Degraded.
	Stat *strategy.Stat
	// Owner is who decides according to the node that was asked; nil unless the Status is NotOwner.
	Owner *Owner
}

// Owner names a node that others are sent to.
type Owner struct {
	UID UID
	// Addr is where the node listens for links, at most 255 bytes. Empty if it is not known.
	Addr string
}

// maxText bounds the texts of failures, in bytes.
const maxText = 1024

// maxAddr bounds an address, in bytes.
const maxAddr = 255
