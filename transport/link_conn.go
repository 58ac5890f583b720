package transport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// errGoAway is why a connection that the peer is about to close takes no requests.
var errGoAway = fmt.Errorf("transport: the peer is shutting down: %w", ErrNotSent)

// linkConn is one connection of a link.
type linkConn struct {
	link   *Link
	conn   net.Conn
	frames *frameReader
	peer   Identity
	heard  atomic.Bool   // something was read since the last look
	busy   chan struct{} // to watch, one token: there are calls again
	ended  chan struct{} // closed when serve returns
	odd    bool          // an answer to nothing was logged

	out *outbox // its mutex guards the rest
	// sent has the requests that have no answer.
	sent slots
	// stopped is why no more requests are taken; nil if they are.
	stopped error
	// broken is why the connection was closed from this side; nil if it was not.
	broken error
	pings  uint64
	pinged time.Time // when the last was sent
	// watched says that watch looks at calls, looked is how many frames were queued when it did.
	watched bool
	looked  uint64
}

func newLinkConn(l *Link, conn net.Conn, frames *frameReader, peer Identity) *linkConn {
	return &linkConn{
		link: l, conn: conn, frames: frames, peer: peer, busy: make(chan struct{}, 1), ended: make(chan struct{}),
		out: newOutbox(conn, &l.cfg), sent: slots{limit: l.cfg.MaxInFlight},
	}
}

// submit queues the frame of q, or says why it cannot; then q has not been sent and will not be.
func (c *linkConn) submit(ctx context.Context, q *request) error {
	if len(q.b) > c.link.cfg.MaxFrame {
		return fmt.Errorf("%w: a frame of %d bytes, at most %d are allowed", ErrNotSent, len(q.b), c.link.cfg.MaxFrame)
	}
	o := c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if c.stopped != nil {
		return c.stopped
	}
	if c.sent.full() || o.fullLocked(len(q.b)) {
		return ErrOverloaded
	}
	if ctx.Done() != nil {
		q.ctx = ctx
		c.watchLocked()
	}
	setStream(q.b, c.sent.put(o.queued, q))
	o.putLocked(append(o.b, q.b...))
	return nil
}

// state is how many requests have no answer, and why no more are taken.
func (c *linkConn) state() (inFlight int, stopped error) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.sent.used, c.stopped
}

// drain takes no more requests, for that reason, and closes the connection when all have their answer.
func (c *linkConn) drain(reason error) {
	c.out.mu.Lock()
	c.stopped = reason
	idle := c.sent.used == 0
	c.out.mu.Unlock()
	if idle {
		c.breakOff(reason)
	}
}

// breakOff closes the connection for that reason; serve then ends.
func (c *linkConn) breakOff(reason error) {
	c.out.mu.Lock()
	if c.broken == nil {
		c.broken = reason
	}
	c.out.mu.Unlock()
	_ = c.conn.Close()
}

// serve reads answers until the connection breaks, and returns why. Then no request is left.
func (c *linkConn) serve(ctx context.Context) error {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { c.breakOff(ErrClosed) })
	var wg sync.WaitGroup
	wg.Go(func() { c.out.run(done) }) // until done, or a write fails
	wg.Go(func() { c.listen(done) })  // until done, or the peer is silent
	wg.Go(func() { c.watch(done) })   // until done
	err := c.read()
	_ = c.conn.Close()
	stop()
	close(done)
	wg.Wait()
	err = c.fail(err)
	close(c.ended)
	return err
}

// fail gives every request that has no answer an error, and returns the reason.
func (c *linkConn) fail(reason error) error {
	o := c.out
	o.mu.Lock()
	if c.broken != nil {
		reason = c.broken
	}
	unsent := fmt.Errorf("%w: %w", ErrNotSent, reason)
	unknown := fmt.Errorf("%w: %w", ErrBroken, reason)
	if errors.Is(reason, ErrNotSent) { // a stop from this side: what was sent is unknown all the same
		unsent, unknown = reason, fmt.Errorf("%w: %s", ErrBroken, reason.Error())
	}
	if c.stopped == nil {
		c.stopped = unsent
	}
	left, taken := c.sent.drain(), o.taken
	o.b = nil
	o.mu.Unlock()
	for _, s := range left {
		if s.req == nil {
			continue
		}
		s.req.err = unknown
		if s.stream>>slotBits >= taken {
			s.req.err = unsent
		}
		s.req.settle()
	}
	return reason
}

// listen sends a PING every PingAfter, and breaks the connection off when nothing was heard for DeadAfter.
func (c *linkConn) listen(done <-chan struct{}) {
	cfg := &c.link.cfg
	ticker := time.NewTicker(cfg.PingAfter / 2)
	defer ticker.Stop()
	var pinged time.Time
	for heard := time.Now(); ; {
		select {
		case <-done:
			return
		case <-ticker.C:
		}
		now := time.Now()
		if c.heard.Swap(false) {
			heard = now
		}
		if now.Sub(heard) >= cfg.DeadAfter {
			c.breakOff(ErrSilent)
			return
		}
		if now.Sub(pinged) >= cfg.PingAfter {
			pinged = now
			c.ping(now)
		}
	}
}

