package httpadapter

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/traffik-io/traffik/strategy"
)

// Entry is the place of a throttle in a chain.
type Entry struct {
	Throttle *Throttle
	// Rules narrow down, beside those of the throttle, to which requests it applies here.
	Rules []Rule
	// Options apply to every hit made here.
	Options []CallOption
}

// Entries are the places of throttles without rules and options of their own.
func Entries(throttles ...*Throttle) []Entry {
	list := make([]Entry, len(throttles))
	for i, t := range throttles {
		list[i].Throttle = t
	}
	return list
}

// Order is the order in which a chain asks its throttles.
type Order string

// Orders.
const (
	CheapFirst Order = "cheap_first" // by what they cost when the chain is made, functions last; the default
	AsGiven    Order = "as_given"
)

// Chain is several throttles, asked one after the other; the first refusal ends it.
//
// Throttles of one Group that count the request for the same client, scope and cost have one owner, and are decided
// there in one step, all or nothing. Across owners nobody can decide at once: where a later throttle refuses, what the
// earlier ones charged is given back, if their limiter is a Refunder; another client may be refused in between. Without
// a Refunder it stays charged, so put the throttle that refuses most in front.
//
// A Chain is safe for concurrent use.
type Chain struct {
	links  []link
	merged atomic.Pointer[merged] // most recent
}

type link struct {
	throttle *Throttle
	rules    []rule
	options  []CallOption
}

// NewChain returns the chain of the entries in the order; "" means CheapFirst. The error joins everything that is wrong.
func NewChain(order Order, entries ...Entry) (*Chain, error) {
	var errs []error
	if order != "" && order != CheapFirst && order != AsGiven {
		errs = append(errs, fmt.Errorf("order: %q is neither cheap_first nor as_given", order))
	}
	c := &Chain{}
	for i, e := range entries {
		if e.Throttle == nil {
			errs = append(errs, fmt.Errorf("entries[%d].throttle: missing", i))
			continue
		}
		rules, err := compileRules(e.Rules)
		if err != nil {
			errs = append(errs, fmt.Errorf("entries[%d].%w", i, err))
		}
		c.links = append(c.links, link{e.Throttle, rules, slices.Clone(e.Options)})
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("chain: %w", err)
	}
	if order != AsGiven {
		slices.SortStableFunc(c.links, func(a, b link) int {
			switch x, y := a.cost(), b.cost(); {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return 0
		})
	}
	return c, nil
}

// cost is what the link costs now, as far as that is known without a request.
func (l *link) cost() int64 {
	c, s := call{options: l.options}, l.throttle.current.Load()
	if n, ok := c.cost(); ok {
		return n
	}
	if s.CostFunc != nil {
		return math.MaxInt64
	}
	return s.Cost
}

// Hit charges the request to all throttles that apply and returns the tightest decision, or that of the first refusal.
// Errors are those of Throttle.Hit.
func (c *Chain) Hit(r *http.Request) (strategy.Decision, error) {
	run := c.run(r)
	return run.decision, run.err
}

// Allow is Hit and the answer to a refusal, as Throttle.Allow. The headers list the limits of all throttles that were
// asked.
func (c *Chain) Allow(w http.ResponseWriter, r *http.Request) bool {
	run := c.run(r)
	if run.err != nil {
		writeFailure(w)
		return false
	}
	run.setHeaders(w.Header())
	if run.decision.Allowed {
		return true
	}
	at := run.refused
	at.settings.Refuse(w, r, Refusal{at.throttle.uid, run.decision, at.call.context})
	return false
}

// Middleware is Allow in front of next.
func (c *Chain) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.Allow(w, r) {
			next.ServeHTTP(w, r)
		}
	})
}

// Mark hits in front of next, as Throttle.Mark does: refused requests go on to next, where IsThrottled tells.
func (c *Chain) Mark(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = Track(r)
		run := c.run(r)
		if run.err != nil {
			writeFailure(w)
			return
		}
		run.setHeaders(w.Header())
		next.ServeHTTP(w, r)
	})
}
