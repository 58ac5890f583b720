package driver

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/traffik-io/traffik/actor"
	"github.com/traffik-io/traffik/node/internal/wire"
	"github.com/traffik-io/traffik/node/ownership"
	"github.com/traffik-io/traffik/strategy"
)

// FlowKind is the kind of call that changes of flows are.
const FlowKind = 5

// flowTimeout is how long a peer may take to acknowledge changes, before the machine looks after them.
const flowTimeout = silence

var errNoLink = errors.New("there is no link")

// feed sends one peer the changes of all flows of which it has the copies. One frame is under way at a time, and its
// answer is the acknowledgement; what changes meanwhile goes into the next.
type feed struct {
	d      *Driver
	to     ownership.UID
	wake   chan struct{} // there is something to send
	haste  chan struct{} // and somebody waits for it
	ctx    context.Context
	stop   context.CancelFunc // when the peer is gone
	oldest atomic.Int64       // since when there is a change that is not acknowledged; 0: none
	failed time.Time          // until when it is not used; of the goroutine of Run

	mu    sync.Mutex // guards what follows
	next  frame
	due   []*outflow    // of which there is more than next has
	since strategy.Time // the time of the oldest change in the two

	// What follows belongs to the goroutine of run.

	spare   []*outflow
	session uint64 // of the peer
	flying  frame
	taken   actor.Changed
	buf     []byte
}

// frame is what is sent at a time.
type frame struct {
	number  uint64 // they count
	changes wire.Changes
	flows   []shipped
	records []byte // of the last change
	ids     []byte
}

// shipped is what a frame has of one flow.
type shipped struct {
	o   *outflow
	seq uint64
}

// feed is that of a peer. It is called by the goroutine of Run.
func (d *Driver) feed(u ownership.UID) *feed {
	f := d.feeds[u]
	if f == nil {
		f = &feed{d: d, to: u, wake: make(chan struct{}, 1), haste: make(chan struct{}, 1), next: frame{number: 1}}
		f.ctx, f.stop = context.WithCancel(d.ctx)
		d.feeds[u] = f
		if d.ctx.Err() == nil {
			d.tasks.Go(f.run) // until Close, or keepFeeds
		}
	}
	return f
}

// keepFeeds ends those of peers that are gone, which no flow has any more.
func (d *Driver) keepFeeds(members []ownership.Member) {
	for u, f := range d.feeds {
		if !slices.ContainsFunc(members, func(m ownership.Member) bool { return m.UID == u && m.State != ownership.Dead }) {
			f.stop()
			delete(d.feeds, u)
		}
	}
}

// add notes that something changed, at that time.
func (f *feed) add(o *outflow, x *position, at strategy.Time) {
	f.mu.Lock()
	first := f.isEmptyLocked()
	f.addLocked(o, x)
	if first || at < f.since {
		f.since = at
	}
	f.beganLocked()
	f.mu.Unlock()
	if first {
		notify(f.wake)
	}
}

// maxPuts is how many mutations of one partition are put into a frame one by one.
const maxPuts = 4

// mutated puts m into the next frame, now that what it changed is in the processor's cache. Of more mutations than a few in
// the same partition it only notes that they came: they are taken together when the frame goes.
func (f *feed) mutated(o *outflow, x *position, m *actor.Mutation) {
	f.mu.Lock()
	first := f.isEmptyLocked()
	if !f.putLocked(o, x, m) {
		f.addLocked(o, x)
	}
	if first {
		f.since = f.d.cfg.Now()
		f.beganLocked()
	}
	f.mu.Unlock()
	if first {
		notify(f.wake)
	}
}

func (f *feed) isEmptyLocked() bool { return len(f.next.flows)+len(f.due) == 0 }

// beganLocked notes since when there is something.
func (f *feed) beganLocked() {
	if old := f.oldest.Load(); old == 0 || int64(f.since) < old {
		f.oldest.Store(int64(f.since))
	}
}

func (f *feed) addLocked(o *outflow, x *position) {
	if !x.due {
		x.due = true
		f.due = append(f.due, o)
	}
}

// putLocked puts m into the next frame, if that is possible.
func (f *feed) putLocked(o *outflow, x *position, m *actor.Mutation) bool {
	n, seq := &f.next, m.Seq-o.base
	if x.frame != n.number {
		x.frame, x.puts = n.number, 0
	}
	if x.sent+1 != seq || x.due || x.puts == maxPuts || n.changes.Size() >= frameSize {
		return false
	}
	c := wire.Change{P: uint32(o.p), Term: o.term, From: x.sent, Seq: seq, Clock: uint64(m.Clock)}
	var err error
	if n.records, err = appendRecord(n.records[:0], m); err != nil {
		return false
	}
	c.Records = n.records
	if id, ok := m.Note.(Identified); ok {
		n.ids = id.AppendID(n.ids[:0])
		c.IDs = n.ids
	}
	n.changes.Add(&c)
	n.flows = append(n.flows, shipped{o, seq})
	x.sent = seq
	x.puts++
	return true
}

// hurry has the changes sent at once.
func (f *feed) hurry() { notify(f.haste) }

