package transport

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// serverConn is one connection of a server.
type serverConn struct {
	srv      *Server
	conn     net.Conn
	handler  Handler
	peer     Identity // once greeted
	out      *outbox
	frames   *frameReader
	dec      *decoder
	policies policyCache
	hit      HitRequest // being served
	admitted int        // requests that the handler got
	room     int        // how many more this batch may bring
	extended time.Time  // when the deadline was last moved

	// The mutex of out guards the rest.

	answered int  // of the admitted
	greeted  bool // the handshake is over
	leaving  bool // GOAWAY is due or was sent
}

func newServerConn(s *Server, conn net.Conn, h Handler) *serverConn {
	return &serverConn{
		srv: s, conn: conn, handler: h, out: newOutbox(conn, &s.cfg), dec: &decoder{},
		policies: policyCache{registry: s.cfg.Registry},
	}
}

// run serves the connection until it ends, and returns why.
func (c *serverConn) run() error {
	defer func() { _ = c.conn.Close() }()
	if err := c.greet(); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { c.out.run(done) }) // until done, or a write fails
	err := c.read()
	_ = c.conn.Close()
	close(done)
	wg.Wait()
	c.out.mu.Lock()
	c.out.closed = true
	c.out.b = nil
	c.out.mu.Unlock()
	return err
}

func (c *serverConn) greet() error {
	tuneSocket(c.conn, c.srv.cfg.DeadAfter)
	h, err := newHandshake(&c.srv.cfg, c.conn, UID{})
	if err != nil {
		return err
	}
	if c.frames, err = h.accept(); err != nil {
		return err
	}
	c.peer = h.peer.self
	c.srv.accepted.Add(1)
	c.srv.log.Debug("peer connected", "uid", c.peer.UID, "name", c.peer.Name, "remote", c.conn.RemoteAddr())
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	c.greeted = true
	if c.leaving {
		c.out.putLocked(appendEmpty(c.out.b, typeGoAway, 0))
	}
	return nil
}

// logEnd logs why the connection ended: a peer that breaks rules or is refused is worth a warning.
func (c *serverConn) logEnd(err error) {
	log := c.srv.log.With("uid", c.peer.UID, "name", c.peer.Name, "remote", c.conn.RemoteAddr())
	switch {
	case isEnd(err):
		log.Debug("peer disconnected")
	default:
		log.Warn("peer connection failed", "error", err)
	}
}

// goAway asks the peer to send no more and to close. One that has not been greeted yet is asked right after.
func (c *serverConn) goAway() {
	o := c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if c.greeted && !c.leaving {
		o.putLocked(appendEmpty(o.b, typeGoAway, 0))
	}
	c.leaving = true
}

// read serves batch after batch: what one read has brought. The answers that are given meanwhile go out in one write.
func (c *serverConn) read() error {
	for {
		c.hold()
		err := c.batch()
		if flushed := c.out.flush(); err == nil {
			err = flushed
		}
		if err != nil {
			return err
		}
		if err := c.extend(); err != nil {
			return err
		}
		if err := c.frames.fill(); err != nil {
			return err
		}
	}
}

// hold keeps the answers of a batch until it is flushed, and sees how many requests it may bring.
func (c *serverConn) hold() {
	c.out.mu.Lock()
	c.out.held = true
	c.room = c.srv.cfg.MaxInFlight - (c.admitted - c.answered)
	c.out.mu.Unlock()
}

// extend moves the deadline of the connection, now and then: a peer sends a PING every second or so, and reads.
func (c *serverConn) extend() error {
	idle := 4 * c.srv.cfg.DeadAfter
	now := time.Now()
	if now.Sub(c.extended) < idle/4 {
		return nil
	}
	c.extended = now
	return c.conn.SetDeadline(now.Add(idle))
}

func (c *serverConn) batch() error {
	for {
		h, body, ok, err := c.frames.next()
		if !ok || err != nil {
			return err
		}
		c.dec.reset(body)
		switch h.typ {
		case typeHit:
			err = c.serveHit(h.stream)
		case typeCall:
			err = c.serveCall(h.stream)
		case typePing:
			err = c.send(func(b []byte) []byte { return appendEmpty(b, typePong, h.stream) })
		case typeUnsupported: // an answer to what only a later version sends
		case typeHello, typeAuth, typeReady, typeRefused, typeAnswer, typeResult, typePong, typeGoAway:
			err = fmt.Errorf("%w: frame type %d is not for a server", ErrProtocol, h.typ)
		default:
			err = c.send(func(b []byte) []byte { return appendSingle(b, typeUnsupported, h.stream, uint64(h.typ)) })
		}
		if err != nil {
			return err
		}
	}
}

