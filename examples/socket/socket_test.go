package socket_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/traffik-io/traffik/examples/socket"
	"github.com/traffik-io/traffik/httpadapter"
	"github.com/traffik-io/traffik/node"
	"github.com/traffik-io/traffik/strategy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// accept upgrades with one of the libraries and returns the connection and a function that reads the next message.
type accept func(w http.ResponseWriter, r *http.Request) (httpadapter.Socket, func() (string, error), error)

func acceptCoder(w http.ResponseWriter, r *http.Request) (httpadapter.Socket, func() (string, error), error) {
	ws, err := coder.Accept(w, r, nil)
	read := func() (string, error) {
		_, text, err := ws.Read(r.Context())
		return string(text), err
	}
	return socket.Coder{Conn: ws}, read, err
}

func acceptGorilla(w http.ResponseWriter, r *http.Request) (httpadapter.Socket, func() (string, error), error) {
	upgrader := gorilla.Upgrader{}
	ws, err := upgrader.Upgrade(w, r, nil)
	read := func() (string, error) {
		_, text, err := ws.ReadMessage()
		return string(text), err
	}
	return &socket.Gorilla{Conn: ws}, read, err
}

// peer is a client of one of the libraries. Next returns the close code when there are no more messages.
type peer interface {
	send(t *testing.T, text string)
	next(t *testing.T) (text string, code int)
	close()
}

type coderPeer struct{ *coder.Conn }

func (p coderPeer) send(t *testing.T, text string) {
	require.NoError(t, p.Write(context.Background(), coder.MessageText, []byte(text)))
}

func (p coderPeer) next(t *testing.T) (string, int) {
	_, text, err := p.Read(context.Background())
	return string(text), int(coder.CloseStatus(err))
}

func (p coderPeer) close() { _ = p.CloseNow() }

type gorillaPeer struct{ *gorilla.Conn }

func (p gorillaPeer) send(t *testing.T, text string) {
	require.NoError(t, p.WriteMessage(gorilla.TextMessage, []byte(text)))
}

func (p gorillaPeer) next(t *testing.T) (string, int) {
	_, text, err := p.ReadMessage()
	var closed *gorilla.CloseError
	if errors.As(err, &closed) {
		return "", closed.Code
	}
	require.NoError(t, err)
	return string(text), -1
}

func (p gorillaPeer) close() { _ = p.Close() }

// each runs a test with either library on either side.
func each(t *testing.T, test func(t *testing.T, up accept, dial func(t *testing.T, url string) peer)) {
	ups := map[string]accept{"coder": acceptCoder, "gorilla": acceptGorilla}
	dials := map[string]func(*testing.T, string) peer{
		"coder": func(t *testing.T, url string) peer {
			ws, _, err := coder.Dial(t.Context(), url, nil)
			require.NoError(t, err)
			return coderPeer{ws}
		},
		"gorilla": func(t *testing.T, url string) peer {
			ws, _, err := gorilla.DefaultDialer.Dial("ws"+strings.TrimPrefix(url, "http"), nil)
			require.NoError(t, err)
			return gorillaPeer{ws}
		},
	}
	for server, up := range ups {
		for client, dial := range dials {
			t.Run(server+" serves "+client, func(t *testing.T) { test(t, up, dial) })
		}
	}
}

// serve throttles the messages of each connection and echoes those that pass.
func serve(t *testing.T, up accept, throttle *httpadapter.Throttle, o httpadapter.ConnOptions, options ...httpadapter.CallOption) string {
	var handlers sync.WaitGroup
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handlers.Add(1)
		defer handlers.Done()
		s, read, err := up(w, r)
		if !assert.NoError(t, err) {
			return
		}
		defer s.Close(1000, "")
		conn, err := httpadapter.NewConn(r, s, o)
		if !assert.NoError(t, err) {
			return
		}
		for {
			text, err := read()
			if err != nil {
				return
			}
			ok, err := conn.Allow(context.Background(), throttle, options...)
			if err != nil {
				assert.ErrorIs(t, err, httpadapter.ErrViolations)
				return
			}
			assert.Equal(t, !ok, conn.IsThrottled())
			if ok && s.WriteText(context.Background(), []byte(text)) != nil {
				return
			}
		}
	}))
	t.Cleanup(func() { server.Close(); handlers.Wait() })
	return server.URL
}

func newThrottle(t *testing.T, rate string, s strategy.Strategy) *httpadapter.Throttle {
	l, err := node.NewLocal(node.LocalConfig{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Shutdown(context.Background())) })
	th, err := httpadapter.New("messages", rate, httpadapter.Options{Limiter: l, Strategy: s})
	require.NoError(t, err)
	return th
}

func TestThousandsOfMessages(t *testing.T) {
	each(t, func(t *testing.T, up accept, dial func(*testing.T, string) peer) {
		const sent, admitted = 3000, 1000
		p := dial(t, serve(t, up, newThrottle(t, "1000/day", strategy.SlidingWindowLog{}), httpadapter.ConnOptions{}))
		defer p.close()
		var writer sync.WaitGroup
		writer.Go(func() {
			for i := range sent {
				p.send(t, fmt.Sprint("m", i))
			}
		})
		echoes, notices := 0, 0
		for range sent { // one answer to each message, in order, on a connection that stays open
			text, code := p.next(t)
			require.Equal(t, -1, code)
			if !strings.HasPrefix(text, "{") {
				assert.Equal(t, fmt.Sprint("m", echoes), text)
				echoes++
				continue
			}
			notices++
			var n struct {
				Type, Error string
				RetryAfter  int `json:"retry_after"`
			}
			require.NoError(t, json.Unmarshal([]byte(text), &n))
			assert.Equal(t, "rate_limit Too many messages", n.Type+" "+n.Error)
			assert.Positive(t, n.RetryAfter)
		}
		writer.Wait()
		assert.Equal(t, admitted, echoes)
		assert.Equal(t, sent-admitted, notices)
	})
}

func TestClosedAfterViolations(t *testing.T) {
	each(t, func(t *testing.T, up accept, dial func(*testing.T, string) peer) {
		p := dial(t, serve(t, up, newThrottle(t, "2/day", strategy.SlidingWindowLog{}), httpadapter.ConnOptions{MaxViolations: 3}))
		defer p.close()
		for range 5 {
			p.send(t, "m")
		}
		for range 4 { // two echoes, two notices
			_, code := p.next(t)
			assert.Equal(t, -1, code)
		}
		_, code := p.next(t)
		assert.Equal(t, httpadapter.PolicyViolation, code)
	})
}

func TestBackpressure(t *testing.T) {
	each(t, func(t *testing.T, up accept, dial func(*testing.T, string) peer) {
		throttle := newThrottle(t, "10/100ms", strategy.TokenBucket{BurstSize: 1})
		p := dial(t, serve(t, up, throttle, httpadapter.ConnOptions{}, httpadapter.MaxWait(30*time.Second)))
		defer p.close()
		for range 20 {
			p.send(t, "m")
		}
		for range 20 {
			text, code := p.next(t)
			assert.Equal(t, -1, code)
			assert.Equal(t, "m", text, "held, not refused")
		}
	})
}
