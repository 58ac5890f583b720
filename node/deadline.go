package node

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/traffik-io/traffik/strategy"
)

// deadlines hands out contexts that end a given time from now, to the slot: all who ask within a slot share one, so
// that a forwarded hit costs neither a timer nor an allocation.
type deadlines struct {
	length  time.Duration
	current atomic.Pointer[slot]
}

const slotLength = 5 * time.Millisecond

type slot struct {
	ctx  context.Context
	ends strategy.Time // after that, others share another
}

// from returns a context that ends length after now, or at most slotLength later.
func (d *deadlines) from(now strategy.Time) context.Context {
	s := d.current.Load()
	if s != nil && now < s.ends {
		return s.ctx
	}
	ctx, cancel := context.WithTimeout(context.Background(), d.length+slotLength)
	if d.current.CompareAndSwap(s, &slot{ctx, now + micros(slotLength)}) {
		context.AfterFunc(ctx, cancel) // its own deadline ends it; that is when it is released
		return ctx
	}
	cancel()
	return d.current.Load().ctx
}

// micros is d in the unit of the node's clock, and duration the reverse.
func micros(d time.Duration) strategy.Time { return strategy.Time(d / time.Microsecond) }

func duration(t strategy.Time) time.Duration { return time.Duration(t) * time.Microsecond }
