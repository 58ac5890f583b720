package api

import (
	"fmt"

	"github.com/traffik-io/traffik/cmd/traffik-node/internal/policy"
	"github.com/traffik-io/traffik/strategy"
)

// readLimits reads the limits in place of a rate.
func readLimits(data []byte) ([]policy.Limit, error) {
	s := scanner{data: data}
	var limits []policy.Limit
	for s.open('[', "an array"); s.next(']'); {
		if len(limits) == strategy.MaxLimits {
			return nil, fmt.Errorf("limits: at most %d are allowed", strategy.MaxLimits)
		}
		l, err := readLimit(&s)
		if err == nil {
			err = s.err
		}
		if err != nil {
			return nil, fmt.Errorf("limits[%d].%w", len(limits), err)
		}
		limits = append(limits, l)
	}
	return limits, s.err
}

func readLimit(s *scanner) (l policy.Limit, err error) {
	var seen fields
	for s.open('{', "an object"); s.next('}'); {
		name := s.name()
		f := field(name) & (fieldRate | fieldStrategy | fieldParams | fieldUnlimited)
		if string(name) == "name" {
			f = fieldName
		}
		switch {
		case s.err != nil:
			return l, s.err
		case f == 0:
			return l, fmt.Errorf("%.64s: unknown field", name)
		case seen&f != 0:
			return l, fmt.Errorf("%s: appears twice", name)
		}
		seen |= f
		switch f {
		case fieldName:
			l.Name = string(s.text())
		case fieldRate:
			l.Rate = string(s.text())
		case fieldStrategy:
			l.Strategy = string(s.text())
		case fieldParams:
			l.Params = s.rawObject()
		case fieldUnlimited:
			l.Unlimited = s.bool()
		}
		if s.err != nil {
			return l, fmt.Errorf("%s: %w", name, s.err)
		}
	}
	return l, nil
}
