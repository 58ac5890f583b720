package driver

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/traffik-io/traffik/actor"
	"github.com/traffik-io/traffik/internal/ablate"
	"github.com/traffik-io/traffik/node/ownership"
	"github.com/traffik-io/traffik/strategy"
)

// flows are the partitions that the machine has handed over, see ownership.Flow: their changes go from the actors to the
// copies, and the acknowledgements back to the answers that wait, past the goroutine of Run and whatever it does.
type flows struct {
	out []atomic.Pointer[outflow] // of partitions owned here
	in  []inflow                  // of those of which a copy is kept here
}

// outflow is a flow of a partition that this node owns. What every change looks at comes first.
type outflow struct {
	p       int
	base    uint64      // mutations, as the actors count, when the term began
	gate    uint64      // the term, as the gate counts
	ended   atomic.Bool // the machine has the partition again
	awaited atomic.Bool // answers wait in the gate
	lagging atomic.Bool // a change has not arrived: they wait until the machine has seen to it
	to      []position  // the peers
	one     [1]position // what to is, most often
	lost    atomic.Int64
	term    ownership.Term
}

// position is how far a peer has got, in mutations of the term.
type position struct {
	feed  *feed
	acked atomic.Uint64

	// What follows is guarded by feed.mu.

	sent  uint64
	frame uint64 // number of the last frame that mutations were put into when they happened
	puts  int    // how many were
	due   bool   // the flow is among those of which changes are to be taken
}

// inflow is a flow of a partition of which this node has a copy.
type inflow struct {
	mu     sync.Mutex // guards what follows
	on     bool
	seq    uint64        // mutations of the term that the copy has, with those of unread
	heard  strategy.Time // when its owner last told
	term   ownership.Term
	unread []byte // changes that were acknowledged, see catchUp
}

// flowPause is for how long the machine keeps a partition, or all of a peer, whose flow has failed.
const flowPause = 500 * time.Millisecond

// beginFlows takes over what it may of what was touched.
func (d *Driver) beginFlows() {
	for _, p := range d.touched {
		if p != ownership.AnyPartition {
			d.beginFlow(p)
			continue
		}
		for p := range d.gates {
			d.beginFlow(p)
		}
	}
	d.touched = d.touched[:0]
}

// beginFlow takes a partition over from the machine, if that gives it away.
func (d *Driver) beginFlow(p int) {
	f, ok := d.machine.Flow(uint32(p))
	if !ok {
		return
	}
	if f.Term.Owner != d.cfg.Self {
		in := &d.flows.in[p]
		in.mu.Lock()
		in.on, in.term, in.seq, in.heard = true, f.Term, f.Seq, 0
		in.mu.Unlock()
		return
	}
	o := &outflow{p: p, term: f.Term, base: d.bases[p]}
	if o.to = o.one[:]; len(f.Peers) > 1 {
		o.to = make([]position, len(f.Peers))
	}
	now := time.Now()
	usable := !now.Before(d.failed[p])
	if usable {
		delete(d.failed, p)
	}
	for i, u := range f.Peers {
		x := &o.to[i]
		x.feed, x.sent = d.feed(u), f.Acked[i]
		x.acked.Store(f.Acked[i])
		usable = usable && !now.Before(x.feed.failed)
	}
	if !usable {
		d.machine.Step(d.cfg.Now(), ownership.Flowed{P: uint32(p), Seq: f.Seq, Acked: f.Acked, At: f.Since})
		return
	}
	o.gate, _ = d.gates[p].began()
	d.flows.out[p].Store(o)
	if _, awaited := d.gates[p].began(); awaited { // after Store: see Await
		d.await(o)
	}
	if seq := d.since(p, d.cfg.Actors.Look(p)); seq > slices.Min(f.Acked) { // nobody was told, or the machine was
		o.changed(f.Since)
	}
}

// endFlow gives a partition back to the machine.
func (d *Driver) endFlow(p int) {
	e := ownership.Flowed{P: uint32(p)}
	if o := d.flows.out[p].Load(); o != nil {
		d.flows.out[p].Store(nil) // first: of what comes after the next line, the machine is told
		e.Seq = d.since(p, d.cfg.Actors.Look(p))
		now := d.cfg.Now()
		e.Acked, e.At = o.end(now)
		d.machine.Step(now, e)
		if slices.Min(e.Acked) < e.Seq {
			d.checkAt(p, time.Now().Add(machineLag(d.cfg.MaxLag)-time.Duration(now-e.At)*time.Microsecond))
		}
		return
	}
	in := &d.flows.in[p]
	in.mu.Lock()
	on := in.on
	d.catchUp(p, in)
	in.on, e.Seq, e.At = false, in.seq, in.heard
	in.mu.Unlock()
	if on {
		d.machine.Step(d.cfg.Now(), e)
	}
}

