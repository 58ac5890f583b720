package httpadapter

import (
	"context"
	"net/http"
	"time"

	"github.com/traffik-io/traffik/strategy"
)

// CallOption is what one hit, check or stat says otherwise than its throttle.
type CallOption struct {
	kind    optionKind
	number  int64
	scope   string
	context *Context
}

type optionKind byte

const (
	setCost optionKind = iota + 1
	setScope
	setContext
	setMaxWait
)

// Cost is what the call costs, in place of the throttle's cost. 0 is a no-op that is allowed; a negative cost is an
// error.
func Cost(n int64) CallOption { return CallOption{kind: setCost, number: n} }

// Scope is short for With(Context{Scope: name}).
func Scope(name string) CallOption { return CallOption{kind: setScope, scope: name} }

// With lays c over the throttle's context. Of several, the last is laid on top. The caller must not change its maps
// before the call has returned.
func With(c Context) CallOption { return CallOption{kind: setContext, context: &c} }

// MaxWait holds the hit for at most d until it fits, in place of the throttle's MaxWait; 0 refuses at once.
func MaxWait(d time.Duration) CallOption { return CallOption{kind: setMaxWait, number: int64(d)} }

// call is one evaluation of a throttle: the request, the options, and what was worked out of them.
type call struct {
	ctx     context.Context
	request *http.Request
	options []CallOption
	rules   []rule // of the place in a chain
	conn    *Conn  // on which the message came; nil for a request

	context Context // merged
}

// cost is the cost that the caller gave, if any.
func (c *call) cost() (n int64, ok bool) {
	for i := range c.options {
		if o := &c.options[i]; o.kind == setCost {
			n, ok = o.number, true
		}
	}
	return n, ok
}

func (c *call) maxWait(def time.Duration) time.Duration {
	for i := range c.options {
		if o := &c.options[i]; o.kind == setMaxWait {
			def = time.Duration(o.number)
		}
	}
	return def
}

// merge lays the caller's contexts over the throttle's.
func (c *call) merge(base Context) {
	c.context = base
	for i := range c.options {
		switch o := &c.options[i]; o.kind {
		case setScope:
			c.context.Scope = o.scope
		case setContext:
			c.context = o.context.over(c.context)
		}
	}
}

// identity names the client under the settings.
func (c *call) identity(s *settings) (string, error) {
	if c.conn != nil {
		return c.conn.identity(s)
	}
	return s.Identifier(c.request)
}

// remember notes the outcome of a hit for the connection, or for the request if that is tracked. A hit without a
// decision was not refused.
func (c *call) remember(d strategy.Decision, err error) {
	o := outcomeOf(c.request)
	if c.conn != nil {
		o = &c.conn.outcome
	}
	if o != nil {
		d.Allowed = d.Allowed || err != nil
		o.record(d)
	}
}
