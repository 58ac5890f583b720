//go:build !linux

package transport

import (
	"net"
	"time"
)

// tuneSocket does nothing: unacknowledged data is left to PING.
func tuneSocket(net.Conn, time.Duration) {}
