package transport

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Link sends requests to one peer. It dials in the background, and again when the connection breaks, until it is
// closed. It is safe for concurrent use.
type Link struct {
	cfg    Config
	addr   string
	peer   Identity
	log    *slog.Logger
	pool   sync.Pool          // of *request
	ready  chan struct{}      // closed when the first attempt to connect has ended
	cancel context.CancelFunc // ends run
	ended  chan struct{}      // closed when run has returned
	conn   atomic.Pointer[linkConn]
	down   atomic.Pointer[error] // why there is no conn; includes ErrNotSent
	rtt    atomic.Int64
	tried  atomic.Int64 // attempts to connect
	opened atomic.Int64 // of them, successful

	mu     sync.Mutex
	closed bool
}

// NewLink returns a link to the peer at addr. A peer with a zero UID may be anyone, else anyone else is
// [ErrWrongPeer]. The error is that of Config.Validate.
func NewLink(cfg Config, addr string, peer Identity) (*Link, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("transport: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &Link{
		cfg: cfg.withDefaults(), addr: addr, peer: peer,
		ready: make(chan struct{}), cancel: cancel, ended: make(chan struct{}),
	}
	l.log = l.cfg.Logger.With("peer", peer.Name, "addr", addr)
	l.pool.New = func() any { return newRequest() }
	go l.run(ctx) // until Close
	return l, nil
}

// Do sends r and waits for the answer. It waits neither for a window that is full (ErrOverloaded) nor for a peer that
// is not connected (ErrNotSent, with the reason), except, within ctx, for the first attempt to connect. ErrBroken and
// the errors of ctx leave open what the peer did. Cancelling ends the wait, within 5 ms, but not the request.
func (l *Link) Do(ctx context.Context, r *HitRequest) (answer HitResponse, err error) {
	err = l.DoInto(ctx, r, &answer)
	return answer, err
}

// DoInto is Do with a place for the answer, which is zero before. It keeps neither r nor that.
func (l *Link) DoInto(ctx context.Context, r *HitRequest, answer *HitResponse) error {
	c, err := l.connected(ctx)
	if err != nil {
		return err
	}
	if r.Hit.Policy == nil {
		return fmt.Errorf("policy: missing: %w", ErrNotSent)
	}
	q := l.pool.Get().(*request)
	q.b = appendHit(q.b, r)
	if err := c.submit(ctx, q); err != nil {
		l.release(q)
		return err
	}
	<-q.done
	err = c.answer(q, answer)
	l.release(q)
	return err
}

// Call sends a control message and waits for the result, under the same rules as Do. The kind is whatever the nodes
// agree on; ErrUnsupported says that the peer does not know it, [RemoteError] is its refusal.
func (l *Link) Call(ctx context.Context, kind uint8, body []byte) ([]byte, error) {
	c, err := l.connected(ctx)
	if err != nil {
		return nil, err
	}
	q := l.pool.Get().(*request)
	q.b = appendCall(q.b, kind, body)
	if err := c.submit(ctx, q); err != nil {
		l.release(q)
		return nil, err
	}
	<-q.done
	result, err := c.result(q)
	l.release(q)
	return result, err
}

func (l *Link) release(q *request) {
	q.reset()
	l.pool.Put(q)
}

// connected is the connection, or why there is none.
func (l *Link) connected(ctx context.Context) (*linkConn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c := l.conn.Load(); c != nil {
		return c, nil
	}
	select {
	case <-l.ready:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if c := l.conn.Load(); c != nil {
		return c, nil
	}
	return nil, *l.down.Load()
}

// Peer is who the link leads to: the identity given to NewLink, or, if its UID was zero, the one that is connected.
func (l *Link) Peer() Identity {
	if c := l.conn.Load(); c != nil && l.peer.UID == (UID{}) {
		return c.peer
	}
	return l.peer
}

// Addr is the address that was given to NewLink.
func (l *Link) Addr() string { return l.addr }

// RTT is the time that the last PING took, or before the first that the handshake took for a round trip; 0 before that.
func (l *Link) RTT() time.Duration { return time.Duration(l.rtt.Load()) }

// LinkStats tells how a link does.
type LinkStats struct {
	// Connected says that requests can be sent.
	Connected bool
	// InFlight is how many requests have no answer yet.
	InFlight int
	// Attempts and Connects count dials since NewLink, and how many of them ended in a connection.
	Attempts, Connects int64
	// RTT is that of the link.
	RTT time.Duration
	// LastErr is why the link is not connected; nil if it is.
	LastErr error
}

// Stats returns a snapshot.
func (l *Link) Stats() LinkStats {
	s := LinkStats{Attempts: l.tried.Load(), Connects: l.opened.Load(), RTT: l.RTT()}
	if c := l.conn.Load(); c != nil {
		s.InFlight, s.LastErr = c.state()
		s.Connected = s.LastErr == nil
	} else if down := l.down.Load(); down != nil {
		s.LastErr = *down
	}
	return s
}

// Close takes no more requests, lets those in flight finish until ctx is over, and then closes the connection: what
// is still in flight is ErrBroken. It returns when the goroutines of the link have ended; the error is that of ctx if
// it cut requests off. A second call waits for the same end.
func (l *Link) Close(ctx context.Context) error {
	l.mu.Lock()
	l.closed = true
	c := l.conn.Load()
	l.mu.Unlock()
	var err error
	if c != nil {
		c.drain(ErrClosed)
		select {
		case <-c.ended:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	l.cancel()
	<-l.ended
	return err
}
