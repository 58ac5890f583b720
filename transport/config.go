package transport

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/traffik-io/traffik/strategy"
)

// UID names one start of a process. The zero value means "any" where a peer is expected.
type UID [16]byte

// String is the UID in hexadecimal.
func (u UID) String() string { return hex.EncodeToString(u[:]) }

// MaxNameLen bounds the name of a node, in bytes.
const MaxNameLen = 255

// Identity is who a node is.
type Identity struct {
	// UID is new with every start of the process.
	UID UID
	// Name is the stable name of the node, at most MaxNameLen bytes.
	Name string
}

// Config is what a node's server and links have in common. Label, Partitions and Hash must be equal on both ends, as
// must Secret.
type Config struct {
	// Self is this node. Its UID is required.
	Self Identity
	// Registry decodes the policies of incoming hits. Required.
	Registry *strategy.Registry
	// Secret is the secret of the cluster. Empty means that nobody is authenticated.
	Secret []byte
	// Label is a hash of the cluster's label, so that two clusters on one network do not mix.
	Label uint64
	// Partitions is how many partitions the keys are divided into.
	Partitions uint32
	// Hash names the function that hashes keys, and its seed.
	Hash uint64
	// MaxInFlight bounds the requests of a connection that have no answer yet; default 8192, at most 65536. The
	// call that finds it reached is ErrOverloaded.
	MaxInFlight int
	// MaxFrame bounds a frame, in bytes; default 1 MiB. A connection may queue four times as much, and at least
	// 4 MiB, before it is full.
	MaxFrame int
	// MaxConns bounds the connections that a server accepts; default 4096.
	MaxConns int
	// PingAfter is how often a link asks whether its peer is alive; default 1 s.
	PingAfter time.Duration
	// DeadAfter is for how long a peer may be silent before its link is broken, and bounds a dial with its
	// handshake and the wait of a write; default 3 s, at least twice PingAfter. A server gives up a connection on
	// which nothing has come for four times as long.
	DeadAfter time.Duration
	// Dial connects to a peer; nil means TCP.
	Dial func(ctx context.Context, addr string) (net.Conn, error)
	// Logger gets connections, refusals and breaks; nil means none.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.MaxInFlight == 0 {
		c.MaxInFlight = 8192
	}
	if c.MaxFrame == 0 {
		c.MaxFrame = 1 << 20
	}
	if c.MaxConns == 0 {
		c.MaxConns = 4096
	}
	if c.PingAfter == 0 {
		c.PingAfter = time.Second
	}
	if c.DeadAfter == 0 {
		c.DeadAfter = 3 * c.PingAfter
	}
	if c.Dial == nil {
		c.Dial = dialTCP
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Validate names every field that is out of range, with its value.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	d := c.withDefaults()
	check(c.Self.UID != UID{}, "Self.UID: missing")
	check(len(c.Self.Name) <= MaxNameLen, "Self.Name: %d bytes, at most %d are allowed", len(c.Self.Name), MaxNameLen)
	check(c.Registry != nil, "Registry: missing")
	check(d.MaxInFlight > 0 && d.MaxInFlight <= maxSlots, "MaxInFlight: %d is not between 1 and %d", d.MaxInFlight, maxSlots)
	check(d.MaxFrame >= minMaxFrame && d.MaxFrame <= maxMaxFrame, "MaxFrame: %d is not between %d and %d", d.MaxFrame, minMaxFrame, maxMaxFrame)
	check(d.MaxConns > 0, "MaxConns: %d is below 1", d.MaxConns)
	check(d.PingAfter > 0, "PingAfter: %v is not positive", d.PingAfter)
	check(d.DeadAfter >= 2*d.PingAfter, "DeadAfter: %v is below twice PingAfter, %v", d.DeadAfter, d.PingAfter)
	return errors.Join(errs...)
}

// queueLimit is how many bytes a connection may hold for writing.
func (c *Config) queueLimit() int { return max(4*c.MaxFrame, 4<<20) }

// dialTCP is the default Dial. Go sets TCP_NODELAY by itself.
func dialTCP(ctx context.Context, addr string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", addr)
}
