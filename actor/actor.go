package actor

import (
	"fmt"
	"sync/atomic"

	"github.com/traffik-io/traffik/strategy"
)

// actor is the state of one key, and who may touch it. Its size is what an idle key costs: 48 bytes, its map entry
// and the state of its strategy.
type actor struct {
	records strategy.Records // of whoever has the turn
	box     *mailbox         // guarded by partition.mu; nil while nothing is posted and nobody waits
	state   atomic.Uint32
}

// The states of an actor. It leaves idle only under partition.mu, so that who holds that may read an idle one.
//
//	idle ──► inline ──► idle     a caller runs its own turn; the way back is one CAS, without the lock
//	         inline ──► open     someone posted meanwhile; the caller, when done, starts the goroutine
//	idle ──────────────► open    the mailbox is taken into use by whoever then drains it
//	                     open ──► idle     the mailbox was found empty, under the lock
const (
	idle   uint32 = iota // no turn is running
	inline               // a turn is running on the goroutine of its caller, and nothing is posted
	open                 // the mailbox is in use, and someone is about to drain it
)

// takeLocked takes the actor for one turn on the caller's goroutine, if it is idle and nobody waits in its line.
func (a *actor) takeLocked() bool {
	if a.box != nil || a.state.Load() != idle {
		return false
	}
	a.state.Store(inline)
	return true
}

// forgettableLocked reports whether dropping the actor at now changes no decision.
func (a *actor) forgettableLocked(now strategy.Time) (yes bool) {
	if a.box != nil || a.state.Load() != idle {
		return false
	}
	var ignored error // a custom strategy that panics here is kept
	defer rescue(&ignored)
	return a.records.NeutralAt() <= now
}

// do carries out r at now. A panic of a strategy becomes the error of the answer.
func (a *actor) do(now strategy.Time, r *Request, ans *Answer) {
	defer rescue(&ans.Err)
	apply(&a.records, now, r, ans)
}

// apply carries out r on rs.
func apply(rs *strategy.Records, now strategy.Time, r *Request, ans *Answer) {
	switch r.Op {
	case OpHit:
		ans.Decision, ans.Err = rs.Decide(now, r.Hit, true)
	case OpCheck:
		ans.Decision, ans.Err = rs.Check(now, r.Hit)
	case OpStat:
		st, ok, err := rs.Stat(now, r.Hit)
		if ans.Err = err; ok && err == nil {
			ans.Stat = &st
		}
	case OpRefund:
		ans.Err = rs.Refund(r.Charged, now, r.Hit)
	default:
		ans.Err = fmt.Errorf("op: %d is unknown", r.Op)
	}
}

// unseen answers for a key that has no actor, and makes none: only a hit is worth remembering.
func unseen(now strategy.Time, r *Request, ans *Answer) {
	defer rescue(&ans.Err)
	var rs strategy.Records
	apply(&rs, now, r, ans)
}

// spins is how often a caller that finds an actor busy looks again before it posts: for about the time of two turns.
const spins = 100

// spin waits a moment for the actor to become idle. Posting costs ten turns, and callers who post keep the mailbox in
// use, so that others must post too: without this, one hot key was up to three times as slow on two cores.
func (a *actor) spin() {
	for i := 0; i < spins && a.state.Load() != idle; i++ {
	}
}
