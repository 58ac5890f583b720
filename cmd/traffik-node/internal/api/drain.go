package api

import (
	"context"
	"net/http"
	"sync"
)

// gate counts the requests that ask for a decision, until it is closed.
type gate struct {
	mu      sync.Mutex // guards what follows
	inside  int
	closed  bool
	drained chan struct{} // closed when the gate is, and nobody is inside
}

// enter reports whether a request may come in. Then it must leave.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.inside++
	return true
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside--; g.closed && g.inside == 0 {
		close(g.drained)
	}
}

// close lets nobody in any more.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return
	}
	if g.closed = true; g.inside == 0 {
		close(g.drained)
	}
}

// errLeaving is the answer to those who come too late.
var errLeaving = &problem{http.StatusServiceUnavailable, "the node is leaving"}

// deciding is serve for requests that ask for a decision: after Drain they are refused, and their connections closed.
func (h *Handler) deciding(serve func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		if !h.gate.enter() {
			w.Header().Set("Connection", "close")
			return errLeaving
		}
		defer h.gate.leave()
		return serve(w, r)
	}
}

// Drain refuses hits, checks, stats and batches from now on, and returns when those in flight have been answered, or
// with the error of ctx. Health, metrics and what is known of the cluster are still answered.
func (h *Handler) Drain(ctx context.Context) error {
	h.gate.close()
	select {
	case <-h.gate.drained:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
