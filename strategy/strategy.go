package strategy

// Strategy is a way to limit, with its parameters. The fourteen of this package are structs whose zero value means
// the documented defaults. A custom one is the same: a struct whose exported fields are its parameters, made known to
// a node by its [Kind].
//
// A strategy travels between nodes as its name and the JSON of its fields, so two values with equal JSON must behave
// alike. It must not be changed once it is part of a [Policy].
type Strategy interface {
	// Name is the name on the wire, such as "token_bucket".
	Name() string
	// Bind checks the parameters against a rate, which is valid and not unlimited, and returns the algorithm with
	// all that can be computed beforehand. The error names the parameter and its value.
	Bind(Rate) (Algorithm, error)
}

// State is what one key has used under one limit. Its type belongs to the algorithm that made it, always a pointer.
type State any

// Algorithm is a strategy bound to a rate: pure functions over a state. It reads no clock, takes no lock and starts
// nothing; given the same state, time and hit, two nodes answer alike and end in the same state. One Algorithm serves
// many keys at once, a State one caller at a time.
//
// These four methods are all that a custom strategy must have. The interfaces below are optional; what they add, and
// what happens without, is written at each.
type Algorithm interface {
	// New returns the state of a key never seen.
	New() State
	// Decide says whether h fits at now and, if charge is set, records it: its cost if it is allowed, and
	// otherwise what the strategy records of refusals. With charge unset the state is not changed. The cost is at
	// least 1. A now before that of an earlier call must not give anything back.
	Decide(s State, now Time, h Hit, charge bool) Verdict
	// Append appends the encoded state to b.
	Append(b []byte, s State) []byte
	// Decode returns the state that Append wrote for an equal algorithm, or an error. It must not panic on any
	// input, nor keep b.
	Decode(b []byte) (State, error)
}

// Statistician is an Algorithm that keeps statistics. Without it, stat has no answer and check always allows.
type Statistician interface {
	// Stat is Decide for a hit of cost 1 that is not charged: what remains, and how long until it would fit.
	Stat(s State, now Time, h Hit) Verdict
}

// Refunder is an Algorithm that can give back what was charged. Without it, a refund is [ErrNoRefund].
type Refunder interface {
	// Refund gives back h.Cost, which was charged at the instant charged: never above full, and never into a later
	// window than that of the charge.
	Refund(s State, charged, now Time, h Hit)
}

// Joiner is an Algorithm that can join two states of one key that grew apart. Without it, the copy of the higher
// term and sequence wins.
type Joiner interface {
	// Join changes s to what covers both s and other: it is commutative, idempotent and never lowers consumption.
	Join(s, other State)
}

// Forgetter is an Algorithm that knows when a state has become that of a key never seen. Without it, a state is kept
// for [IdleLifetime] after its last hit.
type Forgetter interface {
	// NeutralAt is the instant from which on dropping s changes no decision.
	NeutralAt(s State) Time
}

// Adapter is an Algorithm that takes over a state of the same strategy, made under another rate or other parameters.
// Without it, the state is kept as it is.
type Adapter interface {
	// Adapt changes s, as old left it, so that at now all that is used stays used, rounded up, and the new limit
	// holds at once.
	Adapt(s State, old Algorithm, now Time)
}

// RefusalRecorder is an Algorithm whose refusals may change its state, so that they must reach the state's owner
// every time and be replicated. Without it, a refusal changes nothing.
type RefusalRecorder interface {
	RecordsRefusals() bool
}

// Queuer is an Algorithm whose waiting hits have slots: how long a hit waits follows from the costs ahead of it, so that
// one that would wait too long is refused at once, and one that does not wait is told when the line will be gone. Without
// it, each hit in the line is tried when the one before it has been admitted.
type Queuer interface {
	// Slot is the wait of h behind hits that wait with the costs ahead, in total, or Never.
	Slot(s State, now Time, ahead int64, h Hit) Verdict
}
