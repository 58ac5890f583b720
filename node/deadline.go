package node

import (
	"context"
	"sync/atomic"
	"time"
)

// deadlines hands out contexts that end a given time from now, to the slot: all who ask within a slot share one, so
// that a forwarded hit costs neither a timer nor an allocation.
type deadlines struct {
	length  time.Duration
	current atomic.Pointer[slot]
}

const slotLength = 5 * time.Millisecond

type slot struct {
	ctx    context.Context
	starts time.Time
}

// from returns a context that ends length after now, or at most slotLength later.
func (d *deadlines) from(now time.Time) context.Context {
	s := d.current.Load()
	if s != nil && now.Sub(s.starts) < slotLength {
		return s.ctx
	}
	ctx, cancel := context.WithDeadline(context.Background(), now.Add(d.length+slotLength))
	if d.current.CompareAndSwap(s, &slot{ctx, now}) {
		context.AfterFunc(ctx, cancel) // its own deadline ends it; that is when it is released
		return ctx
	}
	cancel()
	return d.current.Load().ctx
}
