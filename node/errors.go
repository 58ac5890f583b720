package node

import (
	"errors"

	"github.com/traffik-io/traffik/actor"
)

// Errors of a node. All are answered wrapped, with what happened; test with errors.Is.
var (
	// ErrInvalid says that the hit itself is unusable; the wrapped error names the field.
	ErrInvalid = errors.New("invalid hit")
	// ErrUnreachable says that nobody could decide within the budget. Whether the hit was charged is unknown.
	ErrUnreachable = errors.New("no owner answered in time")
	// ErrOverloaded says that a bound was reached: keys, queued hits of a key, hits in flight.
	ErrOverloaded = actor.ErrOverloaded
	// ErrClosed says that the node is shut down.
	ErrClosed = errors.New("node is closed")
)