func (c *serverConn) serveHit(stream uint64) error {
	switch err := c.dec.hit(&c.hit, &c.policies); {
	case err != nil:
		return c.refuseHit(stream, err)
	case c.admit():
		c.handler.ServeHit(&c.hit, Responder{c, stream})
		return nil
	}
	return c.refuse(stream, &HitResponse{Status: Overloaded})
}

// refuseHit answers a hit that is of no use. One that is malformed breaks the connection.
func (c *serverConn) refuseHit(stream uint64, err error) error {
	var bad *badHit
	if errors.As(err, &bad) {
		return c.refuse(stream, &HitResponse{Status: Failed, Text: bad.Error()})
	}
	return err
}

// refuse answers a hit that the handler did not get.
func (c *serverConn) refuse(stream uint64, r *HitResponse) error {
	return c.send(func(b []byte) []byte { return appendAnswer(b, stream, r) })
}

func (c *serverConn) serveCall(stream uint64) error {
	kind, body, err := c.dec.call()
	if err != nil {
		return err
	}
	if !c.admit() {
		return c.send(func(b []byte) []byte { return appendFailure(b, stream, "too many requests in flight") })
	}
	c.handler.ServeCall(kind, body, CallResponder{c, stream, kind})
	return nil
}

// admit reports whether one more request may wait for its answer. The peer keeps to its own window, so it is only
// refused if that is larger. Those that were answered in this batch count until its end.
func (c *serverConn) admit() bool {
	if c.room == 0 {
		return false
	}
	c.room--
	c.admitted++
	return true
}

var errNotRead = errors.New("transport: the peer does not read its answers")

// send queues the frame that frame appends.
func (c *serverConn) send(frame func([]byte) []byte) error {
	o := c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	return c.sendLocked(frame)
}

func (c *serverConn) sendLocked(frame func([]byte) []byte) error {
	o := c.out
	switch {
	case o.closed:
	case o.fullLocked(0):
		return errNotRead
	default:
		o.putLocked(frame(o.b))
	}
	return nil
}

// Responder answers one HitRequest. It may be copied.
type Responder struct {
	c      *serverConn
	stream uint64
}

// Peer is the origin of the request.
func (r Responder) Peer() Identity { return r.c.peer }

// Answer sends the answer; it must be called exactly once. It does not keep a, never blocks on the network, and does
// nothing if the connection has ended.
func (r Responder) Answer(a *HitResponse) {
	o := r.c.out
	o.mu.Lock()
	r.c.answered++
	full := o.fullLocked(0)
	if !full && !o.closed {
		o.putLocked(appendAnswer(o.b, r.stream, a))
	}
	o.mu.Unlock()
	if full {
		r.c.unread()
	}
}

// CallResponder answers one call. Exactly one of its methods other than Peer must be called, once. It may be copied.
type CallResponder struct {
	c      *serverConn
	stream uint64
	kind   uint8
}

// Peer is the origin of the call.
func (r CallResponder) Peer() Identity { return r.c.peer }

// Result answers with a body, which it does not keep. One that is longer than the frame of this node may be is a
// failure.
func (r CallResponder) Result(body []byte) {
	if size := headerLen + len(body) + 16; size > r.c.srv.cfg.MaxFrame {
		r.Fail(fmt.Sprintf("a result of %d bytes does not fit a frame", len(body)))
		return
	}
	r.reply(func(b []byte) []byte { return appendResult(b, r.stream, body) })
}

// Fail answers with a text of at most 1024 bytes, which the caller finds in its RemoteError.
func (r CallResponder) Fail(text string) {
	r.reply(func(b []byte) []byte { return appendFailure(b, r.stream, text) })
}

// Unsupported answers that the kind is not known.
func (r CallResponder) Unsupported() {
	r.reply(func(b []byte) []byte { return appendSingle(b, typeUnsupported, r.stream, uint64(r.kind)) })
}

func (r CallResponder) reply(frame func([]byte) []byte) {
	o := r.c.out
	o.mu.Lock()
	r.c.answered++
	err := r.c.sendLocked(frame)
	o.mu.Unlock()
	if err != nil {
		r.c.unread()
	}
}

// unread closes the connection to a peer that does not read its answers.
func (c *serverConn) unread() {
	c.srv.log.Warn("peer does not read", "uid", c.peer.UID, "name", c.peer.Name)
	_ = c.conn.Close()
}
