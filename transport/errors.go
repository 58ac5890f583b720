package transport

import (
	"errors"
	"fmt"
)

// What became of a request that has no answer. Context errors are returned as they are; like ErrBroken they say
// nothing about what the peer did, unless the context was over before the call.
var (
	// ErrNotSent says that no byte of the request was written: it is safe to send it elsewhere.
	ErrNotSent = errors.New("transport: not sent")
	// ErrOverloaded says that the link has as many requests in flight, or bytes queued, as it may. It includes
	// ErrNotSent.
	ErrOverloaded = fmt.Errorf("transport: the window is full: %w", ErrNotSent)
	// ErrClosed says that the link was closed. It includes ErrNotSent.
	ErrClosed = fmt.Errorf("transport: the link is closed: %w", ErrNotSent)
	// ErrBroken says that the connection was lost before the answer came: the outcome is unknown.
	ErrBroken = errors.New("transport: the connection broke before the answer")
	// ErrUnsupported says that the peer does not know the type of a message or the kind of a call.
	ErrUnsupported = errors.New("transport: the peer does not support this message")
	// ErrServerClosed is what Serve returns after Shutdown or Close.
	ErrServerClosed = errors.New("transport: the server is closed")
)

// Why two nodes do not talk. Both log it; the dialing side also finds it in the errors of Do and in LinkStats.LastErr.
var (
	// ErrWrongPeer says that another process answers at the address; [WrongPeerError] tells which.
	ErrWrongPeer = errors.New("transport: wrong peer")
	// ErrSecret says that the cluster secrets differ, or that only one side has one.
	ErrSecret = errors.New("transport: the cluster secret differs")
	// ErrVersion says that the ranges of protocol versions do not overlap.
	ErrVersion = errors.New("transport: no common protocol version")
	// ErrLabel says that the peer belongs to another cluster.
	ErrLabel = errors.New("transport: the cluster label differs")
	// ErrPartitions says that the peer divides the keys into another number of partitions.
	ErrPartitions = errors.New("transport: the number of partitions differs")
	// ErrHash says that the peer hashes keys differently.
	ErrHash = errors.New("transport: the key hash differs")
	// ErrProtocol says that the peer sent what the protocol does not allow.
	ErrProtocol = errors.New("transport: protocol violation")
	// ErrSilent says that the peer was not heard for DeadAfter.
	ErrSilent = errors.New("transport: the peer is silent")
)

// WrongPeerError is an ErrWrongPeer that tells who was expected and who was found. With a secret, the found identity
// is authenticated.
type WrongPeerError struct {
	Expected UID
	Found    Identity
}

func (e *WrongPeerError) Error() string {
	return fmt.Sprintf("%v: %s expected, found %s (%s)", ErrWrongPeer, e.Expected, e.Found.UID, e.Found.Name)
}

// Unwrap returns ErrWrongPeer.
func (e *WrongPeerError) Unwrap() error { return ErrWrongPeer }

// RemoteError is what the handler of the peer answered to a call instead of a result.
type RemoteError struct{ Text string }

func (e *RemoteError) Error() string { return "transport: the peer answers: " + e.Text }

// refusals are the reasons that travel, by their code on the wire.
var refusals = [...]error{
	0: ErrProtocol,
	1: ErrVersion,
	2: ErrLabel,
	3: ErrPartitions,
	4: ErrHash,
	5: ErrSecret,
	6: ErrWrongPeer,
}

// refusalCode is the code of the reason in err, that of ErrProtocol if it has none.
func refusalCode(err error) uint64 {
	for code, reason := range refusals {
		if errors.Is(err, reason) {
			return uint64(code)
		}
	}
	return 0
}

// refusalOf is the reason of a code; one from a later version is an ErrProtocol.
func refusalOf(code uint64) error {
	if code < uint64(len(refusals)) {
		return refusals[code]
	}
	return ErrProtocol
}
