package httpadapter

import (
	"fmt"
	"sync"

	"github.com/traffik-io/traffik/strategy"
)

// maxPolicies bounds the policies that a throttle with a rate function keeps: the rates of its tiers, not of its
// clients.
const maxPolicies = 256

// policyCache keeps the policies of the rates that a rate function returned. It is safe for concurrent use.
type policyCache struct {
	settings *settings

	mu    sync.RWMutex
	known map[strategy.Rate]*strategy.Policy
}

func newPolicyCache(s *settings) *policyCache {
	return &policyCache{settings: s, known: map[strategy.Rate]*strategy.Policy{}}
}

// policy is the policy of the throttle at a rate.
func (c *policyCache) policy(rate strategy.Rate) (*strategy.Policy, error) {
	c.mu.RLock()
	p := c.known[rate]
	c.mu.RUnlock()
	if p != nil {
		return p, nil
	}
	p, err := strategy.NewPolicy(c.settings.limit(rate))
	if err != nil {
		return nil, fmt.Errorf("rate func: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxPolicies {
		clear(c.known)
	}
	c.known[rate] = p
	return p, nil
}
