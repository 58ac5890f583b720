package httpadapter

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fakeSocket notes what is written to it. With stuck set, nobody reads.
type fakeSocket struct {
	mu     sync.Mutex
	texts  []string
	closed int
	stuck  bool
	err    error
}

func (s *fakeSocket) WriteText(ctx context.Context, text []byte) error {
	if s.stuck {
		<-ctx.Done()
		return ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts = append(s.texts, string(text))
	return s.err
}

func (s *fakeSocket) Close(code int, _ string) error {
	s.closed = code
	return s.err
}

func newConn(t *testing.T, s Socket, o ConnOptions) *Conn {
	c, err := NewConn(get("/ws"), s, o)
	require.NoError(t, err)
	return c
}

// Guarantee 10: a refused message is answered, and the connection lives on.
func TestMessagesAreRefusedOneByOne(t *testing.T) {
	fake, socket := newFake(), &fakeSocket{}
	th := newThrottle(t, "chat", "2/min", Options{Limiter: fake, Context: Context{Extras: map[string]any{"room": "a"}}})
	c := newConn(t, socket, ConnOptions{})
	for i := range 5 {
		ok, err := c.Allow(t.Context(), th)
		require.NoError(t, err)
		assert.Equal(t, i < 2, ok)
		assert.Equal(t, i >= 2, c.IsThrottled())
	}
	assert.Equal(t, time.Minute, c.Wait())
	require.Len(t, socket.texts, 3)
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(socket.texts[0]), &got))
	assert.Equal(t, map[string]any{"type": "rate_limit", "error": "Too many messages", "retry_after": 60.0, "room": "a"}, got)

	ok, err := c.Allow(t.Context(), th, Cost(3))
	require.NoError(t, err)
	assert.False(t, ok)
	assert.Contains(t, socket.texts[3], `"retry_after":-1`)
	ok, err = c.Allow(t.Context(), th, Cost(0))
	require.NoError(t, err)
	assert.True(t, ok)
	assert.False(t, c.IsThrottled(), "a message that was let through counts as the most recent")
	assert.Zero(t, c.Wait())
	assert.Zero(t, socket.closed)
}

func TestConnIsClosedAfterRepeatedViolations(t *testing.T) {
	fake, socket := newFake(), &fakeSocket{}
	th := newThrottle(t, "chat", "1/s", Options{Limiter: fake})
	c := newConn(t, socket, ConnOptions{MaxViolations: 3})
	var got []bool
	send := func() error {
		ok, err := c.Allow(t.Context(), th)
		got = append(got, ok)
		return err
	}
	for range 3 {
		require.NoError(t, send())
	}
	fake.now += 1_000_000
	for range 3 { // an allowed message starts the count anew
		require.NoError(t, send())
	}
	assert.Equal(t, []bool{true, false, false, true, false, false}, got)
	assert.ErrorIs(t, send(), ErrViolations)
	assert.Equal(t, PolicyViolation, socket.closed)
	assert.Len(t, socket.texts, 4, "the last refusal is told by the close frame")
	socket.err = errBroken
	err := send()
	assert.ErrorIs(t, err, ErrViolations)
	assert.ErrorIs(t, err, errBroken)
}

func TestConnHoldsMessages(t *testing.T) {
	th := newThrottle(t, "chat", "1/s", Options{Limiter: newFake()})
	socket := &fakeSocket{}
	c := newConn(t, socket, ConnOptions{})
	for range 5 {
		ok, err := c.Allow(t.Context(), th, MaxWait(2*time.Second))
		require.NoError(t, err)
		assert.True(t, ok)
	}
	assert.Empty(t, socket.texts)
}

func TestConnErrors(t *testing.T) {
	_, err := NewConn(get("/"), nil, ConnOptions{MaxViolations: -1, WriteTimeout: -1})
	for _, want := range []string{"socket: missing", "max violations: -1", "write timeout"} {
		assert.ErrorContains(t, err, want)
	}
	fake, socket := newFake(), &fakeSocket{err: errBroken}
	th := newThrottle(t, "chat", "1/min", Options{Limiter: fake, OnError: ReturnErrors})
	c := newConn(t, socket, ConnOptions{})
	_, err = c.Allow(t.Context(), th, Cost(2))
	assert.ErrorIs(t, err, errBroken, "of the socket")
	_, err = c.Allow(t.Context(), th, Cost(-1))
	assert.ErrorIs(t, err, ErrInvalid)
	_, err = c.Allow(t.Context(), th, Cost(2), With(Context{Extras: map[string]any{"f": func() {}}}))
	assert.ErrorIs(t, err, ErrInvalid)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Allow(ctx, th)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestClientThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle(t, "chat", "1/min", Options{Limiter: newFake()})
		c := newConn(t, &fakeSocket{stuck: true}, ConnOptions{})
		start := time.Now()
		_, err := c.Allow(t.Context(), th, Cost(2))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 5*time.Second, time.Since(start))
	})
}

func TestConnIdentifiesOnce(t *testing.T) {
	var calls int
	name := func(*http.Request) (string, error) { calls++; return "someone", nil }
	th := newThrottle(t, "chat", "100/min", Options{Limiter: newFake(), Identifier: name})
	c := newConn(t, &fakeSocket{}, ConnOptions{})
	send := func() {
		_, err := c.Allow(t.Context(), th)
		require.NoError(t, err)
	}
	send()
	send()
	assert.Equal(t, 1, calls)
	for i := range 50 { // each change may have brought another identifier
		require.NoError(t, th.SetCost(1))
		send()
		assert.Equal(t, i+2, calls)
		assert.LessOrEqual(t, len(c.identities), maxIdentities)
	}
	require.NoError(t, th.SetIdentifier(func(*http.Request) (string, error) { return "", errBroken }))
	send()
}

func TestConnConcurrently(t *testing.T) {
	fake, socket := newFake(), &fakeSocket{}
	th := newThrottle(t, "chat", "1000/min", Options{Limiter: fake})
	c := newConn(t, socket, ConnOptions{})
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for range 500 {
				_, err := c.Allow(t.Context(), th)
				assert.NoError(t, err)
				c.IsThrottled()
			}
		})
	}
	work.Wait()
	assert.Len(t, socket.texts, 1000)
}
