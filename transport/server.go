package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Handler answers the requests of peers. Its methods are called on the goroutine that reads a connection, one at a
// time and in the order of arrival; they must not block. Each responder must be used exactly once, then or later, by
// any goroutine. Answers given before the method returns go out together with those of the same batch.
type Handler interface {
	// ServeHit answers a hit, check, stat or refund. The request is valid until ServeHit returns; whoever keeps it
	// copies it and calls Own on the copy.
	ServeHit(r *HitRequest, reply Responder)
	// ServeCall answers a control message. The body is valid until ServeCall returns.
	ServeCall(kind uint8, body []byte, reply CallResponder)
}

// Server accepts the links of peers. It is safe for concurrent use.
type Server struct {
	cfg      Config
	log      *slog.Logger
	accepted atomic.Int64
	turned   atomic.Int64 // away
	wg       sync.WaitGroup

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	conns     map[*serverConn]struct{}
	closed    bool
}

// NewServer returns a server. The error is that of Config.Validate.
func NewServer(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("transport: %w", err)
	}
	cfg = cfg.withDefaults()
	return &Server{
		cfg: cfg, log: cfg.Logger,
		listeners: map[net.Listener]struct{}{}, conns: map[*serverConn]struct{}{},
	}, nil
}

// Serve accepts connections on ln, which it closes, until Shutdown or Close: then the error is [ErrServerClosed]. Any
// other error is that of ln. It may be called for several listeners.
func (s *Server) Serve(ln net.Listener, h Handler) error {
	defer func() { _ = ln.Close() }()
	if !s.enter(ln) {
		return ErrServerClosed
	}
	defer s.leave(ln)
	for failures := 0; ; {
		conn, err := ln.Accept()
		switch {
		case err == nil:
			failures = 0
			s.take(conn, h)
		case s.isClosed():
			return ErrServerClosed
		case errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ECONNABORTED):
			s.log.Warn("accept failed", "error", err)
			time.Sleep(backoff(failures)) // files become free when connections end
			failures++
		default:
			return fmt.Errorf("accept: %w", err)
		}
	}
}

func (s *Server) enter(ln net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.listeners[ln] = struct{}{}
	s.wg.Add(1)
	return true
}

func (s *Server) leave(ln net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, ln)
	s.wg.Done()
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// take serves conn on a goroutine of its own, or closes it if there are too many.
func (s *Server) take(conn net.Conn, h Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = conn.Close()
		return
	}
	if len(s.conns) >= s.cfg.MaxConns {
		if n := s.turned.Add(1); n&(n-1) == 0 {
			s.log.Warn("connection turned away", "remote", conn.RemoteAddr(), "open", len(s.conns), "turned", n)
		}
		_ = conn.Close()
		return
	}
	c := newServerConn(s, conn, h)
	s.conns[c] = struct{}{}
	s.wg.Go(func() { // until the connection ends; Close closes it
		err := c.run()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
		c.logEnd(err)
	})
}

// ServerStats tells what a server holds.
type ServerStats struct {
	// Conns is how many connections are open, those that have not yet shown who they are included.
	Conns int
	// Accepted counts the peers that were let in, Turned the connections above MaxConns.
	Accepted, Turned int64
}

// Stats returns a snapshot.
func (s *Server) Stats() ServerStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return ServerStats{Conns: len(s.conns), Accepted: s.accepted.Load(), Turned: s.turned.Load()}
}

// Shutdown stops to listen and asks every peer to send no more. It returns when they have got all their answers and
// closed, or else, when ctx is over, closes their connections and returns the error of ctx.
func (s *Server) Shutdown(ctx context.Context) error {
	for _, c := range s.stop() {
		c.goAway()
	}
	ended := make(chan struct{})
	go func() { // until all connections have ended, which Close makes sure of
		s.wg.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		_ = s.Close()
		return ctx.Err()
	}
}

// Close closes all listeners and connections at once and returns when their goroutines have ended. The error is nil.
func (s *Server) Close() error {
	for _, c := range s.stop() {
		_ = c.conn.Close()
	}
	s.wg.Wait()
	return nil
}

// stop closes the listeners and returns the connections that are left.
func (s *Server) stop() []*serverConn {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for ln := range s.listeners {
		_ = ln.Close()
	}
	left := make([]*serverConn, 0, len(s.conns))
	for c := range s.conns {
		left = append(left, c)
	}
	return left
}

// isEnd reports whether err is how a connection ends that nobody needs to look at.
func isEnd(err error) bool {
	return err == nil || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe)
}
