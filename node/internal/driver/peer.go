package driver

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/traffik-io/traffik/node/internal/wire"
	"github.com/traffik-io/traffik/node/ownership"
)

// peer is the way to another node.
type peer struct {
	uid       ownership.UID
	hot, bulk *outbox
	streams   streamer
	read      [2]uint64 // the last frames that came from it, hot and bulk
}

func (d *Driver) peer(u ownership.UID) *peer {
	p := d.peers[u]
	if p == nil {
		p = &peer{uid: u}
		p.hot = &outbox{d: d, to: u}
		p.bulk = &outbox{d: d, to: u, bulk: true, freed: make(chan struct{}, 1)}
		p.streams = streamer{d: d, peer: p}
		d.peers[u] = p
	}
	return p
}

// send hands a message to the queue to a peer, with the state that belongs to it as it is now.
func (d *Driver) send(f ownership.Send) {
	var s ownership.State
	switch f.Attach {
	case ownership.AttachDelta:
		r, streamed := f.Msg.(ownership.Repl)
		p := partitionOf(f.Msg)
		if streamed && r.Stream != 0 && r.Chunks == 0 {
			s = d.whole(p)
			break
		}
		s = d.delta(p, f.From)
		if streamed && r.Stream != 0 {
			delete(d.holds, p)
		}
	case ownership.AttachRetained:
		m := f.Msg.(ownership.Merge)
		s = d.retained[retention{m.P, m.ID}]
	}
	if o, ok := f.Msg.(ownership.Offer); ok {
		d.handoffs.offer(int(o.P), time.Now())
	}
	to := d.peer(f.To)
	if f.Bulk {
		to.bulk.put(f.Msg, s)
	} else {
		to.hot.put(f.Msg, s)
	}
}

// partitionOf is that of a message that carries a delta.
func partitionOf(m ownership.Message) int {
	switch m := m.(type) {
	case ownership.Repl:
		return int(m.P)
	case ownership.Delta:
		return int(m.P)
	case ownership.Commit:
		return int(m.P)
	}
	return 0
}

const (
	frameSize   = 256 << 10 // after which the next message goes into another frame
	maxQueued   = 16 << 20  // bytes to one peer; what comes above is lost, as on a link that breaks
	streamAhead = 2 << 20   // bytes that streams may have queued
	callTimeout = 5 * time.Second
)

// outbox is a queue of messages to a peer. One frame is under way at a time, so that messages arrive in order; what
// comes meanwhile goes into the next.
type outbox struct {
	d     *Driver
	to    ownership.UID
	bulk  bool
	freed chan struct{} // holds a token after the queue got shorter; of bulk only

	session atomic.Uint64 // of the peer
	number  uint64        // of the last frame; of the goroutine that sends

	mu      sync.Mutex // guards what follows
	frames  []*wire.Frame
	size    int
	running bool
}

// learn notes the session of the peer.
func (o *outbox) learn(session uint64) {
	for known := o.session.Load(); known < session && !o.session.CompareAndSwap(known, session); {
		known = o.session.Load()
	}
}

func (o *outbox) put(m ownership.Message, s ownership.State) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.size > maxQueued {
		o.lose(1)
		return
	}
	if n := len(o.frames); n == 0 || o.frames[n-1].Size() >= frameSize {
		o.frames = append(o.frames, frames.Get().(*wire.Frame))
	}
	last := o.frames[len(o.frames)-1]
	before := last.Size()
	last.Add(m, s)
	o.d.points.queue(last, o.to, m)
	o.size += last.Size() - before
	if !o.running && o.d.ctx.Err() == nil {
		o.running = true
		o.d.tasks.Go(o.run) // until the queue is empty
	}
}

// queued is how many bytes are.
func (o *outbox) queued() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.size
}

// take is the next frame; nil ends the sender.
func (o *outbox) take() *wire.Frame {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.frames) == 0 || o.d.ctx.Err() != nil {
		o.running = false
		return nil
	}
	f := o.frames[0]
	o.frames[0] = nil
	o.frames = o.frames[1:]
	o.size -= f.Size()
	return f
}

