package driver

import (
	"sync/atomic"
	"time"

	"github.com/traffik-io/traffik/node/ownership"
)

// HandoffBounds are the upper bounds of the buckets of Handoffs.
var HandoffBounds = [...]time.Duration{
	time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

// Handoffs tells how long partitions took to be handed over by this node, from the offer that was taken until the new
// owner had it.
type Handoffs struct {
	Count   uint64
	Sum     time.Duration
	Buckets [len(HandoffBounds)]uint64 // those that took at most so long, the shorter ones included
}

// handoffs counts them.
type handoffs struct {
	count, sum atomic.Int64
	buckets    [len(HandoffBounds)]atomic.Uint64

	offered map[int]time.Time // of the goroutine of Run: partitions on offer, and since when
}

// offer notes an offer, which replaces one that was refused.
func (h *handoffs) offer(p int, now time.Time) { h.offered[p] = now }

// end notes that p is not owned here any more, and whether it was handed over.
func (h *handoffs) end(p int, handed bool, now time.Time) {
	since, ok := h.offered[p]
	if delete(h.offered, p); !ok || !handed {
		return
	}
	took := now.Sub(since)
	for i, bound := range HandoffBounds {
		if took <= bound {
			h.buckets[i].Add(1)
		}
	}
	h.sum.Add(int64(took))
	h.count.Add(1)
}

func (h *handoffs) snapshot() (s Handoffs) {
	s.Count, s.Sum = uint64(h.count.Load()), time.Duration(h.sum.Load())
	for i := range h.buckets {
		s.Buckets[i] = min(h.buckets[i].Load(), s.Count) // one may have been counted meanwhile
	}
	return s
}

// losses finds out which claims continue nothing though somebody had owned the partition. It belongs to the goroutine
// of Run.
type losses struct {
	copied []bool // a copy is here
	orphan []bool // whoever was to own it in an earlier view is gone, and nobody has been known to own it since
	ranked []ownership.UID
}

func newLosses(partitions int) *losses {
	return &losses{copied: make([]bool, partitions), orphan: make([]bool, partitions), ranked: make([]ownership.UID, partitions)}
}

// view notes who was first in rank for each partition and is no member any more.
func (l *losses) view(members []ownership.Member, ring ownership.Ring) {
	alive := make(map[ownership.UID]bool, len(members))
	for _, m := range members {
		alive[m.UID] = true
	}
	for p := range l.ranked {
		if old := l.ranked[p]; old != (ownership.UID{}) && !alive[old] {
			l.orphan[p] = true
		}
		if rank := ring.Rank(uint32(p)); len(rank) > 0 {
			l.ranked[p] = rank[0]
		}
	}
}

// claimed reports whether this node, which begins a term by a claim, has lost what was charged in p before; known says
// that a term of another was.
func (l *losses) claimed(p int, known bool) (lost bool) {
	lost = !l.copied[p] && (known || l.orphan[p])
	l.orphan[p], l.copied[p] = false, true
	return lost
}
