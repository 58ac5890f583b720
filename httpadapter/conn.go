package httpadapter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"
)

// Socket is what a throttle needs of a WebSocket. Every library's connection can be made one in a few lines; see
// docs/usage.md for coder/websocket and gorilla/websocket. It must be safe for concurrent use if messages are throttled
// while the handler writes.
type Socket interface {
	// WriteText sends one text message.
	WriteText(ctx context.Context, text []byte) error
	// Close sends a close frame and closes.
	Close(code int, reason string) error
}

// PolicyViolation is the close code of a connection that was closed for repeated violations (RFC 6455, 7.4.1).
const PolicyViolation = 1008

// ErrViolations says that the connection was closed because its client went on sending too much.
var ErrViolations = errors.New("too many messages in spite of warnings")

// ConnOptions are how a Conn treats messages that are refused.
type ConnOptions struct {
	// MaxViolations closes the connection with PolicyViolation when so many messages in a row were refused. Default 0:
	// it is kept open.
	MaxViolations int
	// WriteTimeout bounds the writing of a notice to a client that does not read. Default 5 s.
	WriteTimeout time.Duration
}

// Conn throttles the messages of one WebSocket connection. The attempt to connect is a request like any other: limit it
// with Throttle.Allow before it is upgraded. A Conn is safe for concurrent use.
type Conn struct {
	request *http.Request
	socket  Socket
	options ConnOptions
	outcome outcome

	mu         sync.Mutex
	violations int
	identities map[*settings]string
}

// NewConn returns the throttle's view of a connection: r is the request that was upgraded, by which the client is
// identified, once.
func NewConn(r *http.Request, socket Socket, o ConnOptions) (*Conn, error) {
	var errs []error
	if socket == nil {
		errs = append(errs, errors.New("socket: missing"))
	}
	if o.MaxViolations < 0 {
		errs = append(errs, fmt.Errorf("max violations: %d is negative", o.MaxViolations))
	}
	if o.WriteTimeout < 0 {
		errs = append(errs, fmt.Errorf("write timeout: %v is negative", o.WriteTimeout))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if o.WriteTimeout == 0 {
		o.WriteTimeout = 5 * time.Second
	}
	return &Conn{request: r, socket: socket, options: o, identities: map[*settings]string{}}, nil
}

// Allow charges one message to t and reports whether to process it. If not and err is nil, the client has been told
//
//	{"type":"rate_limit","error":"Too many messages","retry_after":3}
//
// with the extras of the context, and the message should be dropped; retry_after is in seconds, -1 where the cost can
// never fit. With an error the connection should be given up: it is ErrViolations if Allow has closed it, that of the
// socket, or one that Throttle.Hit returns. To slow a client down instead, give MaxWait: the message is then held until
// it fits, and meanwhile nothing more is read.
func (c *Conn) Allow(ctx context.Context, t *Throttle, options ...CallOption) (bool, error) {
	call, s := call{ctx: ctx, request: c.request, conn: c, options: options}, t.current.Load()
	d, err := t.hit(&call, s)
	if err != nil {
		return false, err
	}
	n := c.count(d.Allowed)
	if d.Allowed {
		return true, nil
	}
	if limit := c.options.MaxViolations; limit > 0 && n >= limit {
		if err := c.socket.Close(PolicyViolation, "too many messages"); err != nil {
			return false, fmt.Errorf("%w: closing: %w", ErrViolations, err)
		}
		return false, ErrViolations
	}
	return false, c.notify(ctx, Refusal{t.uid, d, call.context})
}

// IsThrottled reports whether the most recent message was refused, by whichever throttle. Messages that were let
// through without asking anybody count too.
func (c *Conn) IsThrottled() bool { return c.outcome.throttled() }

// Wait is the wait that the most recent message was told, strategy.Never included; 0 where IsThrottled is false.
func (c *Conn) Wait() time.Duration { return time.Duration(c.outcome.wait.Load()) }

// count counts refusals in a row.
func (c *Conn) count(allowed bool) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.violations++
	if allowed {
		c.violations = 0
	}
	return c.violations
}

// notify tells the client of a refusal.
func (c *Conn) notify(ctx context.Context, why Refusal) error {
	message := map[string]any{"type": "rate_limit", "error": "Too many messages", "retry_after": why.RetryAfter()}
	maps.Copy(message, why.Context.Extras)
	text, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("%w: context.extras: %w", ErrInvalid, err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.options.WriteTimeout)
	defer cancel()
	return c.socket.WriteText(ctx, text)
}

// identity asks the identifier once for each version of a throttle.
func (c *Conn) identity(s *settings) (string, error) {
	c.mu.Lock()
	name, ok := c.identities[s]
	c.mu.Unlock()
	if ok {
		return name, nil
	}
	name, err := s.Identifier(c.request)
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.identities) >= maxIdentities {
		clear(c.identities)
	}
	c.identities[s] = name
	return name, nil
}

// maxIdentities bounds what a connection keeps of throttles and their former versions.
const maxIdentities = 16
