package transport

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestExactlyOneOutcome holds Guarantee 1: many callers, answers in any order and from any goroutine, and each gets
// its own.
func TestExactlyOneOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var held []func()
		r := newRig(t, testConfig(2), handler{hit: func(h *HitRequest, reply Responder) {
			cost := h.Hit.Cost
			if cost%2 == 0 {
				reply.Answer(allowed(cost))
				return
			}
			mu.Lock()
			held = append(held, func() { reply.Answer(allowed(cost)) })
			mu.Unlock()
		}})
		l := r.link(testConfig(1), Identity{})
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				got, err := l.Do(t.Context(), testHit(int64(i)))
				assert.NoError(t, err)
				assert.EqualValues(t, i, got.Decision.Limit)
			})
			wg.Go(func() {
				got, err := l.Call(t.Context(), 7, fmt.Append(nil, i))
				assert.NoError(t, err)
				assert.Equal(t, fmt.Sprint(i), string(got))
			})
		}
		synctest.Wait()
		assert.Equal(t, 100, l.Stats().InFlight)
		slices.Reverse(held)
		for _, answer := range held {
			go answer() // until it has answered
		}
		wg.Wait()
		assert.Zero(t, l.Stats().InFlight)
	})
}

// TestBrokenAndNotSent holds Guarantee 2: what the server saw is ErrBroken, what it did not see is ErrNotSent.
func TestBrokenAndNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, testConfig(2), handler{hit: func(*HitRequest, Responder) {}})
		l := r.link(testConfig(1), Identity{})
		outcome := make(chan error, 1)
		go func() { // until the connection is cut
			_, err := l.Do(t.Context(), testHit(1))
			outcome <- err
		}()
		synctest.Wait()
		r.net.cut()
		err := <-outcome
		assert.ErrorIs(t, err, ErrBroken)
		assert.NotErrorIs(t, err, ErrNotSent)
		_, err = l.Do(t.Context(), testHit(1))
		assert.ErrorIs(t, err, ErrNotSent, "the link is down")
		assert.NotErrorIs(t, err, ErrBroken)
		time.Sleep(time.Second) // of the bubble
		assert.True(t, l.Stats().Connected, "it has reconnected")
		assert.EqualValues(t, 2, l.Stats().Connects)
	})
}

// blocked is a connection whose writes hang once stuck is closed, until it is closed itself.
type blocked struct {
	net.Conn
	stuck  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func (b *blocked) Write(p []byte) (int, error) {
	select {
	case <-b.stuck:
		<-b.closed
		return 0, net.ErrClosed
	default:
		return b.Conn.Write(p)
	}
}

func (b *blocked) Close() error {
	b.once.Do(func() { close(b.closed) })
	return b.Conn.Close()
}

// TestUnsentIsKnown holds Guarantee 2 for requests that wait behind a write that hangs: only the one in the hands of
// the connection is in doubt.
func TestUnsentIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, testConfig(2), handler{})
		stuck := make(chan struct{})
		r.net.wrap = func(c net.Conn) net.Conn { return &blocked{Conn: c, stuck: stuck, closed: make(chan struct{})} }
		l := r.link(testConfig(1), Identity{})
		_, err := l.Do(t.Context(), testHit(1))
		require.NoError(t, err)
		close(stuck)
		first, second := make(chan error, 1), make(chan error, 1)
		do := func(into chan<- error) {
			_, err := l.Do(t.Context(), testHit(1))
			into <- err
		}
		go do(first) // until the connection breaks
		synctest.Wait()
		go do(second) // until the connection breaks
		synctest.Wait()
		r.net.cut()
		assert.ErrorIs(t, <-first, ErrBroken)
		err = <-second
		assert.ErrorIs(t, err, ErrNotSent)
		assert.NotErrorIs(t, err, ErrBroken)
	})
}

