package driver

import (
	"context"
	"time"

	"github.com/traffik-io/traffik/node/ownership"
	"github.com/traffik-io/traffik/strategy"
)

// Census is what only the machine knows of all partitions together.
type Census struct {
	Backups         int64         // partitions of which a copy is kept here for another node
	UnderReplicated int64         // partitions owned here with fewer complete copies than Config.Replicas
	Lag             time.Duration // age of the oldest charge, in any partition owned here, that not all copies hold
}

// censusWait bounds how long Stats waits for a census; then it tells that of the time before.
const censusWait = 100 * time.Millisecond

// census counts, on the goroutine of Run.
func (d *Driver) census() Census {
	ctx, cancel := context.WithTimeout(d.ctx, censusWait)
	defer cancel()
	d.ask(ctx, func() {
		var c Census
		now := d.cfg.Now()
		for p := range uint32(len(d.gates)) {
			s := d.machine.Status(p)
			if s.Role == ownership.Backup {
				c.Backups++
			}
			if s.Copies > 0 && s.Copies < d.replicas() {
				c.UnderReplicated++
			}
			if s.Oldest != 0 {
				c.Lag = max(c.Lag, time.Duration(now-s.Oldest)*time.Microsecond)
			}
		}
		for _, f := range d.feeds {
			if at := strategy.Time(f.oldest.Load()); at != 0 {
				c.Lag = max(c.Lag, time.Duration(now-at)*time.Microsecond)
			}
		}
		d.counted.Store(&c)
	})
	if c := d.counted.Load(); c != nil {
		return *c
	}
	return Census{}
}

// replicas is how many copies are wanted.
func (d *Driver) replicas() int {
	if d.cfg.Replicas == 0 {
		return 2
	}
	return d.cfg.Replicas
}

// ask has f run on the goroutine of Run, and returns when it has; false if ctx ended first, and then f may run later.
func (d *Driver) ask(ctx context.Context, f func()) bool {
	done := make(chan struct{})
	d.post(func() {
		f()
		close(done)
	})
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	case <-d.ctx.Done():
		return false
	}
}

// Holders has then called, on the goroutine of Run, with who holds a complete copy of partition p, this node first, and
// in which term; with nobody, if this node does not own it. After Close it is not called.
func (d *Driver) Holders(p int, then func(ownership.Term, []ownership.UID)) {
	d.post(func() { then(d.machine.Holders(uint32(p))) })
}
