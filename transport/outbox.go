package transport

import (
	"net"
	"runtime"
	"sync"
)

const (
	writeLen = 64 << 10  // most bytes per write
	keepLen  = 256 << 10 // longest buffer that is kept for the next frames
)

// outbox gathers the frames of one connection and writes all that is there at once. Whoever appends the first frame
// wakes the writer; there is no timer, so that a single frame does not wait and many go together.
//
// Writes have no deadline of their own, which would cost as much as a frame each time: a link that cannot write hears
// nothing either and is broken off, and a server moves the deadline of the connection now and then.

type outbox struct {
	conn  net.Conn
	limit int           // bytes that may be queued
	wake  chan struct{} // to the writer, one token

	writing sync.Mutex // held by whoever writes; guards spare
	spare   []byte     // the buffer for what comes meanwhile

	mu     sync.Mutex // guards all below, and what its owner says
	b      []byte     // what is to be written
	queued uint64     // frames ever appended
	taken  uint64     // how many of them were taken to be written
	held   bool       // somebody will flush soon
	closed bool       // nothing more goes out
}

func newOutbox(conn net.Conn, cfg *Config) *outbox {
	return &outbox{conn: conn, limit: cfg.queueLimit(), wake: make(chan struct{}, 1)}
}

// fullLocked reports whether n more bytes are too many.
func (o *outbox) fullLocked(n int) bool { return len(o.b)+n > o.limit }

// putLocked makes b, which is o.b with one more frame, what is to be written.
func (o *outbox) putLocked(b []byte) {
	first := len(o.b) == 0
	o.b = b
	o.queued++
	if first && !o.held {
		select {
		case o.wake <- struct{}{}:
		default:
		}
	}
}

// flush writes all that is queued.
func (o *outbox) flush() error {
	o.writing.Lock()
	defer o.writing.Unlock()
	o.mu.Lock()
	b := o.b
	o.b = o.spare[:0]
	o.taken, o.held = o.queued, false
	o.mu.Unlock()
	o.spare = nil
	if cap(b) <= keepLen { // a burst may have made it long
		o.spare = b
	}
	for len(b) > 0 {
		n, err := o.conn.Write(b[:min(len(b), writeLen)])
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// run writes whenever woken, until done is closed or a write fails; then it closes the connection, which ends the
// reader.
func (o *outbox) run(done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-o.wake:
		}
		runtime.Gosched() // who is about to append does so before the write
		if o.flush() != nil {
			_ = o.conn.Close()
			return
		}
	}
}