func (c *linkConn) ping(now time.Time) {
	o := c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	c.pings++
	c.pinged = now
	o.putLocked(appendEmpty(o.b, typePing, c.pings))
}

// pong takes the time of the round trip, if it is the last PING that is answered.
func (c *linkConn) pong(stream uint64) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if stream == c.pings {
		c.link.rtt.Store(int64(time.Since(c.pinged)))
	}
}

// arrival is an answer and the request that it is for.
type arrival struct {
	header
	body []byte
	req  *request
	odd  bool // there is no such request
}

// arrivals bounds how many answers are matched under one lock, and so how long the first of them waits.
const arrivals = 64

// read takes frames until the connection fails.
func (c *linkConn) read() error {
	batch := make([]arrival, 0, arrivals)
	for {
		for more := true; more; {
			var err error
			if batch, more, err = c.collect(batch[:0]); err != nil {
				return err
			}
			c.settle(batch)
		}
		if err := c.frames.fill(); err != nil {
			return err
		}
		c.heard.Store(true)
	}
}

// collect cuts answers off what was read; more says that there may be others.
func (c *linkConn) collect(batch []arrival) (all []arrival, more bool, err error) {
	for len(batch) < arrivals {
		h, body, ok, err := c.frames.next()
		if !ok || err != nil {
			return batch, false, err
		}
		switch h.typ {
		case typeAnswer, typeResult, typeUnsupported:
			batch = append(batch, arrival{header: h, body: body})
		case typePong:
			c.pong(h.stream)
		case typeGoAway:
			c.link.log.Info("peer is going away")
			c.drain(errGoAway)
		default:
			c.unsupported(h)
		}
	}
	return batch, true, nil
}

func (c *linkConn) unsupported(h header) {
	o := c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.fullLocked(headerLen) {
		return // it does not read what it is told
	}
	o.putLocked(appendSingle(o.b, typeUnsupported, h.stream, uint64(h.typ)))
}

// settle answers the requests of the batch. Their slots are free before anyone wakes up.
func (c *linkConn) settle(batch []arrival) {
	if len(batch) == 0 {
		return
	}
	c.out.mu.Lock()
	for i := range batch {
		a := &batch[i]
		q, ok := c.sent.take(a.stream)
		a.req, a.odd = q, !ok
	}
	finished := c.stopped
	if c.sent.used > 0 {
		finished = nil
	}
	c.out.mu.Unlock()
	for i := range batch {
		c.deliver(&batch[i])
	}
	if finished != nil {
		c.breakOff(finished)
	}
}

// deliver hands an answer to its request. It is decoded by the caller, who is one of many, and not here.
func (c *linkConn) deliver(a *arrival) {
	q := a.req
	if q == nil {
		if a.odd {
			c.logOdd(a)
		}
		return
	}
	q.typ = a.typ
	q.b = append(q.b[:0], a.body...)
	q.settle()
}

// answer decodes the answer to a hit into r, which is zero.
func (c *linkConn) answer(q *request, r *HitResponse) (err error) {
	if q.err != nil {
		return q.err
	}
	d := decoder{b: q.b}
	if q.typ == typeAnswer {
		err = d.answer(r)
	} else {
		err = c.other(q, &d)
	}
	return c.checked(err)
}

// result decodes the answer to a call.
func (c *linkConn) result(q *request) (body []byte, err error) {
	if q.err != nil {
		return nil, q.err
	}
	d := decoder{b: q.b}
	if q.typ != typeResult {
		return nil, c.checked(c.other(q, &d))
	}
	body, failure, err := d.result()
	if err != nil {
		return nil, c.checked(err)
	}
	return bytes.Clone(body), failure
}

// other decodes what may answer any request.
func (c *linkConn) other(q *request, d *decoder) error {
	if q.typ != typeUnsupported {
		return fmt.Errorf("%w: frame type %d does not answer the request", ErrProtocol, q.typ)
	}
	if _, err := d.single(); err != nil {
		return err
	}
	return ErrUnsupported
}

// checked breaks the connection off if err says that the peer does not keep to the protocol.
func (c *linkConn) checked(err error) error {
	if err == nil || !errors.Is(err, ErrProtocol) {
		return err
	}
	c.breakOff(err)
	return fmt.Errorf("%w: %w", ErrBroken, err)
}

// logOdd logs the first answer to a request that is not known.
func (c *linkConn) logOdd(a *arrival) {
	if !c.odd {
		c.odd = true
		c.link.log.Warn("answer to an unknown request", "type", a.typ, "stream", a.stream)
	}
}
