package driver

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/traffik-io/traffik/node/ownership"
)

// Stats is a snapshot of a driver.
type Stats struct {
	Serving, Parked int64 // partitions
	In, Out         int64 // partitions that were handed over to this node, and by it
	Claimed         int64 // partitions that were taken over because nobody served them
	Taken           int64 // partitions that another node took over
	Lost            int64 // partitions that were claimed without any copy, though another node had owned them
	Fenced          int64 // copies that were set aside, because another node had taken over
	Joined          int64 // such copies that were joined here
	Failed          int64 // copies that are not complete
	Dropped         int64 // messages that did not arrive
	Behind          int64 // partitions served here of which the copies lack some charge

	Census
	Handoffs Handoffs
}

type counters struct {
	serving, parked, in, out, claimed, taken, lost, fenced, joined, failed, dropped atomic.Int64
}

// Stats returns a snapshot.
func (d *Driver) Stats() Stats {
	c := &d.counters
	behind := int64(0)
	for p := range d.gates {
		if !d.alone.Load() && d.Mode(p) == Serve && d.behind(p) {
			behind++
		}
	}
	return Stats{
		Behind: behind, Census: d.census(), Handoffs: d.handoffs.snapshot(), Taken: c.taken.Load(),

		Serving: c.serving.Load(), Parked: c.parked.Load(), In: c.in.Load(), Out: c.out.Load(), Claimed: c.claimed.Load(),
		Lost: c.lost.Load(), Fenced: c.fenced.Load(), Joined: c.joined.Load(), Failed: c.failed.Load(), Dropped: c.dropped.Load(),
	}
}

// count notes that a partition changed its mode.
func (c *counters) count(was, is Mode) {
	for _, x := range []struct {
		m Mode
		n int64
	}{{was, -1}, {is, 1}} {
		switch x.m {
		case Serve:
			c.serving.Add(x.n)
		case Park:
			c.parked.Add(x.n)
		}
	}
}

// batch gathers what happens to partitions until it is logged.
type batch struct {
	in, out, claimed, taken, lost int64
	fresh                         bool // something came since the last look
}

// adopted notes that this node owns one partition more; known says that a term of it was known before.
func (d *Driver) adopted(p int, t ownership.Term, known bool) {
	if t.Owner != d.cfg.Self {
		return
	}
	d.owned[p] = true
	d.batch.fresh = true
	if t.Minter == d.cfg.Self {
		d.batch.claimed++
		d.counters.claimed.Add(1)
		if d.losses.claimed(p, known) {
			d.batch.lost++
			d.counters.lost.Add(1)
		}
	} else {
		d.batch.in++
		d.counters.in.Add(1)
	}
}

// gone notes that this node, if it was the owner, is not any more.
func (d *Driver) gone(p int, t ownership.Term) {
	if !d.owned[p] {
		return
	}
	d.owned[p] = false
	d.batch.fresh = true
	handed := t.Minter == d.cfg.Self
	d.handoffs.end(p, handed, time.Now())
	if handed {
		d.batch.out++
		d.counters.out.Add(1)
	} else {
		d.batch.taken++
		d.counters.taken.Add(1)
	}
}

// logBatch writes a line when nothing has happened since the last look.
func (d *Driver) logBatch() {
	b := &d.batch
	if b.fresh {
		b.fresh = false
		return
	}
	if b.in+b.out+b.claimed+b.taken == 0 {
		return
	}
	level := slog.LevelInfo
	if b.lost > 0 {
		level = slog.LevelWarn
	}
	d.cfg.Logger.Log(d.ctx, level, "partitions moved",
		"handed_in", b.in, "handed_out", b.out, "claimed", b.claimed, "taken", b.taken, "lost", b.lost)
	*b = batch{}
}

// Serving is the number of partitions that are served here.
func (d *Driver) Serving() int64 { return d.counters.serving.Load() }
