package transport

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/strategy"
)

// pipes is a network in memory: a listener, and a Dial that leads to it. It can be used in a synctest bubble.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once

	mu   sync.Mutex
	last net.Conn // the dialing end of the newest connection
	wrap func(net.Conn) net.Conn
}

func newPipes() *pipes {
	return &pipes{conns: make(chan net.Conn), closed: make(chan struct{}), wrap: func(c net.Conn) net.Conn { return c }}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

var errNobody = errors.New("nobody listens")

func (p *pipes) dial(ctx context.Context, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
	case <-p.closed:
		return nil, errNobody
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = near
	return p.wrap(near), nil
}

// cut breaks the newest connection.
func (p *pipes) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.last.Close()
}

// handler is a Handler of two functions; without them it decides and echoes.
type handler struct {
	hit  func(*HitRequest, Responder)
	call func(uint8, []byte, CallResponder)
}

func (h handler) ServeHit(r *HitRequest, reply Responder) {
	if h.hit == nil {
		reply.Answer(allowed(r.Hit.Cost))
		return
	}
	h.hit(r, reply)
}

func (h handler) ServeCall(kind uint8, body []byte, reply CallResponder) {
	if h.call == nil {
		reply.Result(body)
		return
	}
	h.call(kind, body, reply)
}

// allowed is a decision that can be told apart by its limit.
func allowed(limit int64) *HitResponse {
	return &HitResponse{Status: Decided, Decision: strategy.Decision{Verdict: strategy.Verdict{Allowed: true, Limit: limit}}}
}

func testRegistry() *strategy.Registry {
	r, err := strategy.NewRegistry()
	if err != nil {
		panic(err)
	}
	return r
}

func testConfig(uid byte) Config {
	return Config{Self: Identity{UID: UID{uid}, Name: "node"}, Registry: testRegistry()}
}

func testPolicy() *strategy.Policy {
	return strategy.MustPolicy(strategy.Limit{Rate: strategy.MustRate("100/min"), Strategy: strategy.TokenBucket{}})
}

// request is a hit whose cost tells it apart.
func testHit(cost int64) *HitRequest {
	h := strategy.NewHit("k", testPolicy())
	h.Cost = cost
	return &HitRequest{Op: Hit, ID: 1, Hit: h}
}

// rig is a server and links to it over pipes.
type rig struct {
	t      *testing.T
	net    *pipes
	server *Server
	served chan error
}

func newRig(t *testing.T, cfg Config, h Handler) *rig {
	t.Helper()
	r := &rig{t: t, net: newPipes(), served: make(chan error, 1)}
	var err error
	r.server, err = NewServer(cfg)
	require.NoError(t, err)
	go func() { r.served <- r.server.Serve(r.net, h) }() // until the test ends
	t.Cleanup(func() {
		require.NoError(t, r.server.Close())
		require.ErrorIs(t, <-r.served, ErrServerClosed)
	})
	return r
}

func (r *rig) link(cfg Config, peer Identity) *Link {
	r.t.Helper()
	cfg.Dial = r.net.dial
	l, err := NewLink(cfg, "pipes", peer)
	require.NoError(r.t, err)
	r.t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = l.Close(ctx)
	})
	return l
}

// logged is a logger that keeps the messages with their errors.
type logged struct {
	mu    sync.Mutex
	lines []string
}

func (l *logged) Enabled(context.Context, slog.Level) bool { return true }
func (l *logged) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *logged) WithGroup(string) slog.Handler            { return l }
func (l *logged) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "error" {
			line += ": " + a.Value.String()
		}
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
	return nil
}

func (l *logged) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.lines...)
}

// inTime is a context that ends before a test could hang.
func inTime(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func newLogger(l *logged) *slog.Logger { return slog.New(l) }
