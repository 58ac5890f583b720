package driver

import (
	"sync"
	"sync/atomic"

	"github.com/traffik-io/traffik/node/ownership"
)

// Mode says what becomes of a hit to a partition.
type Mode uint32

// The modes of a partition.
const (
	Redirect Mode = iota // another node is asked
	Park                 // it is kept for a moment
	Serve                // it is decided here
)

// Parked is a request that is kept while its partition is parked.
type Parked interface {
	// Resume is called once. The request is looked at again; if late, it has waited long enough, and is answered that
	// nobody is known to decide.
	Resume(late bool)
}

// Waiter is an answer that waits until the copies hold what it charged.
type Waiter interface {
	// Copied is called once. If not ok, this node stopped serving first, and what became of the charge is unknown.
	Copied(ok bool)
}

// maxKept bounds the requests that are kept for one partition.
const maxKept = 4096

// gate is what hits see of a partition.
type gate struct {
	owner atomic.Pointer[owner]

	mu      sync.Mutex // guards what follows
	safe    uint64     // so many mutations are held by the copies, as the actors count
	term    uint64     // counts those that were begun here
	waiting []waiting
	kept    []Parked
}

type owner struct {
	uid  ownership.UID
	term ownership.Term
}

type waiting struct {
	seq uint64
	w   Waiter
}

// signs are what every hit looks at: the modes of all partitions side by side, a sign each, since a cache miss costs
// as much as a decision. A sign is a mode, and paced if answers wait for the copies.
type signs []atomic.Uint32

const paced = 1 << 8

func (s signs) mode(p int) Mode { return Mode(s[p].Load() &^ paced) }

func (s signs) setMode(p int, m Mode) { s[p].Store(s[p].Load()&paced | uint32(m)) }

// setPaced, as setMode, is called by one goroutine.
func (s signs) setPaced(p int, on bool) {
	if on {
		s[p].Or(paced)
	} else {
		s[p].And(^uint32(paced))
	}
}

// Mode is that of partition p.
func (d *Driver) Mode(p int) Mode { return d.signs.mode(p) }

// Term is the number of the highest term of partition p that is known.
func (d *Driver) Term(p int) uint64 { return d.terms[p].Load() }

// Owner is who owns partition p as far as known, and the highest term; a zero UID if nobody is known.
func (d *Driver) Owner(p int) (ownership.UID, ownership.Term) {
	if o := d.gates[p].owner.Load(); o != nil {
		return o.uid, o.term
	}
	return ownership.UID{}, ownership.Term{}
}

// Park keeps r until partition p is not parked any more. It reports false if it is not now, or if too many are kept.
func (d *Driver) Park(p int, r Parked) bool {
	g := &d.gates[p]
	g.mu.Lock()
	defer g.mu.Unlock()
	if d.Mode(p) != Park || len(g.kept) >= maxKept {
		return false
	}
	g.kept = append(g.kept, r)
	return true
}

// Waits reports whether answers of partition p that charged have to wait for copies at the moment.
func (d *Driver) Waits(p int) bool {
	if d.cfg.Sync || d.signs[p].Load()&paced != 0 || d.late.Load() {
		return true
	}
	o := d.flows.out[p].Load()
	return o != nil && o.lags(d.cfg.Now, d.cfg.MaxLag)
}

// AwaitAll is Await for an answer whose charge is part of what partition p holds by now.
func (d *Driver) AwaitAll(p int, w Waiter) bool {
	return !d.Waits(p) || d.Await(p, d.cfg.Actors.Seq(p), w)
}

// Await reports whether an answer that charged mutation seq of partition p may go out now; else w is told when, maybe
// before Await returns.
func (d *Driver) Await(p int, seq uint64, w Waiter) bool {
	g := &d.gates[p]
	if seq == 0 || !d.Waits(p) {
		return true
	}
	g.mu.Lock()
	if seq <= g.safe {
		g.mu.Unlock()
		return true
	}
	if d.Mode(p) == Redirect {
		g.mu.Unlock()
		w.Copied(false)
		return false
	}
	g.waiting = append(g.waiting, waiting{seq, w})
	g.mu.Unlock()
	if o := d.flows.out[p].Load(); o != nil {
		d.await(o)
	}
	return false
}

// safety is how many mutations the copies hold.
func (g *gate) safety() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.safe
}

// restart forgets what the copies of the term before held: nothing is safe until they hold that of the new one.
func (g *gate) restart() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.safe = 0
	g.term++
}

// began tells which term this is, and whether answers wait in it.
func (g *gate) began() (term uint64, awaited bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.term, len(g.waiting) > 0
}

// close changes the mode to one that does not serve.
func (d *Driver) close(p int, m Mode) {
	g := &d.gates[p]
	g.mu.Lock()
	d.signs.setMode(p, m)
	var failed []waiting
	if m == Redirect {
		failed, g.waiting = g.waiting, nil
	}
	g.mu.Unlock()
	for _, x := range failed {
		x.w.Copied(false)
	}
}

// open has the partition served.
func (d *Driver) open(p int) {
	g := &d.gates[p]
	g.mu.Lock()
	defer g.mu.Unlock()
	d.signs.setMode(p, Serve)
}

// resume has what is kept looked at again.
func (g *gate) resume(late bool) {
	g.mu.Lock()
	kept := g.kept
	g.kept = nil
	g.mu.Unlock()
	for _, r := range kept {
		r.Resume(late)
	}
}

// release lets the answers go whose charges the copies hold; in another term than that it does nothing.
func (g *gate) release(term, safe uint64) {
	g.mu.Lock()
	if g.term != term {
		g.mu.Unlock()
		return
	}
	g.safe = max(g.safe, safe)
	var free []waiting
	kept := g.waiting[:0]
	for _, x := range g.waiting {
		if x.seq <= g.safe {
			free = append(free, x)
		} else {
			kept = append(kept, x)
		}
	}
	clear(g.waiting[len(kept):])
	g.waiting = kept
	g.mu.Unlock()
	for _, x := range free {
		x.w.Copied(true)
	}
}

// pace says whether answers wait that need not in general.
func (d *Driver) pace(p int, wait bool) {
	if wait {
		d.paced[p] = struct{}{}
	} else {
		delete(d.paced, p)
	}
	g := &d.gates[p]
	g.mu.Lock()
	d.signs.setPaced(p, wait)
	var free []waiting
	if !wait && !d.cfg.Sync {
		free, g.waiting = g.waiting, nil
	}
	g.mu.Unlock()
	for _, x := range free {
		x.w.Copied(true)
	}
}
