package node

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/traffik-io/traffik/strategy"
)

// account is what clients know of one key.
type account struct {
	hit     strategy.Hit
	limit   int
	base    int         // charged when the cluster was last settled
	acked   map[int]int // admitted since then, by the side that decided
	before  int         // admitted since then and before the sides were cut
	unknown int         // hits without an answer since then
	open    int         // hits under way
	copies  map[int]bool
	lossy   int // admitted by a process that crashed right after, without waiting for copies
	recent  []ack
}

// ack is an admission that may have no copy yet.
type ack struct {
	at    time.Time
	owner string
}

// clients hit all keys from all nodes that run, until stop.
func (b *bubble) clients() {
	for {
		b.mu.Lock()
		if !b.silent && len(b.residents) > 0 {
			b.hitLocked(b.keys[b.rand.IntN(len(b.keys))], b.anyone())
		}
		pause := time.Duration(1+b.rand.IntN(9)) * time.Millisecond
		b.mu.Unlock()
		if !b.rest(pause) {
			return
		}
	}
}

// rest reports whether d passed before the end.
func (b *bubble) rest(d time.Duration) bool {
	select {
	case <-b.stop:
		return false
	case <-time.After(d):
		return true
	}
}

func (b *bubble) anyone() *resident { return b.residents[b.rand.IntN(len(b.residents))] }

// hitLocked has a client hit at r. Nobody calls a process that is paused.
func (b *bubble) hitLocked(a *account, r *resident) {
	if r.paused.Load() {
		return
	}
	a.open++
	ready := r.Ready()
	b.hits.Go(func() { // until the hit is answered, within its timeout
		d, err := r.Hit(context.Background(), a.hit)
		b.mu.Lock()
		defer b.mu.Unlock()
		a.open--
		b.total.hits++
		b.noteLocked(a, r, d, err)
		if err != nil && ready && !r.leaving() && b.fault == (faults{}) {
			b.blameLocked("hit of %s at %s, where nothing is wrong: %v", a.hit.Key, r.name, err)
		}
	})
}

func (r *resident) leaving() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closing
}

// noteLocked enters what became of a hit.
func (b *bubble) noteLocked(a *account, r *resident, d strategy.Decision, err error) {
	switch {
	case r.killed.Load(), errors.Is(err, ErrUnreachable), errors.Is(err, ErrClosed): // nobody was told, or nothing
		a.unknown++
		b.total.unknown++
	case err != nil:
		b.blameLocked("hit of %s at %s: %v", a.hit.Key, r.name, err)
	case d.Allowed:
		b.total.admitted++
		a.acked[b.sideLocked(d.Owner)]++
		if b.plan.replication == Async {
			if at, ok := b.crashed[d.Owner]; ok && time.Since(at) <= 2*b.plan.latency { // the answer was under way
				a.lossy++
			}
			a.recent = append(slices.DeleteFunc(a.recent, func(x ack) bool { return time.Since(x.at) > time.Second }), ack{time.Now(), d.Owner})
		}
	default:
		b.total.denied++
		if used := a.base + a.before + sum(a.acked) + a.unknown + a.open; used < a.limit {
			b.blameLocked("%s: denied by %s with at most %d of %d charged", a.hit.Key, d.Owner, used, a.limit)
		}
	}
}

// healed is the side of those that can see each other again.
const healed = 2

func (b *bubble) sideLocked(name string) int {
	if b.fault.healed {
		return healed
	}
	return b.sides[name]
}

func sum(m map[int]int) (n int) {
	for _, v := range m {
		n += v
	}
	return n
}
