package httpadapter

import (
	"maps"
	"net/http"

	"github.com/traffik-io/traffik/strategy"
)

// Context is what a hit carries beside its cost. A throttle has a default one; that of a call is laid over it, field by
// field and entry by entry. Neither is ever changed. The zero value says nothing.
type Context struct {
	// Scope separates buckets of one client, such as one per tenant. Empty means "default".
	Scope string
	// Values are read by strategies, such as "tier" and "priority", and by the functions of the throttle. Strings,
	// numbers and booleans, at most 16 entries and 1 KiB.
	Values strategy.Context
	// Status is that of the refusal. 0 means 429.
	Status int
	// Detail is the sentence of the refusal. Empty means "Too many requests. Retry in N seconds."
	Detail string
	// Header is added to the refusal.
	Header http.Header
	// Extras are further fields of the refusal, in the JSON of a response or of a WebSocket message.
	Extras map[string]any
}

// over returns c laid over the default context.
func (c *Context) over(base Context) Context {
	if c == nil {
		return base
	}
	if c.Scope != "" {
		base.Scope = c.Scope
	}
	if c.Status != 0 {
		base.Status = c.Status
	}
	if c.Detail != "" {
		base.Detail = c.Detail
	}
	base.Values = overlay(base.Values, c.Values)
	base.Header = overlay(base.Header, c.Header)
	base.Extras = overlay(base.Extras, c.Extras)
	return base
}

// overlay returns the entries of both maps, those of top where both have one. It copies if it has to change anything.
func overlay[M ~map[string]V, V any](base, top M) M {
	switch {
	case len(top) == 0:
		return base
	case len(base) == 0:
		return top
	}
	merged := maps.Clone(base)
	maps.Copy(merged, top)
	return merged
}

// clone copies the maps of c, so that the caller may go on changing its own.
func (c Context) clone() Context {
	c.Values, c.Header, c.Extras = maps.Clone(c.Values), c.Header.Clone(), maps.Clone(c.Extras)
	return c
}
