package memnet

import (
	"context"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
)

// Host is one process on a host, from its start to its end.
type Host struct {
	net *Network
	ip  string

	// The mutex of net guards the rest.

	listeners map[string]*listener
	gossip    map[string]*gossip
	conns     map[*conn]struct{}
	paused    bool
	dead      bool
	held      []func() // packets that came while it was paused
}

// IP is that of the host.
func (h *Host) IP() string { return h.ip }

// Pause stops the process, as far as others can see, or has it go on.
func (h *Host) Pause(on bool) {
	h.net.mu.Lock()
	h.paused = on
	h.net.changedLocked()
	held := h.held
	h.held = nil
	h.net.mu.Unlock()
	for _, deliver := range held {
		deliver()
	}
}

// Crash ends the process: all its connections break, and what it still does reaches nobody.
func (h *Host) Crash() {
	n := h.net
	n.mu.Lock()
	defer n.mu.Unlock()
	h.dead = true
	for _, l := range h.listeners {
		l.closeLocked()
	}
	clear(h.gossip)
	for c := range h.conns {
		c.endLocked(net.ErrClosed, reset)
	}
	if n.hosts[h.ip] == h {
		delete(n.hosts, h.ip)
	}
	n.changedLocked()
}

// Listen implements the network of a node.
func (h *Host) Listen(_ context.Context, addr string) (net.Listener, error) { return h.listen(addr) }

func (h *Host) listen(addr string) (*listener, error) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	if h.dead || hostOf(addr) != h.ip {
		return nil, fmt.Errorf("listen %s: %w", addr, syscall.EADDRNOTAVAIL)
	}
	if h.listeners[addr] != nil {
		return nil, fmt.Errorf("listen %s: %w", addr, syscall.EADDRINUSE)
	}
	l := &listener{host: h, addr: addr, backlog: make(chan *conn, 128), closed: make(chan struct{})}
	h.listeners[addr] = l
	return l, nil
}

// listener accepts connections.
type listener struct {
	host    *Host
	addr    string
	backlog chan *conn
	closed  chan struct{}
}

func (l *listener) Addr() net.Addr { return address(l.addr) }

// Accept implements net.Listener. A process that is paused accepts nothing.
func (l *listener) Accept() (net.Conn, error) {
	n := l.host.net
	for {
		n.mu.Lock()
		paused, changed := l.host.paused, n.changed
		n.mu.Unlock()
		backlog := l.backlog
		if paused {
			backlog = nil
		}
		select {
		case <-l.closed:
			return nil, net.ErrClosed
		case c := <-backlog:
			return c, nil
		case <-changed:
		}
	}
}

func (l *listener) Close() error {
	l.host.net.mu.Lock()
	defer l.host.net.mu.Unlock()
	l.closeLocked()
	return nil
}

func (l *listener) closeLocked() {
	if l.host.listeners[l.addr] != l {
		return
	}
	delete(l.host.listeners, l.addr)
	close(l.closed)
	for {
		select {
		case c := <-l.backlog: // nobody will accept it
			c.endLocked(net.ErrClosed, reset)
		default:
			return
		}
	}
}

// Dial implements the network of a node. It takes a round trip.
func (h *Host) Dial(ctx context.Context, addr string) (net.Conn, error) {
	c, err := h.dial(ctx, addr)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "memory", Addr: address(addr), Err: err}
	}
	return c, nil
}

func (h *Host) dial(ctx context.Context, addr string) (*conn, error) {
	to := hostOf(addr)
	switch state, err := h.travel(ctx, h.ip, to); {
	case err != nil:
		return nil, err
	case state == Rejects:
		return nil, refused
	}
	near := h.arrive(to, addr)
	_, err := h.travel(ctx, to, h.ip)
	if near == nil && err == nil {
		return nil, refused
	}
	if err != nil && near != nil {
		_ = near.Close()
	}
	return near, err
}

var refused = os.NewSyscallError("connect", syscall.ECONNREFUSED)

// travel waits until something has got from one host to another, or until the way rejects it. The answer to a dial is
// not rejected but lost.
func (h *Host) travel(ctx context.Context, from, to string) (State, error) {
	n := h.net
	for {
		n.mu.Lock()
		w, changed, open := n.wayLocked(from, to), n.changed, !h.paused
		dead := h.dead
		n.mu.Unlock()
		switch {
		case dead:
			return Open, net.ErrClosed
		case open && (w.State == Open || w.State == Rejects && from == h.ip):
			t := time.NewTimer(w.Latency)
			defer t.Stop()
			select {
			case <-t.C:
				return w.State, nil
			case <-ctx.Done():
				return Open, ctx.Err()
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Open, ctx.Err()
		}
	}
}

// arrive makes the connection at the host that is dialed; nil if it refuses.
func (h *Host) arrive(to, addr string) (near *conn) {
	n := h.net
	n.mu.Lock()
	defer n.mu.Unlock()
	peer := n.hosts[to]
	if h.dead || peer == nil || peer.listeners[addr] == nil {
		return nil
	}
	near, far := connect(h, peer, addr)
	select {
	case peer.listeners[addr].backlog <- far:
		return near
	default:
		far.endLocked(net.ErrClosed, reset)
		return nil
	}
}
