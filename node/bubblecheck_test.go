package node

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/traffik-io/traffik/actor"
	"github.com/traffik-io/traffik/node/internal/driver"
	"github.com/traffik-io/traffik/strategy"
)

// look sees every millisecond who serves what: on one side, one node at most serves a partition.
func (b *bubble) look() {
	t := time.NewTicker(time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-b.stop:
			return
		case <-t.C:
		}
		b.mu.Lock()
		all := slices.Concat(b.residents, b.ended)
		for p := range bubblePartitions {
			b.lookAt(p, all)
		}
		b.mu.Unlock()
	}
}

func (b *bubble) lookAt(p int, all []*resident) {
	var owners [2]*resident
	for _, r := range all {
		if r.gone.Load() || r.paused.Load() || r.driver.Mode(p) != driver.Serve || r.driver.Slept(r.now()) {
			continue
		}
		_, term := r.driver.Owner(p)
		if !b.served[p][term.N] && term.Minter != term.Owner {
			b.moved[p]++
		}
		b.served[p][term.N] = true
		side := &owners[b.sides[r.name]]
		if *side != nil && !b.fault.messy && !b.fault.healed {
			b.blameLocked("partition %d is served by %s and %s", p, (*side).name, r.name)
		}
		*side = r
	}
}

// settle waits until the cluster is as it should be, looks at what was charged, and starts anew from there.
func (b *bubble) settle() {
	if !b.await(b.unsettled) {
		return
	}
	b.mu.Lock()
	b.silent = true
	b.mu.Unlock()
	b.hits.Wait()
	time.Sleep(500*time.Millisecond + 10*b.plan.latency) // for the ends of hits that were given up
	if !b.await(b.behind) || !b.await(b.unsettled) || !b.await(b.differ) {
		return
	}
	told := make([]strategy.Decision, len(b.keys)) // not with the mutex held: time stands still then
	for i, a := range b.keys {
		var err error
		if told[i], err = b.residents[i%len(b.residents)].Check(b.t.Context(), a.hit); err != nil {
			b.blame("check of %s: %v", a.hit.Key, err)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, a := range b.keys {
		b.checkLocked(a, told[i])
	}
	for p, n := range b.moved {
		if n > 2*b.events && !b.fault.messy {
			b.blameLocked("partition %d was handed over %d times in %d events", p, n, b.events)
		}
	}
	clear(b.moved)
	b.total.settled++
	b.events, b.silent = 0, false
	b.fault, b.few = faults{}, len(b.residents) < 2
	clear(b.sides)
}

// await waits until nothing is wrong, for as long as that may take.
func (b *bubble) await(wrong func() string) bool {
	for why := wrong(); why != ""; why = wrong() {
		limit := settleIn
		if b.fault.messy && b.fault.crashed {
			limit = mournIn
		}
		if b.quietFor() > limit {
			b.blame("%v after the last event: %s", limit, why)
			return false
		}
		time.Sleep(50 * time.Millisecond)
	}
	return true
}

// quietFor is how long ago the last event was.
func (b *bubble) quietFor() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Since(b.peace)
}

// unsettled is what is not as it should be; "" if all is: every node sees the others, and every partition is served by
// who ranks first, with all its copies, and everybody knows.
func (b *bubble) unsettled() string {
	for _, r := range b.residents {
		v := r.view.Load()
		if len(v.members) != len(b.residents) || len(v.owners) != len(b.residents) {
			return fmt.Sprintf("%s sees %d members of %d, %d of them active", r.name, len(v.members), len(b.residents), len(v.owners))
		}
	}
	for p := range bubblePartitions {
		first := b.ranked(p)[0]
		for _, r := range b.residents {
			if serves := r.driver.Mode(p) == driver.Serve; serves != (r.name == first) {
				_, term := r.driver.Owner(p)
				return fmt.Sprintf("partition %d, %s being first: %s serves: %v, knows term %d", p, first, r.name, serves, term.N)
			}
			if way := b.follow(r, p); !strings.HasSuffix(", "+way, ", "+first) {
				return fmt.Sprintf("partition %d: hits go to %s, not to %s", p, way, first)
			}
		}
	}
	return ""
}

// follow is the way of a hit that follows where nodes point, from r on, to who serves it.
func (b *bubble) follow(r *resident, p int) string {
	way := r.name
	for range 2 * len(b.residents) {
		to := r.route(r.view.Load(), p)
		if to == nil {
			return way + ", nowhere"
		}
		if to.meta.name == r.name {
			return way
		}
		way += ", " + to.meta.name
		if r = b.resident(to.meta.name); r == nil {
			return way + ", which is gone"
		}
	}
	return way + " and so on"
}

func (b *bubble) ranked(p int) []string { return b.residents[0].view.Load().ring.Ranked(p) }

// behind is where a copy lacks charges.
func (b *bubble) behind() string {
	for _, r := range b.residents {
		if n := r.Stats().Behind; n > 0 {
			return fmt.Sprintf("%d partitions of %s are behind", n, r.name)
		}
	}
	return ""
}

// differ is where a backup does not have what the owner has.
func (b *bubble) differ() string {
	if len(b.residents) < 2 {
		return ""
	}
	for p := range bubblePartitions {
		names := b.ranked(p)[:2]
		owner, backup := b.resident(names[0]).records(p), b.resident(names[1]).records(p)
		if !maps.Equal(owner, backup) {
			return fmt.Sprintf("partition %d: the copies of %v, of %d and %d keys, differ", p, names, len(owner), len(backup))
		}
	}
	return ""
}

// checkLocked compares what was charged with what clients were told.
func (b *bubble) checkLocked(a *account, d strategy.Decision) {
	acked := a.before + sum(a.acked)
	low, high := a.base+acked-a.lossy, min(a.base+acked+a.unknown, a.limit)
	most := a.limit - a.base
	switch {
	case b.fault.messy && b.fault.crashed:
		low, most = 0, math.MaxInt
	case b.fault.messy:
		low, most = a.base, math.MaxInt
	case b.fault.split:
		low, most = a.base, 2*a.limit
		for side, n := range a.acked {
			if a.copies[side] {
				n += a.base + a.before
			}
			if side != healed {
				low = max(low, n)
			}
		}
	}
	used := a.limit - int(d.Remaining)
	switch {
	case used < low || used > high:
		b.blameLocked("%s at %s: %d charged, not %d to %d: %d before, %d and %v admitted since, %d unknown",
			a.hit.Key, d.Owner, used, low, high, a.base, a.before, a.acked, a.unknown)
	case acked > most:
		b.blameLocked("%s: %d admitted, limit %d, of which %d were gone before", a.hit.Key, acked, a.limit, a.base)
	}
	a.base, a.before, a.unknown, a.lossy, a.recent, a.copies = used, 0, 0, 0, nil, nil
	clear(a.acked)
}

// records are those of partition p, by key.
func (r *resident) records(p int) map[actor.Key]string {
	recs := map[actor.Key]string{}
	r.actors.All(p, func(some []actor.Record) bool {
		for _, rec := range some {
			recs[rec.Key] = string(rec.Body)
		}
		return true
	})
	return recs
}
