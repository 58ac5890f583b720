package transport

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// A link that lost its peer tries again after 20 ms, and then after twice as long each time, up to 2 s.
const (
	firstRetry = 20 * time.Millisecond
	lastRetry  = 2 * time.Second
)

// run keeps the link connected until ctx is over.
func (l *Link) run(ctx context.Context) {
	defer close(l.ended)
	var once bool
	settled := func() { // the first attempt has ended
		if !once {
			once = true
			close(l.ready)
		}
	}
	defer settled()
	defer l.downBecause(ErrClosed)
	for failures := 0; ; failures++ {
		began := time.Now()
		c, err := l.connect(ctx)
		if err == nil && l.publish(c) {
			settled()
			err = c.serve(ctx)
			if time.Since(began) > lastRetry {
				failures = 0
			}
		}
		if l.isClosed() || ctx.Err() != nil {
			return
		}
		l.downBecause(err)
		settled()
		l.logDown(failures, err)
		if !sleep(ctx, backoff(failures)) {
			return
		}
	}
}

// connect dials the peer and makes sure that it is the right one, within DeadAfter.
func (l *Link) connect(ctx context.Context) (*linkConn, error) {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.DeadAfter)
	defer cancel()
	l.tried.Add(1)
	conn, err := l.cfg.Dial(ctx, l.addr)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	tuneSocket(conn, l.cfg.DeadAfter)
	began := time.Now()
	h, err := newHandshake(&l.cfg, conn, l.peer.UID)
	var frames *frameReader
	if err == nil {
		frames, err = h.dial()
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("handshake: %w", err)
	}
	l.opened.Add(1)
	l.rtt.Store(int64(time.Since(began) / 2)) // there and back twice
	return newLinkConn(l, conn, frames, h.peer.self), nil
}

// publish makes c the connection of the link; false if the link has been closed meanwhile.
func (l *Link) publish(c *linkConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		_ = c.conn.Close()
		return false
	}
	l.conn.Store(c)
	l.log.Info("link connected", "uid", c.peer.UID, "name", c.peer.Name)
	return true
}

// isClosed reports whether Close was called.
func (l *Link) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// downBecause records why there is no connection, as Do will return it.
func (l *Link) downBecause(reason error) {
	if !errors.Is(reason, ErrNotSent) {
		reason = fmt.Errorf("%w: link to %s: %w", ErrNotSent, l.addr, reason)
	}
	l.down.Store(&reason)
	l.conn.Store(nil)
}

// logDown logs the first failure, the second, the fourth and so on: a peer may be away for long.
func (l *Link) logDown(failures int, err error) {
	if failures&(failures-1) == 0 {
		l.log.Warn("link down", "failures", failures+1, "error", err)
	}
}

// backoff is how long to wait after that many failures before, less up to a quarter, so that links do not beat in
// time.
func backoff(failures int) time.Duration {
	d := min(firstRetry<<min(failures, 16), lastRetry)
	return d - rand.N(d/4)
}

// sleep reports whether d passed before ctx was over.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
