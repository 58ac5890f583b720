package actor

import (
	"sync"

	"github.com/traffik-io/traffik/strategy"
)

// partition holds the actors of one part of the key space. Its mutex is held for a look-up, a creation or a post,
// never for a decision. What every hit looks at comes first: with many keys it is not in the processor's cache, and
// each line that has to be fetched costs as much as a decision.
type partition struct {
	mu     sync.Mutex
	actors table
	clock  strategy.Time // the latest instant of any turn
	// The policies last found to have none, and to have some, custom strategy.
	plain, custom *strategy.Policy
	track         tracking
}

// tickLocked is now, an instant of the System's clock, on the clock of the partition; or the latest instant of a turn
// if that is later: time does not go back for a key.
func (p *partition) tickLocked(now strategy.Time) strategy.Time {
	p.clock = max(p.clock, now+p.track.offset)
	return p.clock
}

// forgetLocked drops those actors that are neutral at now, of n slots of the table from slot i on, and returns the slot
// after those and how many it dropped.
func (p *partition) forgetLocked(now strategy.Time, i, n int) (next, dropped int) {
	t := &p.actors
	for ; n > 0 && i < len(t.slots); n-- {
		if a := t.slots[i].actor; a != nil && a.forgettableLocked(now) {
			t.removeAt(i) // may move another into slot i
			dropped++
			continue
		}
		i++
	}
	return i, dropped
}
