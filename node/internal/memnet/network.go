package memnet

import (
	"net"
	"sync"
	"time"
)

// Network is some hosts and the ways between them.
type Network struct {
	mu      sync.Mutex // guards what follows, and all of the hosts, listeners and connections
	hosts   map[string]*Host
	ways    map[direction]Way
	usual   time.Duration
	changed chan struct{} // closed and replaced when a way or a host changes
}

// direction is from one host, by its IP, to another.
type direction struct{ from, to string }

// Way is what one direction between two hosts is like. The zero value is open and has the latency of the Network.
type Way struct {
	State   State
	Latency time.Duration // 0: that of the Network
}

// State says what becomes of what is sent.
type State int

// The states of a way.
const (
	Open    State = iota
	Silent        // nothing arrives
	Rejects       // as Silent, but the sender is told
)

// New returns a network whose ways have that latency, which must be positive.
func New(latency time.Duration) *Network {
	return &Network{hosts: map[string]*Host{}, ways: map[direction]Way{}, usual: latency, changed: make(chan struct{})}
}

// Set makes the way from one host to another, by their IPs, like w.
func (n *Network) Set(from, to string, w Way) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ways[direction{from, to}] = w
	n.changedLocked()
}

// Heal opens all ways; their latencies stay.
func (n *Network) Heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for d, w := range n.ways {
		n.ways[d] = Way{Latency: w.Latency}
	}
	n.changedLocked()
}

func (n *Network) changedLocked() {
	close(n.changed)
	n.changed = make(chan struct{})
}

func (n *Network) wayLocked(from, to string) Way {
	w := n.ways[direction{from, to}]
	if w.Latency == 0 {
		w.Latency = n.usual
	}
	return w
}

// Host starts a process on the host with that IP.
func (n *Network) Host(ip string) *Host {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := &Host{net: n, ip: ip, listeners: map[string]*listener{}, conns: map[*conn]struct{}{}, gossip: map[string]*gossip{}}
	n.hosts[ip] = h
	return h
}

// address is a net.Addr.
type address string

func (address) Network() string  { return "memory" }
func (a address) String() string { return string(a) }

// hostOf is the IP in addr.
func hostOf(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return host
}

// wait returns when one of the channels is ready, or the time has come; a zero time never does.
func wait(a, b <-chan struct{}, until time.Time) {
	var timer <-chan time.Time
	if !until.IsZero() {
		t := time.NewTimer(time.Until(until))
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-a:
	case <-b:
	case <-timer:
	}
}

// earlier is the earlier of two times, of which zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
