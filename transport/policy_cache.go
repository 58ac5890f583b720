package transport

import (
	"github.com/traffik-io/traffik/strategy"
)

// policyCache remembers the policy that a connection used last, since most hits of a peer come under few policies.
// It saves the registry's lock and hash.
type policyCache struct {
	registry *strategy.Registry
	last     *strategy.Policy
}

func (c *policyCache) decode(b []byte) (*strategy.Policy, error) {
	if c.last != nil && string(c.last.Encoded()) == string(b) {
		return c.last, nil
	}
	p, err := c.registry.DecodePolicy(b)
	if err == nil {
		c.last = p
	}
	return p, err
}