// TestWindow holds Guarantee 3 for requests in flight and for bytes queued.
func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var replies []Responder
		r := newRig(t, testConfig(2), handler{hit: func(_ *HitRequest, reply Responder) { replies = append(replies, reply) }})
		cfg := testConfig(1)
		cfg.MaxInFlight = 3
		l := r.link(cfg, Identity{})
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				_, err := l.Do(t.Context(), testHit(1))
				assert.NoError(t, err)
			})
		}
		synctest.Wait()
		_, err := l.Do(t.Context(), testHit(1))
		assert.ErrorIs(t, err, ErrOverloaded)
		assert.ErrorIs(t, err, ErrNotSent)
		for _, reply := range replies {
			reply.Answer(allowed(1))
		}
		wg.Wait()
		replies = nil
		go func() { // until it is answered
			_, err := l.Do(t.Context(), testHit(1))
			assert.NoError(t, err, "the window is open again")
		}()
		synctest.Wait()
		replies[0].Answer(allowed(1))
		synctest.Wait()
	})
}

func TestQueueLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, testConfig(2), handler{})
		stuck := make(chan struct{})
		r.net.wrap = func(c net.Conn) net.Conn { return &blocked{Conn: c, stuck: stuck, closed: make(chan struct{})} }
		l := r.link(testConfig(1), Identity{})
		_, err := l.Do(t.Context(), testHit(1))
		require.NoError(t, err)
		close(stuck)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 5 { // the first is in the hands of the connection, four fill the queue
			wg.Go(func() {
				_, err := l.Call(ctx, 1, make([]byte, 1<<20-100))
				assert.ErrorIs(t, err, context.Canceled)
			})
			synctest.Wait()
		}
		_, err = l.Call(ctx, 1, make([]byte, 1<<20-100))
		assert.ErrorIs(t, err, ErrOverloaded)
		_, err = l.Call(ctx, 1, make([]byte, 1<<20))
		assert.ErrorIs(t, err, ErrNotSent, "longer than a frame may be")
		cancel()
		wg.Wait()
	})
}

func TestServerWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig(2)
		cfg.MaxInFlight = 2
		var replies []Responder
		r := newRig(t, cfg, handler{hit: func(_ *HitRequest, reply Responder) { replies = append(replies, reply) }})
		l := r.link(testConfig(1), Identity{})
		statuses := make(chan Status, 3)
		for range 3 {
			go func() { // until answered
				got, err := l.Do(t.Context(), testHit(1))
				assert.NoError(t, err)
				statuses <- got.Status
			}()
			synctest.Wait()
		}
		assert.Equal(t, Overloaded, <-statuses, "a peer that does not keep to the window")
		for _, reply := range replies {
			reply.Answer(allowed(1))
		}
		assert.Equal(t, Decided, <-statuses)
		assert.Equal(t, Decided, <-statuses)
	})
}

func TestCancelEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var replies []Responder
		r := newRig(t, testConfig(2), handler{hit: func(_ *HitRequest, reply Responder) { replies = append(replies, reply) }})
		l := r.link(testConfig(1), Identity{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := l.Do(ctx, testHit(1))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 1, l.Stats().InFlight, "the peer still works on it")
		replies[0].Answer(allowed(1))
		synctest.Wait()
		assert.Zero(t, l.Stats().InFlight)
		_, err = l.Do(ctx, testHit(1))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Len(t, replies, 1, "a context that is over sends nothing")
	})
}

// TestCancelOfMany shows calls that end by their contexts while others of the link go on, and that nothing looks at
// contexts when there are no calls.
func TestCancelOfMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var replies []Responder
		r := newRig(t, testConfig(2), handler{hit: func(_ *HitRequest, reply Responder) { replies = append(replies, reply) }})
		l := r.link(testConfig(1), Identity{})
		var wg sync.WaitGroup
		for i := range 4 * watchChunk {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if i%2 == 0 {
					ctx = context.Background()
				}
				began := time.Now()
				_, err := l.Do(ctx, testHit(1))
				if i%2 == 0 {
					assert.NoError(t, err)
					return
				}
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				assert.LessOrEqual(t, time.Since(began), time.Second+watchEvery)
			})
		}
		time.Sleep(2 * time.Second) // of the bubble
		assert.Equal(t, 4*watchChunk, l.Stats().InFlight, "the peer still works on all of them")
		for _, reply := range replies {
			reply.Answer(allowed(1))
		}
		wg.Wait()
		assert.Zero(t, l.Stats().InFlight)
		time.Sleep(3 * watchEvery) // of the bubble
		c := l.conn.Load()
		c.out.mu.Lock()
		assert.False(t, c.watched)
		c.out.mu.Unlock()
	})
}

