package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/traffik-io/traffik/internal/ablate"
)

// single serves one hit, check or stat.
func (h *Handler) single(what op) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		b := h.take()
		defer h.give(b)
		if err := b.read(w, r); err != nil {
			return bodyError(err)
		}
		var req request
		if err := h.parse(&req, b.in, what, false); err != nil {
			return err
		}
		a := h.decide(r.Context(), &req)
		if a.err != nil {
			return a.err
		}
		status := http.StatusOK
		if a.refused() {
			status = http.StatusTooManyRequests
		}
		if what == opHit && !a.nothing {
			setHeaders(w.Header(), &a.decision, req.policyName())
		}
		b.out = a.append(b.out[:0])
		b.write(w, status)
		return nil
	}
}

// parse reads one request and finds its policy. Errors are problems.
func (h *Handler) parse(req *request, data []byte, what op, batched bool) error {
	err := req.read(data, what, batched)
	if err == nil {
		req.hit.Policy, err = h.policies.find(req)
	}
	if err == nil {
		err = req.hit.Validate()
	}
	return badRequest(err)
}

// decide asks the limiter, except about a cost of 0, which nobody needs to be asked about.
func (h *Handler) decide(ctx context.Context, req *request) (a answer) {
	a.op, a.key = req.op, req.hit.Key
	ctx, term := ablate.Listen(ctx)
	if req.op != opHit {
		req.hit.MaxWait = 0 // only a hit waits
	}
	switch {
	case req.op == opStat:
		a.stat, a.kept, a.err = h.limiter.Stat(ctx, req.hit)
	case req.hit.Cost == 0:
		a.nothing = true
	case req.op == opCheck:
		a.decision, a.err = h.limiter.Check(ctx, req.hit)
	default:
		a.decision, a.err = h.limiter.Hit(ctx, req.hit)
	}
	if ablate.On {
		a.term = *term
	}
	return a
}

// policyName is what headers call a policy of one limit.
func (r *request) policyName() string {
	if r.policy != nil {
		return string(r.policy)
	}
	if name := r.hit.Policy.Limit(0).Name; name != "" {
		return name
	}
	return "default"
}

// bodyError is the problem of a body that could not be read.
func bodyError(err error) error {
	if p := problemOf(err); p.status == http.StatusRequestEntityTooLarge {
		return p
	}
	return badRequest(fmt.Errorf("body: %w", err))
}
