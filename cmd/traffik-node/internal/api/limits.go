package api

import (
	"fmt"

	"github.com/traffik-io/traffik/cmd/traffik-node/internal/policy"
	"github.com/traffik-io/traffik/strategy"
)

// readLimits reads the limits in place of a rate.
func readLimits(data []byte) ([]policy.Limit, error) {
	var limits []policy.Limit
	err := array(data, func(value []byte) error {
		if len(limits) == strategy.MaxLimits {
			return fmt.Errorf("at most %d are allowed", strategy.MaxLimits)
		}
		l, err := readLimit(value)
		err = at(fmt.Sprintf("[%d]", len(limits)), err)
		limits = append(limits, l)
		return err
	})
	return limits, at("limits", err)
}

func readLimit(data []byte) (l policy.Limit, err error) {
	err = object(data, func(name string, value []byte) (err error) {
		switch name {
		case "name":
			l.Name, err = text(value)
		case "rate":
			l.Rate, err = text(value)
		case "strategy":
			l.Strategy, err = text(value)
		case "params":
			l.Params, err = params(value)
		case "unlimited":
			l.Unlimited, err = boolean(value)
		default:
			err = errUnknown
		}
		return err
	})
	return l, err
}