// TestSilentPeer holds Guarantee 6: nothing is read, nothing is refused, and within DeadAfter and a tick all fail.
func TestSilentPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, testConfig(2), handler{})
		stuck := make(chan struct{})
		r.net.wrap = func(c net.Conn) net.Conn { return &blocked{Conn: c, stuck: stuck, closed: make(chan struct{})} }
		l := r.link(testConfig(1), Identity{})
		_, err := l.Do(t.Context(), testHit(1))
		require.NoError(t, err)
		close(stuck)
		began := time.Now()
		_, err = l.Do(t.Context(), testHit(1))
		assert.ErrorIs(t, err, ErrSilent)
		assert.ErrorIs(t, err, ErrBroken)
		assert.InDelta(t, 3.25, time.Since(began).Seconds(), 0.26)
	})
}

// TestIdleLinkLives holds the other side of Guarantee 6: a link with nothing to say is kept, by both ends.
func TestIdleLinkLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, testConfig(2), handler{})
		l := r.link(testConfig(1), Identity{})
		time.Sleep(time.Hour) // of the bubble
		_, err := l.Do(t.Context(), testHit(1))
		assert.NoError(t, err)
		assert.EqualValues(t, 1, l.Stats().Connects)
	})
}

func TestReconnectBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newPipes()
		require.NoError(t, n.Close())
		log := &logged{}
		cfg := testConfig(1)
		cfg.Dial, cfg.Logger = n.dial, newLogger(log)
		l, err := NewLink(cfg, "pipes", Identity{})
		require.NoError(t, err)
		_, err = l.Do(t.Context(), testHit(1))
		assert.ErrorIs(t, err, ErrNotSent)
		assert.ErrorIs(t, err, errNobody, "it says why")
		time.Sleep(10 * time.Minute) // of the bubble
		s := l.Stats()
		assert.InDelta(t, 345, s.Attempts, 45, "every 1.5 to 2 s")
		assert.ErrorIs(t, s.LastErr, errNobody)
		assert.Less(t, len(log.all()), 12, "and logs rarely")
		require.NoError(t, l.Close(t.Context()))
		_, err = l.Do(t.Context(), testHit(1))
		assert.ErrorIs(t, err, ErrClosed)
		assert.ErrorIs(t, err, ErrNotSent)
	})
}

// TestFirstConnect shows that a call waits for the first attempt, within its context.
func TestFirstConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newPipes() // nobody accepts
		cfg := testConfig(1)
		cfg.Dial = n.dial
		l, err := NewLink(cfg, "pipes", Identity{})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = l.Do(ctx, testHit(1))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = l.Do(t.Context(), testHit(1))
		assert.ErrorIs(t, err, ErrNotSent, "after DeadAfter the attempt has failed")
		require.NoError(t, l.Close(t.Context()))
		require.NoError(t, l.Close(t.Context()), "again")
	})
}

// TestCloseDrains holds Guarantee 7 for the dialing side.
func TestCloseDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reply Responder
		r := newRig(t, testConfig(2), handler{hit: func(_ *HitRequest, to Responder) { reply = to }})
		l := r.link(testConfig(1), Identity{})
		outcome, closed := make(chan error, 1), make(chan error, 1)
		go func() { // until answered
			_, err := l.Do(t.Context(), testHit(1))
			outcome <- err
		}()
		synctest.Wait()
		go func() { closed <- l.Close(t.Context()) }() // until drained
		synctest.Wait()
		_, err := l.Do(t.Context(), testHit(1))
		assert.ErrorIs(t, err, ErrClosed)
		reply.Answer(allowed(1))
		assert.NoError(t, <-outcome)
		assert.NoError(t, <-closed)
	})
}

func TestCloseCutsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, testConfig(2), handler{hit: func(*HitRequest, Responder) {}})
		l := r.link(testConfig(1), Identity{})
		outcome := make(chan error, 1)
		go func() { // until cut off
			_, err := l.Do(t.Context(), testHit(1))
			outcome <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.ErrorIs(t, l.Close(ctx), context.DeadlineExceeded)
		err := <-outcome
		assert.ErrorIs(t, err, ErrBroken)
		assert.NotErrorIs(t, err, ErrNotSent, "the peer has seen it")
	})
}

// TestShutdownDrains holds Guarantee 7 for the accepting side.
func TestShutdownDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reply Responder
		r := newRig(t, testConfig(2), handler{hit: func(_ *HitRequest, to Responder) { reply = to }})
		l := r.link(testConfig(1), Identity{})
		outcome, down := make(chan error, 1), make(chan error, 1)
		go func() { // until answered
			_, err := l.Do(t.Context(), testHit(1))
			outcome <- err
		}()
		synctest.Wait()
		go func() { down <- r.server.Shutdown(t.Context()) }() // until drained
		synctest.Wait()
		_, err := l.Do(t.Context(), testHit(1))
		assert.ErrorIs(t, err, ErrNotSent)
		assert.False(t, l.Stats().Connected)
		reply.Answer(allowed(1))
		assert.NoError(t, <-outcome)
		assert.NoError(t, <-down)
	})
}

func TestShutdownCutsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, testConfig(2), handler{hit: func(*HitRequest, Responder) {}})
		l := r.link(testConfig(1), Identity{})
		outcome := make(chan error, 1)
		go func() { // until cut off
			_, err := l.Do(t.Context(), testHit(1))
			outcome <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.ErrorIs(t, r.server.Shutdown(ctx), context.DeadlineExceeded)
		assert.ErrorIs(t, <-outcome, ErrBroken)
		assert.ErrorIs(t, r.server.Serve(newPipes(), handler{}), ErrServerClosed)
	})
}

func TestCallOutcomes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, testConfig(2), handler{call: func(kind uint8, body []byte, reply CallResponder) {
			switch kind {
			case 1:
				assert.Equal(t, UID{1}, reply.Peer().UID)
				reply.Result(body)
			case 2:
				reply.Fail("not today")
			case 3:
				reply.Result(make([]byte, 2<<20))
			default:
				reply.Unsupported()
			}
		}})
		l := r.link(testConfig(1), Identity{})
		body, err := l.Call(t.Context(), 1, []byte("status"))
		assert.NoError(t, err)
		assert.Equal(t, "status", string(body))
		_, err = l.Call(t.Context(), 2, nil)
		var remote *RemoteError
		require.ErrorAs(t, err, &remote)
		assert.Equal(t, "not today", remote.Text)
		_, err = l.Call(t.Context(), 3, nil)
		assert.ErrorAs(t, err, &remote, "a result that fits no frame")
		_, err = l.Call(t.Context(), 4, nil)
		assert.ErrorIs(t, err, ErrUnsupported)
		assert.EqualValues(t, 1, l.Stats().Connects)
	})
}

func TestRTT(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, testConfig(2), handler{})
		r.net.wrap = func(c net.Conn) net.Conn { return &late{c} }
		l := r.link(testConfig(1), Identity{})
		time.Sleep(10 * time.Second) // of the bubble
		assert.Equal(t, 30*time.Millisecond, l.Stats().RTT)
	})
}

// late is a connection whose writes take 30 ms.
type late struct{ net.Conn }

func (l *late) Write(p []byte) (int, error) {
	time.Sleep(30 * time.Millisecond) // of the bubble
	return l.Conn.Write(p)
}
