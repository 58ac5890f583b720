package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/traffik-io/traffik/node"
	"github.com/traffik-io/traffik/strategy"
)

// Limiter decides. A *node.Node and a *node.Local are one.
type Limiter interface {
	Hit(context.Context, strategy.Hit) (strategy.Decision, error)
	Check(context.Context, strategy.Hit) (strategy.Decision, error)
	Stat(context.Context, strategy.Hit) (strategy.Stat, bool, error)
}

// Cluster tells who decides. A *node.Node is one.
type Cluster interface {
	Members(context.Context) []node.Member
	FindOwner(ctx context.Context, uid, key, scope string) node.Ownership
	Ready() bool
}

// Config is what a Handler needs. All fields but Policies are required.
type Config struct {
	Limiter  Limiter
	Cluster  Cluster
	Registry *strategy.Registry
	// Policies are those that requests may name; names are 1 to 64 printable ASCII characters.
	Policies map[string]*strategy.Policy
	// Metrics answers GET /metrics.
	Metrics http.Handler
}

// Handler is the HTTP API of a node. It is safe for concurrent use.
type Handler struct {
	limiter  Limiter
	cluster  Cluster
	policies *policies
	routes   map[string]route
	buffers  sync.Pool // of *buffers
	leaving  atomic.Bool
	gate     gate
}

// route is what one path answers.
type route struct {
	method string
	serve  func(http.ResponseWriter, *http.Request) error
}

// New returns the handler. The error names what is missing or wrong in the configuration.
func New(c Config) (*Handler, error) {
	if c.Limiter == nil || c.Cluster == nil || c.Registry == nil || c.Metrics == nil {
		return nil, errors.New("api: Limiter, Cluster, Registry and Metrics are required")
	}
	ps, err := newPolicies(c.Registry, c.Policies)
	if err != nil {
		return nil, err
	}
	h := &Handler{limiter: c.Limiter, cluster: c.Cluster, policies: ps, gate: gate{drained: make(chan struct{})}}
	h.buffers.New = func() any { return new(buffers) }
	h.routes = map[string]route{
		"/v1/hit":     {http.MethodPost, h.deciding(h.single(opHit))},
		"/v1/check":   {http.MethodPost, h.deciding(h.single(opCheck))},
		"/v1/stat":    {http.MethodPost, h.deciding(h.single(opStat))},
		"/v1/batch":   {http.MethodPost, h.deciding(h.batch)},
		"/v1/members": {http.MethodGet, h.members},
		"/v1/owner":   {http.MethodGet, h.owner},
		"/livez":      {http.MethodGet, alive},
		"/readyz":     {http.MethodGet, h.ready},
		"/metrics": {http.MethodGet, func(w http.ResponseWriter, r *http.Request) error {
			c.Metrics.ServeHTTP(w, r)
			return nil
		}},
	}
	return h, nil
}

// Leave makes /readyz say that the node is leaving. All else is still answered.
func (h *Handler) Leave() { h.leaving.Store(true) }

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rt, ok := h.routes[r.URL.Path]
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	switch {
	case !ok:
		(&problem{http.StatusNotFound, "path: " + r.URL.Path + " is not known here"}).write(w)
	case rt.method != method:
		w.Header().Set("Allow", strings.Replace(rt.method, "GET", "GET, HEAD", 1))
		(&problem{http.StatusMethodNotAllowed, "method: " + r.Method + " is not " + rt.method}).write(w)
	default:
		if err := rt.serve(w, r); err != nil {
			problemOf(err).write(w)
		}
	}
}
