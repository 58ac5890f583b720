//go:build ablation

package driver

import (
	"sync"

	"github.com/traffik-io/traffik/internal/ablate"
	"github.com/traffik-io/traffik/node/internal/wire"
	"github.com/traffik-io/traffik/node/ownership"
)

// points tells package ablate where the handoffs have got to that this node takes part in. The zero value is ready, and is
// safe for concurrent use.
type points struct {
	mu       sync.Mutex
	offering map[uint32]ownership.UID // to whom
	offered  map[uint32]ownership.UID // by whom
	next     map[uint32]ownership.Term
	queued   map[*wire.Frame][]point
}

type point struct {
	at ablate.Point
	p  uint32
}

// queue notes that a frame, to be sent to a peer, has a message.
func (x *points) queue(f *wire.Frame, to ownership.UID, msg ownership.Message) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.queued == nil {
		x.queued, x.offering = map[*wire.Frame][]point{}, map[uint32]ownership.UID{}
	}
	add := func(at ablate.Point, p uint32) { x.queued[f] = append(x.queued[f], point{at, p}) }
	switch msg := msg.(type) {
	case ownership.Offer:
		x.offering[msg.P] = to
		add(ablate.OwnerOffered, msg.P)
	case ownership.Chunk:
		if x.offering[msg.P] == to {
			add(ablate.OwnerCopying, msg.P)
		}
	case ownership.Repl:
		if msg.Stream != 0 && x.offering[msg.P] == to {
			add(ablate.OwnerCopying, msg.P)
		}
	case ownership.Intent:
		add(ablate.OwnerTold, msg.P)
	case ownership.Commit:
		add(ablate.OwnerFrozen, msg.P)
	case ownership.Committed:
		add(ablate.TargetCommitted, msg.P)
	}
}

// sent notes whether a frame was delivered.
func (x *points) sent(f *wire.Frame, ok bool) {
	x.mu.Lock()
	reached := x.queued[f]
	delete(x.queued, f)
	x.mu.Unlock()
	for _, r := range reached {
		if ok {
			ablate.Reach(r.at, r.p)
		}
	}
}

// receive notes a message that is about to be acted on.
func (x *points) receive(from ownership.UID, msg ownership.Message) {
	x.mu.Lock()
	if x.offered == nil {
		x.offered, x.next = map[uint32]ownership.UID{}, map[uint32]ownership.Term{}
	}
	at := ablate.Point("")
	p := uint32(0)
	switch msg := msg.(type) {
	case ownership.Offer:
		x.offered[msg.P] = from
		at, p = ablate.TargetOffered, msg.P
	case ownership.Chunk:
		if x.offered[msg.P] == from {
			at, p = ablate.TargetCopying, msg.P
		}
	case ownership.Repl:
		switch {
		case msg.Stream != 0 && x.offered[msg.P] == from:
			at, p = ablate.TargetCopying, msg.P
		case msg.Term == x.next[msg.P]:
			at, p = ablate.BackupCommitted, msg.P
		}
	case ownership.Intent:
		x.next[msg.P] = msg.Next
		at, p = ablate.BackupTold, msg.P
	case ownership.Commit:
		at, p = ablate.TargetFrozen, msg.P
	case ownership.Committed:
		at, p = ablate.OwnerCommitted, msg.P
	}
	x.mu.Unlock()
	ablate.Reach(at, p)
}
