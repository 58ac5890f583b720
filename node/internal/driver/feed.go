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
	due   []*outflow
	since strategy.Time // the time of the oldest change in due

	// What follows belongs to the goroutine of run.

	spare   []*outflow
	session uint64 // of the peer
	flying  []shipped
	frame   wire.Changes
	taken   actor.Changed
	buf     []byte
	records []byte
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
		f = &feed{d: d, to: u, wake: make(chan struct{}, 1), haste: make(chan struct{}, 1)}
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

// add notes that something changed, at the latest at that time; 0 is now.
func (f *feed) add(o *outflow, at strategy.Time) {
	f.mu.Lock()
	first := len(f.due) == 0
	f.due = append(f.due, o)
	if first || at != 0 {
		if at == 0 {
			at = f.d.cfg.Now()
		}
		if first || at < f.since {
			f.since = at
		}
		if old := f.oldest.Load(); old == 0 || int64(at) < old {
			f.oldest.Store(int64(at))
		}
	}
	f.mu.Unlock()
	if first {
		notify(f.wake)
	}
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

// ship sends all that is due, in one frame or more.
func (f *feed) ship() {
	f.mu.Lock()
	due := f.due
	f.due = f.spare[:0]
	f.mu.Unlock()
	for rest := due; len(rest) > 0; {
		rest = rest[f.pack(rest):]
		if len(f.flying) > 0 {
			f.deliver()
		}
	}
	clear(due)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spare = due
	if f.oldest.Store(0); len(f.due) > 0 {
		f.oldest.Store(int64(f.since))
	}
}

// pack puts what is due into a frame, and returns how much of that fitted.
func (f *feed) pack(due []*outflow) (n int) {
	f.frame.Reset()
	f.flying = f.flying[:0]
	for ; n < len(due) && f.frame.Size() < frameSize; n++ {
		o := due[n]
		if o.ended.Load() {
			continue
		}
		x := o.position(f)
		f.d.cfg.Actors.Take(o.p, o.base+x.sent, o.base+o.safe(), &f.taken)
		seq := f.taken.Seq - o.base
		if seq <= x.sent {
			continue
		}
		f.records = appendRecords(f.records[:0], f.taken.Records)
		f.ids = f.d.cfg.IDs.Append(f.ids[:0], o.p, o.base+x.sent)
		f.frame.Add(&wire.Change{
			P: uint32(o.p), Term: o.term, From: x.sent, Seq: seq, Clock: uint64(f.taken.Clock), Records: f.records, IDs: f.ids,
		})
		x.sent = seq
		f.flying = append(f.flying, shipped{o, seq})
	}
	return n
}

// deliver sends the frame, and acts on the answer. What has not arrived, or was not taken, is left to the machine.
func (f *feed) deliver() {
	d := f.d
	lacks, err := f.call()
	if err == nil && d.Slept(d.cfg.Now()) {
		return // the machine will end all flows
	}
	if err != nil {
		d.counters.dropped.Add(int64(len(f.flying)))
		d.cfg.Logger.Debug("changes are lost", "to", f.to, "partitions", len(f.flying), "err", err)
		d.giveBack(f, f.flying, true)
		return
	}
	var refused []shipped
	for i, x := range f.flying {
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
	f.buf = f.frame.Append(f.buf[:0], f.session)
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
				d.checkAt(p, now.Add(machineLag(d.cfg.MaxLag)-time.Duration(d.cfg.Now()-since)*time.Microsecond))
			}
		}
	})
}