// end tells how far the peers have got, and since when one lacks something.
func (o *outflow) end(now strategy.Time) (acked []uint64, since strategy.Time) {
	o.ended.Store(true)
	since = now
	if at := o.lost.Load(); at != 0 {
		since = strategy.Time(at)
	}
	for i := range o.to {
		x := &o.to[i]
		acked = append(acked, x.acked.Load())
		if at := x.feed.oldest.Load(); at != 0 {
			since = min(since, strategy.Time(at))
		}
	}
	return acked, since
}

// endFlows ends those that an event concerns. Before one that judges who lives, it tells the machine who was heard of.
func (d *Driver) endFlows(now strategy.Time, e ownership.Event) (concerned int) {
	switch e.(type) {
	case ownership.Tick, ownership.Proof, ownership.ViewChanged, ownership.Doubted:
		d.tellHeard(now)
	}
	switch p := d.machine.Concerns(now, e); {
	case p >= 0 && p < len(d.gates):
		d.endFlow(p)
		return p
	case p == ownership.AnyPartition:
		for p := range d.gates {
			d.endFlow(p)
		}
		return p
	}
	return ownership.NoPartition
}

// tellHeard tells the machine whose changes were read.
func (d *Driver) tellHeard(now strategy.Time) {
	d.mu.Lock()
	heard := d.heard
	d.heard = nil
	d.mu.Unlock()
	for u := range heard {
		d.machine.Step(now, ownership.Heard{UID: u})
	}
}

// safe is how many mutations of the term all peers have.
func (o *outflow) safe() uint64 {
	if ablate.Acks {
		return math.MaxInt64
	}
	low := o.to[0].acked.Load()
	for i := range o.to[1:] {
		low = min(low, o.to[1+i].acked.Load())
	}
	return low
}

// position is that of a peer.
func (o *outflow) position(f *feed) *position {
	for i := range o.to {
		if o.to[i].feed == f {
			return &o.to[i]
		}
	}
	return nil
}

// changed has what changed sent soon; at is when it came.
func (o *outflow) changed(at strategy.Time) {
	for i := range o.to {
		o.to[i].feed.add(o, &o.to[i], at)
	}
}

// mutated has a mutation sent soon, and returns how many are safe, as the actors count.
func (o *outflow) mutated(m *actor.Mutation) (safe uint64) {
	for i := range o.to {
		o.to[i].feed.mutated(o, &o.to[i], m)
	}
	return o.base + o.safe()
}

// lags reports whether a peer takes longer than lag, or has lost something.
func (o *outflow) lags(now func() strategy.Time, lag time.Duration) bool {
	if o.lagging.Load() {
		return true
	}
	for i := range o.to {
		if at := strategy.Time(o.to[i].feed.oldest.Load()); at != 0 && now()-at >= strategy.Time(lag/time.Microsecond) {
			return true
		}
	}
	return false
}

// await has the answers of the gate released as soon as the peers have what they wait for.
func (d *Driver) await(o *outflow) {
	o.awaited.Store(true) // first: whoever notes an acknowledgement looks at it afterwards
	d.gates[o.p].release(o.gate, o.base+o.safe())
	for i := range o.to {
		o.to[i].feed.hurry()
	}
}

// flowAcked notes that a peer has so many mutations.
func (d *Driver) flowAcked(o *outflow, f *feed, seq uint64) {
	o.position(f).acked.Store(seq)
	if !o.awaited.Load() {
		return
	}
	g := &d.gates[o.p]
	g.release(o.gate, o.base+o.safe())
	if _, awaited := g.began(); awaited {
		return
	}
	o.awaited.Store(false)
	if _, awaited := g.began(); awaited { // somebody came meanwhile, and may have set it before
		o.awaited.Store(true)
		g.release(o.gate, o.base+o.safe())
	}
}

// lose notes that a change which came at that time, or later, has not arrived.
func (o *outflow) lose(at strategy.Time) {
	if old := o.lost.Load(); old == 0 || int64(at) < old {
		o.lost.Store(int64(at))
	}
	o.lagging.Store(true)
}

// behind reports whether the copies of a partition that is served here lack something.
func (d *Driver) behind(p int) bool {
	safe := d.gates[p].safety()
	if o := d.flows.out[p].Load(); o != nil {
		safe = max(safe, o.base+o.safe())
	}
	return d.cfg.Actors.Seq(p) > safe
}
