package memnet

import (
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// conn is one end of a connection.
type conn struct {
	host        *Host
	in, out     *flow
	local, peer address

	// The mutex of the network guards the rest.

	ended       error // why it cannot be used at this end any more
	readBefore  time.Time
	writeBefore time.Time
}

// flow is what is under way in one direction.
type flow struct {
	from, to *Host
	pieces   []piece
	size     int
	deaf     bool          // nobody reads any more
	arrived  chan struct{} // to the reader, one token: look again
	room     chan struct{} // to the writer
}

// piece is what one write sent. The last one of a flow has the error that the reader gets.
type piece struct {
	at  time.Time
	b   []byte
	err error
}

// maxUnderWay is how many bytes a flow takes before writes wait.
const maxUnderWay = 1 << 20

// reset is what the peer of a process that has died reads.
var reset = os.NewSyscallError("read", syscall.ECONNRESET)

func connect(h, peer *Host, addr string) (near, far *conn) {
	flow := func(from, to *Host) *flow {
		return &flow{from: from, to: to, arrived: make(chan struct{}, 1), room: make(chan struct{}, 1)}
	}
	there, back := flow(h, peer), flow(peer, h)
	near = &conn{host: h, in: back, out: there, local: address(h.ip + ":0"), peer: address(addr)}
	far = &conn{host: peer, in: there, out: back, local: address(addr), peer: address(h.ip + ":0")}
	h.conns[near], peer.conns[far] = struct{}{}, struct{}{}
	return near, far
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Read implements net.Conn.
func (c *conn) Read(b []byte) (int, error) {
	n, f := c.host.net, c.in
	for {
		n.mu.Lock()
		got, err, next := c.readLocked(b, time.Now())
		changed := n.changed
		n.mu.Unlock()
		if got > 0 || err != nil || len(b) == 0 {
			return got, err
		}
		wait(f.arrived, changed, next)
	}
}

// readLocked takes what has arrived. If that is nothing, next is when something may, zero if that is not known.
func (c *conn) readLocked(b []byte, now time.Time) (got int, err error, next time.Time) { //nolint:staticcheck // the time goes with neither
	f := c.in
	for got < len(b) {
		switch {
		case c.ended != nil:
			return 0, c.ended, next
		case !c.readBefore.IsZero() && !now.Before(c.readBefore):
			return got, os.ErrDeadlineExceeded, next
		case len(f.pieces) == 0 || f.to.paused || c.host.net.wayLocked(f.from.ip, f.to.ip).State != Open:
			return got, nil, c.readBefore
		case f.pieces[0].at.After(now):
			return got, nil, earlier(f.pieces[0].at, c.readBefore)
		}
		p := &f.pieces[0]
		if p.err != nil {
			if got > 0 {
				return got, nil, next
			}
			return 0, p.err, next // again and again
		}
		k := copy(b[got:], p.b)
		got += k
		f.size -= k
		if p.b = p.b[k:]; len(p.b) == 0 {
			f.pieces = f.pieces[1:]
		}
		poke(f.room)
	}
	return got, nil, next
}

// Write implements net.Conn.
func (c *conn) Write(b []byte) (int, error) {
	n, f := c.host.net, c.out
	for {
		n.mu.Lock()
		done, err := c.writeLocked(b, time.Now())
		changed, until := n.changed, c.writeBefore
		n.mu.Unlock()
		if err != nil {
			return 0, err
		}
		if done {
			return len(b), nil
		}
		wait(f.room, changed, until)
	}
}

func (c *conn) writeLocked(b []byte, now time.Time) (done bool, err error) {
	f := c.out
	w := c.host.net.wayLocked(f.from.ip, f.to.ip)
	switch {
	case c.ended != nil:
		return false, c.ended
	case !c.writeBefore.IsZero() && !now.Before(c.writeBefore):
		return false, os.ErrDeadlineExceeded
	case f.from.paused || f.size > maxUnderWay:
		return false, nil
	case w.State == Rejects:
		c.endLocked(reset, nil)
		return false, reset
	}
	f.put(piece{at: now.Add(w.Latency), b: append([]byte(nil), b...)})
	return true, nil
}

// put sends p, behind what was sent before.
func (f *flow) put(p piece) {
	if f.deaf {
		return
	}
	if n := len(f.pieces); n > 0 && p.at.Before(f.pieces[n-1].at) {
		p.at = f.pieces[n-1].at
	}
	f.pieces = append(f.pieces, p)
	f.size += len(p.b)
	poke(f.arrived)
}

// endLocked ends this end for that reason, and tells the peer, if told is not nil.
func (c *conn) endLocked(reason, told error) {
	if c.ended != nil {
		return
	}
	c.ended = reason
	delete(c.host.conns, c)
	if told != nil {
		c.out.put(piece{at: time.Now().Add(c.host.net.wayLocked(c.out.from.ip, c.out.to.ip).Latency), err: told})
	}
	c.in.deaf, c.in.pieces, c.in.size = true, nil, 0
	for _, f := range []*flow{c.in, c.out} {
		poke(f.arrived)
		poke(f.room)
	}
}

// Close implements net.Conn. What was written before still arrives.
func (c *conn) Close() error {
	c.host.net.mu.Lock()
	defer c.host.net.mu.Unlock()
	c.endLocked(net.ErrClosed, io.EOF)
	return nil
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.peer }

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error { return c.setDeadlines(&t, &t) }

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error { return c.setDeadlines(&t, nil) }

// SetWriteDeadline implements net.Conn.
func (c *conn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(nil, &t) }

func (c *conn) setDeadlines(read, write *time.Time) error {
	c.host.net.mu.Lock()
	defer c.host.net.mu.Unlock()
	if read != nil {
		c.readBefore = *read
		poke(c.in.arrived)
	}
	if write != nil {
		c.writeBefore = *write
		poke(c.out.room)
	}
	return c.ended
}
