package driver

import (
	"time"

	"github.com/traffik-io/traffik/internal/ablate"
	"github.com/traffik-io/traffik/node/ownership"
	"github.com/traffik-io/traffik/strategy"
)

// Awake is called before every decision, with the time of that decision. After a time in which this process did not
// run, it returns when the machine knows: then nothing is served that others may have taken over.
//
// It also notices when this driver does not keep up: then answers wait, as they do when the copies do not.
func (d *Driver) Awake(now strategy.Time) {
	since := strategy.Time(d.untold.Load())
	if since != 0 && now-since > strategy.Time(d.cfg.MaxLag/time.Microsecond) && d.cfg.Replicas > 1 && !d.alone.Load() {
		d.late.Store(true)
	}
	for d.Slept(now) && d.ctx.Err() == nil {
		d.rouse()
	}
}

// Slept reports whether this process did not run for so long that others may have taken over.
func (d *Driver) Slept(now strategy.Time) bool {
	return !ablate.Pause && now-strategy.Time(d.stepped.Load()) > strategy.Time(maxPause/time.Microsecond)
}

// rouse has the machine look at the time, once for all who wait for that: a look takes milliseconds, and thousands of
// hits may come at once.
func (d *Driver) rouse() {
	d.mu.Lock()
	told := d.rousing
	if told == nil {
		told = make(chan struct{})
		d.rousing = told
		d.inbox = append(d.inbox, func() {
			d.step(ownership.Tick{})
			d.mu.Lock()
			d.rousing = nil
			d.mu.Unlock()
			close(told)
		})
	}
	d.mu.Unlock()
	d.signal()
	select {
	case <-told:
	case <-d.ctx.Done():
	}
}