func (o *outbox) run() {
	for f := o.take(); f != nil; f = o.take() {
		if o.freed != nil {
			notify(o.freed)
		}
		o.deliver(f)
		f.Reset()
		frames.Put(f)
	}
}

// frames and buffers are used again: states are large.
var (
	frames  = sync.Pool{New: func() any { return new(wire.Frame) }}
	buffers = sync.Pool{New: func() any { return new([]byte) }}
)

// deliver sends a frame. One that does not arrive is lost: the machine asks again.
func (o *outbox) deliver(f *wire.Frame) {
	link := o.d.cfg.Link(o.to, o.bulk)
	if link == nil {
		o.lose(f.Len())
		return
	}
	ctx, cancel := context.WithTimeout(o.d.ctx, callTimeout)
	defer cancel()
	o.number++
	head := wire.Head{To: o.session.Load(), From: o.d.session.Load(), Number: o.number, Bulk: o.bulk}
	b := buffers.Get().(*[]byte)
	*b = f.Append((*b)[:0], head)
	answer, err := link.Call(ctx, Kind, *b)
	buffers.Put(b)
	if err == nil {
		var session uint64
		session, err = wire.ReadSession(answer)
		o.learn(session)
	}
	o.d.points.sent(f, err == nil)
	if err != nil {
		o.lose(f.Len())
		o.d.cfg.Logger.Debug("ownership messages are lost", "to", o.to, "messages", f.Len(), "err", err)
	}
}

// lose notes messages that do not arrive. The machine knows what to send again, and when, but for whole copies, which
// it gives much time.
func (o *outbox) lose(messages int) {
	o.d.counters.dropped.Add(int64(messages))
	if o.bulk {
		o.d.post(func() { o.d.step(ownership.Undelivered{To: o.to}) })
	}
}

// readAhead is how many frames that are not bulk may wait here before their senders are held up: the next frame of a peer, with what it
// says of the copies there, is not to wait until this node has acted on the one before.
const readAhead = 8

// Receive takes a frame of another node, whose bytes it does not keep. Reply is called with the answer: once all of the
// frame was acted on if it is a bulk one or many wait, so that a peer sends no faster than this node works, else at once;
// fail if the frame is not taken.
func (d *Driver) Receive(from ownership.UID, body []byte, reply func([]byte), fail func(string)) {
	done := func() { d.frames.Add(-1) }
	if d.frames.Add(1) > maxFrames {
		done()
		fail("too many frames wait")
		return
	}
	f, err := wire.Read(append([]byte(nil), body...))
	if err != nil {
		done()
		fail(err.Error())
		return
	}
	answer := func() { reply(wire.AppendSession(nil, d.session.Load())) }
	if f.Bulk {
		d.postBulk(func() {
			defer done()
			defer answer()
			d.act(from, &f)
		})
		return
	}
	early := d.hot.Add(1) <= readAhead
	if early {
		answer()
	}
	d.post(func() {
		defer done()
		defer d.hot.Add(-1)
		if !early {
			defer answer()
		}
		d.act(from, &f)
	})
}

// act does what a frame says.
func (d *Driver) act(from ownership.UID, f *wire.Arrived) {
	if d.Slept(d.cfg.Now()) {
		d.step(ownership.Tick{}) // begins a session, if this process was away
	}
	sender := d.peer(from)
	sender.hot.learn(f.From)
	sender.bulk.learn(f.From)
	last := &sender.read[0]
	if f.Bulk {
		last = &sender.read[1]
	}
	if f.Number <= *last {
		return // it was sent over a link that broke, and overtaken
	}
	*last = f.Number
	session := d.session.Load()
	if f.To != 0 && f.To != session {
		return
	}
	if f.Unknown > 0 {
		d.cfg.Logger.Warn("leaving out unknown messages", "from", from, "messages", f.Unknown)
	}
	for i, r := range f.Messages {
		d.points.receive(from, r.Msg)
		d.step(ownership.Received{From: from, Msg: r.Msg, State: r.State})
		switch {
		case f.Bulk:
			if d.urgent(); d.session.Load() != session {
				return // this process was away amid the frame: the rest is of the past
			}
		case i%64 == 63:
			d.keepUp()
		}
	}
}
