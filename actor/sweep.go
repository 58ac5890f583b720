package actor

import (
	"math"
	"time"

	"github.com/traffik-io/traffik/strategy"
)

// Sweeping: every tick looks at a share of the partitions, so that each has its turn once in a minute. When new keys
// are refused because MaxKeys is reached, the next tick goes through all of them, up to a bound.
const (
	sweepEvery  = 100 * time.Millisecond
	sweepRound  = 600     // ticks
	sweepLocked = 4096    // slots looked at without letting go of the lock
	sweepMost   = 100_000 // slots looked at in one tick under pressure
	sampled     = 8       // slots looked at on behalf of a new one, when there is no room
)

// sweep forgets neutral keys, a few partitions at a time.
func (s *System) sweep() {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	next := 0
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
		}
		n, most := (len(s.partitions)+sweepRound-1)/sweepRound, math.MaxInt
		if s.pressed.Swap(false) {
			n, most = len(s.partitions), sweepMost
		}
		next = s.sweepFrom(next, n, most)
	}
}

// sweepFrom sweeps n partitions or, if that comes first, most slots, and returns the partition to go on with.
func (s *System) sweepFrom(first, n, most int) (next int) {
	now := s.cfg.Now()
	for next = first; n > 0 && most > 0; n-- {
		if p := s.partitions[next].Load(); p != nil {
			most -= s.sweepPartition(p, now)
		}
		next = (next + 1) % len(s.partitions)
	}
	return next
}

// sweepPartition sweeps one partition, a piece at a time, and returns how many slots it has.
func (s *System) sweepPartition(p *partition, now strategy.Time) (seen int) {
	for more := true; more; {
		p.mu.Lock()
		next, dropped := p.forgetLocked(p.tickLocked(now), seen, sweepLocked)
		count := s.countOf(p)
		seen, more = next, next < len(p.actors.slots)
		if !more {
			p.actors.shrink()
		}
		p.mu.Unlock()
		count.Add(int64(-dropped))
	}
	return seen
}