// notify puts a token into c, unless there is one.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (f *feed) run() {
	pause := time.NewTimer(time.Hour)
	defer pause.Stop()
	for {
		select {
		case <-f.ctx.Done():
			return
		case <-f.wake:
		}
		if wait := f.linger(); wait > 0 {
			pause.Reset(wait)
			select {
			case <-f.ctx.Done():
				return
			case <-f.haste:
			case <-pause.C:
			}
		}
		f.ship()
	}
}

// linger is how long changes may be gathered yet.
func (f *feed) linger() time.Duration {
	if f.d.cfg.Sync {
		return 0
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.d.lag() - time.Duration(f.d.cfg.Now()-f.since)*time.Microsecond
}

// ship sends all that there is, in one frame or more.
func (f *feed) ship() {
	f.mu.Lock()
	f.next, f.flying = f.flying, f.next
	f.next.reset(f.flying.number + 1)
	due := f.due
	f.due = f.spare[:0]
	f.mu.Unlock()
	for rest := due; ; {
		rest = rest[f.pack(rest):]
		if len(f.flying.flows) > 0 {
			f.deliver()
		}
		if len(rest) == 0 {
			break
		}
		f.flying.reset(f.flying.number)
	}
	clear(due)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spare = due
	if f.oldest.Store(0); !f.isEmptyLocked() {
		f.oldest.Store(int64(f.since))
	}
}

func (r *frame) reset(number uint64) {
	r.changes.Reset()
	clear(r.flows)
	r.number, r.flows = number, r.flows[:0]
}

// pack takes changes of what is due into the frame, and returns of how many flows there was room for.
func (f *feed) pack(due []*outflow) (n int) {
	for ; n < len(due) && f.flying.changes.Size() < frameSize; n++ {
		if o := due[n]; !o.ended.Load() {
			f.take(o, o.position(f))
		}
	}
	return n
}

// take takes what changed in o since it was sent.
func (f *feed) take(o *outflow, x *position) {
	f.mu.Lock()
	x.due = false // first: what comes after the next lines is due again
	from := x.sent
	f.mu.Unlock()
	f.d.cfg.Actors.Take(o.p, o.base+from, o.base+o.safe(), &f.taken)
	seq := f.taken.Seq - o.base
	if seq <= from {
		return
	}
	r := &f.flying
	r.records = appendRecords(r.records[:0], f.taken.Records)
	r.ids = f.d.cfg.IDs.Append(r.ids[:0], o.p, o.base+from)
	r.changes.Add(&wire.Change{
		P: uint32(o.p), Term: o.term, From: from, Seq: seq, Clock: uint64(f.taken.Clock), Records: r.records, IDs: r.ids,
	})
	r.flows = append(r.flows, shipped{o, seq})
	f.mu.Lock()
	x.sent = max(x.sent, seq)
	f.mu.Unlock()
}

// deliver sends the frame, and acts on the answer. What has not arrived, or was not taken, is left to the machine.
func (f *feed) deliver() {
	d, flows := f.d, f.flying.flows
	lacks, err := f.call()
	if err == nil && d.Slept(d.cfg.Now()) {
		return // the machine will end all flows
	}
	if err != nil {
		d.counters.dropped.Add(int64(len(flows)))
		d.cfg.Logger.Debug("changes are lost", "to", f.to, "partitions", len(flows), "err", err)
		d.giveBack(f, flows, true)
		return
	}
	var refused []shipped
	for i, x := range flows {
		if len(lacks) > 0 && lacks[0] == uint64(i) {
			lacks = lacks[1:]
			refused = append(refused, x)
			continue
		}
		d.flowAcked(x.o, f, x.seq)
	}
	if len(refused) > 0 {
		d.giveBack(f, refused, false)
	}
}

func (f *feed) call() (lacks []uint64, err error) {
	link := f.d.cfg.Link(f.to, false)
	if link == nil {
		return nil, errNoLink
	}
	ctx, cancel := context.WithTimeout(f.ctx, flowTimeout)
	defer cancel()
	f.buf = f.flying.changes.Append(f.buf[:0], f.session)
	answer, err := link.Call(ctx, FlowKind, f.buf)
	if err != nil {
		f.session = 0
		return nil, err
	}
	f.session, lacks, err = wire.ReadTaken(answer)
	return lacks, err
}

// giveBack has the machine see to what a peer has not taken. If it is the peer that fails, not only a partition, it is
// left alone for a while.
func (d *Driver) giveBack(f *feed, lost []shipped, failed bool) {
	lost = slices.Clone(lost)
	since := strategy.Time(f.oldest.Load())
	for _, x := range lost {
		x.o.lose(since)
	}
	d.post(func() {
		now := time.Now()
		if failed {
			f.failed = now.Add(flowPause)
		}
		for _, x := range lost {
			if p := x.o.p; d.flows.out[p].Load() == x.o {
				d.failed[p] = now.Add(flowPause)
				d.step(ownership.Mutated{P: uint32(p), Seq: d.seq(p)})
			}
		}
	})
}
