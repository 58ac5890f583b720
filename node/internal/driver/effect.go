package driver

import (
	"time"

	"github.com/traffik-io/traffik/actor"
	"github.com/traffik-io/traffik/node/ownership"
)

// do carries out one effect of the machine.
func (d *Driver) do(f ownership.Effect) {
	switch f := f.(type) {
	case ownership.Send:
		d.send(f)
	case ownership.Gate:
		d.setGate(f)
	case ownership.Freeze: // the gate is closed, and so the last turn has ended
		d.step(ownership.Quiesced{P: f.P, Seq: d.seq(int(f.P))})
	case ownership.Adopt:
		d.adopt(f)
	case ownership.Install:
		d.install(f)
	case ownership.Stage:
		d.stage(f)
	case ownership.Discard:
		d.discard(int(f.P))
	case ownership.Retain:
		d.retain(f)
	case ownership.Forget:
		delete(d.retained, retention{f.P, f.ID})
	case ownership.Join:
		d.join(f)
	case ownership.Stream:
		d.stream(f)
	case ownership.Acked:
		d.acked(f)
	case ownership.Pace:
		d.pace(int(f.P), f.Wait)
	case ownership.Recall:
		d.step(ownership.Mutated{P: f.P, Seq: d.seq(int(f.P))})
	case ownership.Drained:
		if !d.isEmpty {
			d.isEmpty = true
			close(d.drained)
		}
	}
}

func (d *Driver) setGate(f ownership.Gate) {
	p := int(f.P)
	g := &d.gates[p]
	was := d.Mode(p)
	g.owner.Store(&owner{f.Owner, f.Term})
	d.terms[p].Store(f.Term.N)
	switch f.Mode {
	case ownership.Serve:
		delete(d.parked, p)
		d.open(p)
		d.cfg.Actors.SetMode(p, actor.Serve)
		g.resume(false)
	case ownership.Park:
		d.parked[p] = time.Now()
		d.close(p, Park)
		d.cfg.Actors.SetMode(p, actor.Park)
	case ownership.Redirect:
		delete(d.parked, p)
		delete(d.paced, p)
		d.gone(p, f.Term)
		d.cfg.Actors.SetMode(p, actor.Redirect)
		d.close(p, Redirect)
		g.resume(false)
	}
	d.counters.count(was, d.Mode(p))
}

// adopt begins a term with the copy here. The actors go on counting, so that an answer can tell what it waits for.
func (d *Driver) adopt(f ownership.Adopt) {
	p := int(f.P)
	d.bases[p] = d.cfg.Actors.Seq(p)
	d.cfg.Actors.Trim(p, d.bases[p])
	delete(d.holds, p)
	delete(d.paced, p)
	d.signs.setPaced(p, false)
	d.gates[p].restart()
	d.adopted(p, f.Term, d.terms[p].Load() > 0)
	d.losses.copied[p] = true
}

// acked lets answers go, and the actors forget which changes they were.
func (d *Driver) acked(f ownership.Acked) {
	p := int(f.P)
	safe := d.bases[p] + f.Seq
	term, _ := d.gates[p].began()
	d.gates[p].release(term, safe)
	if _, held := d.holds[p]; !held {
		d.cfg.Actors.Trim(p, safe)
	}
}

// patience is how long a request may be kept, and how long a peer may take to read a stream.
const (
	patience   = 100 * time.Millisecond
	holdFor    = 30 * time.Second
	forgetAway = 30 * time.Second // what a peer staged and did not finish
)

// housekeep ends what has taken too long.
func (d *Driver) housekeep(now time.Time) {
	for p, since := range d.parked {
		if now.Sub(since) < patience {
			continue
		}
		d.parked[p] = now
		d.cfg.Actors.SetMode(p, actor.Redirect) // answers what it keeps
		d.cfg.Actors.SetMode(p, actor.Park)
		d.gates[p].resume(true)
	}
	for p, until := range d.holds {
		if now.After(until) {
			delete(d.holds, p)
		}
	}
	for k, s := range d.staged {
		if now.Sub(s.at) > forgetAway {
			delete(d.staged, k)
		}
	}
	d.catchUpSome()
	d.logBatch()
	d.tellSilent()
}
