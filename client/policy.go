package client

import (
	"encoding/json"
	"fmt"

	"github.com/traffik-io/traffik/strategy"
)

// limitsOf are the limits of a policy as the API takes them, in its order. An unlimited limit among others never
// refuses, and is left out.
func limitsOf(p *strategy.Policy) ([]limit, error) {
	var limits []limit
	for i := range p.Len() {
		l := p.Limit(i)
		if l.Rate.IsUnlimited() {
			continue
		}
		params, err := json.Marshal(l.Strategy)
		if err != nil {
			return nil, fmt.Errorf("params: %w", err)
		}
		limits = append(limits, limit{Name: l.Name, Rate: l.Rate.String(), Strategy: l.Strategy.Name(), Params: params})
	}
	return limits, nil
}
