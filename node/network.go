package node

import (
	"context"
	"net"

	"github.com/hashicorp/memberlist"
)

// network is what a node listens on and dials. Dial fails with syscall.ECONNREFUSED, maybe wrapped, where the other
// host says that nobody listens: that is part of the proof of a death.
type network interface {
	Listen(ctx context.Context, addr string) (net.Listener, error)
	Dial(ctx context.Context, addr string) (net.Conn, error)
	// Gossip is what gossip at addr goes over; nil lets memberlist bind addr itself.
	Gossip(addr string) (memberlist.Transport, error)
}

// sockets are the network of the system.
type sockets struct{}

func (sockets) Listen(ctx context.Context, addr string) (net.Listener, error) {
	var c net.ListenConfig
	return c.Listen(ctx, "tcp", addr)
}

func (sockets) Dial(ctx context.Context, addr string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", addr)
}

func (sockets) Gossip(string) (memberlist.Transport, error) { return nil, nil } //nolint:nilnil // nil is memberlist's own
