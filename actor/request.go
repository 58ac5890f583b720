package actor

import (
	"errors"

	"github.com/traffik-io/traffik/strategy"
)

// Errors that an Answer may carry. They mean that nobody could decide; over the limit is a decision.
var (
	// ErrOverloaded says that a bound of the Config is reached; the error that wraps it says which.
	ErrOverloaded = errors.New("overloaded")
	// ErrClosed says that the System is closed.
	ErrClosed = errors.New("actors are closed")
	// ErrPanic says that a strategy panicked; the error that wraps it holds the value.
	ErrPanic = errors.New("strategy panicked")
)

// Key is the keyed 128-bit hash of uid, key and scope. The top bits of Hi are the partition.
type Key struct{ Hi, Lo uint64 }

// Op is what a Request asks for.
type Op uint8

// The operations of a Request. The zero value is OpHit.
const (
	OpHit    Op = iota // decide and charge Hit; wait in line for up to Hit.MaxWait
	OpCheck            // decide as OpHit would for a hit that does not wait, and charge nothing
	OpStat             // tell where the key stands
	OpRefund           // give back Hit.Cost, which was charged at Charged
	opForget           // become a key never seen
	opCancel           // take target out of the line
	opClose            // answer everyone in the line with ErrClosed
)

// Request asks the actor of a key for one thing.
type Request struct {
	// Op is what is asked for.
	Op Op
	// Hit is what it is asked for. It is not validated here.
	Hit strategy.Hit
	// Charged is when the hit that an OpRefund gives back was charged: its Decision.At.
	Charged strategy.Time
	// Note, if set, is told when the request has changed something.
	Note Noter
}

// Noter is told of a mutation before anybody else can see it.
type Noter interface {
	// Note is called at most once, with the count of mutations that includes this one, and before [System.Changes]
	// returns that count, Config.Changed is told of it, or Reply is called. A lock is held: it must not block, nor call
	// the System.
	Note(seq uint64, a Answer)
}

// Answer is the outcome of a Request.
type Answer struct {
	// Decision is the answer to OpHit and OpCheck.
	Decision strategy.Decision
	// Stat is the answer to OpStat; nil if the strategy keeps no statistics.
	Stat *strategy.Stat
	// Seq is the partition's count of mutations that includes what this request changed; 0 if it changed nothing, or
	// without Config.Track.
	Seq uint64
	// Err is set if the request was not carried out: ErrOverloaded, ErrClosed or ErrPanic, what [strategy.Records]
	// returns, or the error of the context of a hit that waited.
	Err error
}

// Replier takes the answer to a request given to [System.Tell].
type Replier interface {
	// Reply is called exactly once, from any goroutine, maybe before Tell returns. It must not block. No lock and
	// no turn is held: it may call the System.
	Reply(Answer)
}
