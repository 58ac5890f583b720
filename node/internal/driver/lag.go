package driver

import (
	"slices"
	"time"

	"github.com/traffik-io/traffik/actor"
	"github.com/traffik-io/traffik/node/ownership"
	"github.com/traffik-io/traffik/strategy"
)

// keepUp flushes if that is due. It is called amid work that may take long, such as thousands of partitions that move: the
// copies of others are not to wait for that.
func (d *Driver) keepUp() {
	since := strategy.Time(d.untold.Load())
	if since != 0 && !d.alone.Load() && d.cfg.Now()-since >= strategy.Time(d.lag()/time.Microsecond) {
		d.flush()
	}
}

// Changed says what has changed. It is the Changed of the actors' Config.
func (d *Driver) Changed(m actor.Mutation) (safe uint64) {
	if o := d.flows.out[m.Partition].Load(); o != nil {
		return o.mutated(&m)
	}
	if !m.First {
		return 0
	}
	d.mu.Lock()
	d.dirty = append(d.dirty, m.Partition)
	first := len(d.dirty) == 1
	d.mu.Unlock()
	if first {
		d.untold.Store(int64(d.cfg.Now()))
		d.signal()
	}
	return 0
}

func (d *Driver) hasDirty() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.dirty) > 0
}

// check is a look at whether the copies of partition p hold what was changed until then.
type check struct {
	p  int
	at time.Time
}

// checkAt has flush look at p at that time.
func (d *Driver) checkAt(p int, at time.Time) {
	i, _ := slices.BinarySearchFunc(d.checks, at, func(c check, at time.Time) int { return c.at.Compare(at) })
	d.checks = slices.Insert(d.checks, i, check{p, at})
}

// flush tells the machine how far the partitions have got that changed, and has it look again at those whose changes are
// about to be older than MaxLag. It returns when to do so again, 0 if there is no need to.
func (d *Driver) flush() time.Duration {
	d.mu.Lock()
	dirty := d.dirty
	d.dirty = nil
	d.mu.Unlock()
	d.untold.Store(0)
	began := time.Now()
	for len(d.checks) > 0 && !d.checks[0].at.After(began) {
		p := d.checks[0].p
		d.checks = d.checks[1:]
		if d.flows.out[p].Load() == nil && d.cfg.Actors.Seq(p) > d.gates[p].safety() {
			d.step(ownership.Mutated{P: uint32(p), Seq: d.seq(p)})
		}
	}
	due := began.Add(machineLag(d.cfg.MaxLag))
	for _, p := range dirty {
		if d.flows.out[p].Load() != nil {
			continue // it has become one since
		}
		d.step(ownership.Mutated{P: uint32(p), Seq: d.since(p, d.cfg.Actors.Look(p))})
		if !d.cfg.Sync && d.cfg.Replicas > 1 && !d.alone.Load() {
			d.checks = append(d.checks, check{p, due})
		}
	}
	d.late.Store(false)
	if len(d.checks) == 0 && !d.hasDirty() {
		return 0
	}
	return d.lag()
}

// machineLag is the part of the lag that the machine knows of: a change may take the rest to be told.
func machineLag(lag time.Duration) time.Duration { return lag - lag/4 }

// lag is how long a change may wait until the machine is told. Where no copies are kept, nobody waits for it.
func (d *Driver) lag() time.Duration {
	if d.cfg.Replicas == 1 {
		return tickEvery
	}
	return d.cfg.MaxLag / 4
}

// seq is the mutations of partition p in its term.
func (d *Driver) seq(p int) uint64 { return d.since(p, d.cfg.Actors.Seq(p)) }

// since is the count of mutations seq as the actors have it, from the beginning of the term.
func (d *Driver) since(p int, seq uint64) uint64 { return max(seq, d.bases[p]) - d.bases[p] }
