package transport

import "time"

const (
	// watchEvery is how long after its context a call may return.
	watchEvery = 5 * time.Millisecond
	// watchChunk is how many calls are looked at under one lock.
	watchChunk = 64
)

// watch returns calls whose context is over, until done is closed. To wait for a context beside the answer would cost
// each call as much as to encode the hit and decode the answer; a look at all of them now and then costs next to
// nothing. While there are no calls there are no looks.
func (c *linkConn) watch(done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-c.busy:
		}
		ticker := time.NewTicker(watchEvery)
		for look := true; look; look = c.stillBusy() {
			select {
			case <-done:
				ticker.Stop()
				return
			case <-ticker.C:
			}
			for i := 0; c.look(i); i += watchChunk {
			}
		}
		ticker.Stop()
	}
}

// watchLocked makes sure that watch looks at a request that was just queued.
func (c *linkConn) watchLocked() {
	if !c.watched {
		c.watched = true
		c.busy <- struct{}{}
	}
}

// stillBusy reports whether there are calls, or were since it was asked last.
func (c *linkConn) stillBusy() bool {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	c.watched = c.sent.used > 0 || c.out.queued != c.looked
	c.looked = c.out.queued
	return c.watched
}

// look returns those of watchChunk calls from slot i whose context is over; more says that there are others behind.
// Their slots stay taken until the answers have come, because the peer still works on them.
func (c *linkConn) look(i int) (more bool) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	end := min(i+watchChunk, len(c.sent.table))
	for ; i < end; i++ {
		s := &c.sent.table[i]
		if s.req == nil || s.req.ctx == nil {
			continue
		}
		if err := s.req.ctx.Err(); err != nil {
			s.req.err = err
			s.req.settle()
			s.req = nil
		}
	}
	return end < len(c.sent.table)
}
