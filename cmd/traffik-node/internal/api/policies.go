package api

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"sync"

	"github.com/traffik-io/traffik/cmd/traffik-node/internal/policy"
	"github.com/traffik-io/traffik/strategy"
)

// policies finds the policy of a request: by name, or by the text of its rate, strategy and parameters, or limits,
// which clients repeat word for word. It is safe for concurrent use.
type policies struct {
	registry *strategy.Registry
	named    map[string]*strategy.Policy // never changes

	mu     sync.RWMutex
	recent map[string]*strategy.Policy // by text
}

// Bounds of the texts that are remembered: how many, and bytes of one.
const (
	maxRecent = 4096
	maxText   = 512
)

// newPolicies returns policies by name, which are interned in the registry, and by text.
func newPolicies(r *strategy.Registry, named map[string]*strategy.Policy) (*policies, error) {
	ps := &policies{registry: r, named: make(map[string]*strategy.Policy, len(named)), recent: map[string]*strategy.Policy{}}
	for name, p := range named {
		if !policy.IsName(name) {
			return nil, fmt.Errorf("policies: the name %q is not 1 to 64 printable ASCII characters", name)
		}
		interned, err := r.DecodePolicy(p.Encoded())
		if err != nil {
			return nil, fmt.Errorf("policies.%s: %w", name, err)
		}
		ps.named[name] = interned
	}
	return ps, nil
}

// find returns the policy that req asks for. A name that is not known is a 404.
func (ps *policies) find(req *request) (*strategy.Policy, error) {
	if req.policy != nil {
		p, ok := ps.named[string(req.policy)]
		if !ok {
			return nil, &problem{http.StatusNotFound, fmt.Sprintf("policy: %q is not configured", req.policy)}
		}
		return p, nil
	}
	var buf [maxText]byte
	text := appendText(buf[:0], req)
	ps.mu.RLock()
	p := ps.recent[string(text)]
	ps.mu.RUnlock()
	if p != nil {
		return p, nil
	}
	return ps.make(req, text)
}

// appendText appends what tells the policy of req from any other.
func appendText(b []byte, req *request) []byte {
	if req.unlimited {
		return append(b, 'u')
	}
	if req.limits != nil {
		return append(append(b, 'l'), req.limits...)
	}
	b = binary.AppendUvarint(append(b, 'r'), uint64(len(req.rate)))
	b = append(b, req.rate...)
	b = binary.AppendUvarint(b, uint64(len(req.strategy)))
	b = append(b, req.strategy...)
	return append(b, req.params...)
}

// make makes the policy of req and remembers it by its text.
func (ps *policies) make(req *request, text []byte) (*strategy.Policy, error) {
	limits := []policy.Limit{{Rate: string(req.rate), Strategy: string(req.strategy), Params: req.params, Unlimited: req.unlimited}}
	if req.limits != nil {
		var err error
		if limits, err = readLimits(req.limits); err != nil {
			return nil, err
		}
	}
	p, err := policy.New(ps.registry, limits...)
	if err != nil {
		return nil, err
	}
	if p, err = ps.registry.DecodePolicy(p.Encoded()); err != nil {
		return nil, err
	}
	if len(text) > maxText {
		return p, nil
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if len(ps.recent) >= maxRecent { // starting over costs a parse each, and the registry still has the policies
		clear(ps.recent)
	}
	ps.recent[string(text)] = p
	return p, nil
}
