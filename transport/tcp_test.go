package transport

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// overTCP is a server and a link to it over loopback, in this process.
func overTCP(t testing.TB, cfg Config, h Handler) (*Server, *Link, string) {
	s, err := NewServer(cfg)
	require.NoError(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln, h) }() // until Close
	l, err := NewLink(testConfig(1), ln.Addr().String(), Identity{UID: cfg.Self.UID})
	require.NoError(t, err)
	t.Cleanup(func() {
		assert.NoError(t, l.Close(context.Background()))
		assert.NoError(t, s.Close())
		assert.ErrorIs(t, <-served, ErrServerClosed)
	})
	return s, l, ln.Addr().String()
}

// TestManyCallersOverTCP runs real sockets under the race detector: answers from many goroutines, long results, and a
// shutdown with all of it in flight.
func TestManyCallersOverTCP(t *testing.T) {
	s, l, _ := overTCP(t, testConfig(2), handler{
		hit: func(h *HitRequest, reply Responder) {
			cost := h.Hit.Cost
			if cost%3 == 0 {
				go reply.Answer(allowed(cost)) // until it has answered
				return
			}
			reply.Answer(allowed(cost))
		},
		call: func(_ uint8, body []byte, reply CallResponder) { reply.Result(make([]byte, 1000*len(body))) },
	})
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for j := range 50 {
				got, err := l.Do(inTime(t), testHit(int64(i*50+j)))
				assert.NoError(t, err)
				assert.EqualValues(t, i*50+j, got.Decision.Limit)
			}
			result, err := l.Call(inTime(t), 1, make([]byte, i))
			assert.NoError(t, err)
			assert.Len(t, result, 1000*i)
		})
	}
	wg.Wait()
	var after sync.WaitGroup
	for range 64 {
		after.Go(func() {
			if _, err := l.Do(inTime(t), testHit(1)); err != nil {
				assert.ErrorIs(t, err, ErrNotSent, "a graceful stop leaves nothing in doubt")
			}
		})
	}
	assert.NoError(t, s.Shutdown(inTime(t)))
	after.Wait()
}

// TestRestartedPeer shows another process at the address of the old: it is noticed, and named.
func TestRestartedPeer(t *testing.T) {
	old, l, addr := overTCP(t, testConfig(2), handler{})
	_, err := l.Do(inTime(t), testHit(1))
	require.NoError(t, err)
	require.NoError(t, old.Close())
	ln, err := net.Listen("tcp", addr)
	require.NoError(t, err)
	again, err := NewServer(testConfig(3))
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- again.Serve(ln, handler{}) }() // until Close
	require.Eventually(t, func() bool {
		_, err := l.Do(inTime(t), testHit(1))
		var wrong *WrongPeerError
		return errors.As(err, &wrong) && wrong.Found.UID == UID{3}
	}, time.Minute, 10*time.Millisecond)
	require.NoError(t, again.Close())
	require.ErrorIs(t, <-served, ErrServerClosed)
}
