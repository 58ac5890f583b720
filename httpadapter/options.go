package httpadapter

import (
	"net/http"
	"time"

	"github.com/traffik-io/traffik/httpadapter/identify"
	"github.com/traffik-io/traffik/strategy"
)

// RateFunc is the rate of a request. It is called on every hit, check and stat, from many goroutines.
type RateFunc = func(r *http.Request, c Context) (strategy.Rate, error)

// CostFunc is the cost of a request. It is called on every hit and check that names none, from many goroutines.
type CostFunc = func(r *http.Request, c Context) (int64, error)

// Failure says what a throttle answers where nobody could decide, or where an identifier, a rate function or a cost
// function failed. A request that was cancelled is answered with its error in any case.
type Failure string

// Failure policies.
const (
	DenyOnError  Failure = "deny"  // refused, to be retried after MinWait or 1 s; the default
	AllowOnError Failure = "allow" // allowed
	ReturnErrors Failure = "error" // the error is returned, and Allow answers 503
)

// Options are what a throttle may know beside its uid and rate. The zero value of each field is its documented default.
type Options struct {
	// Limiter decides. Required.
	Limiter Limiter
	// Strategy is the algorithm. Nil means strategy.FixedWindow{}. It must be nil for a rate of []strategy.Limit,
	// where each limit has its own.
	Strategy strategy.Strategy
	// Identifier names the client. Nil means identify.Peer.
	Identifier identify.Func
	// PerMethod counts each method apart.
	PerMethod bool
	// Route, if set, counts each route apart, by the name that it returns: Pattern, or a func that asks another router.
	// It must not return the raw path, which clients can vary at will.
	Route func(*http.Request) string
	// Group puts throttles under one owner, so that a Chain decides all that have the same group, client, scope and
	// cost at once, all or nothing. It takes the place of the uid in the identity of the state, and the uid that of
	// the name of the limit, which has at most 64 bytes.
	Group string
	// Cost is the cost of a request that names none. Default 1; for a request that is free, use CostFunc.
	Cost int64
	// CostFunc works out the cost of a request that names none, in place of Cost.
	CostFunc CostFunc
	// Context is the default context. The throttle keeps a copy.
	Context Context
	// Rules decide whether the throttle applies to a request. Empty means to all.
	Rules []Rule
	// Headers are set by Allow and by middleware. Nil means DefaultHeaders(), empty means none.
	Headers []Header
	// Refuse writes the answer to a refused request. Nil means WriteRefusal.
	Refuse RefuseFunc
	// Fallback, if set, is asked where Limiter failed.
	Fallback Limiter
	// OnError applies where Limiter and Fallback failed. Default DenyOnError.
	OnError Failure
	// Failed, if set, is told every error that a fallback, a failure policy or a refund that did not succeed hides.
	Failed func(*http.Request, error)
	// MaxWait holds a hit for at most so long until it fits, at most 1 min, in place of refusing it. It needs a single
	// limit and no Group.
	MaxWait time.Duration
	// MinWait is the least wait that a refused client is told, so that clients do not hammer. It does not change what
	// is admitted.
	MinWait time.Duration
	// Registry, if set, knows the throttle by its uid, which must be unique in it.
	Registry *Registry
	// Disabled makes a throttle that lets everything pass until it is enabled.
	Disabled bool
}
