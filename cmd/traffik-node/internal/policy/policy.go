package policy

import (
	"errors"
	"fmt"

	"github.com/traffik-io/traffik/strategy"
)

// Limit is one limit as it is written. The zero value is no limit at all and an error.
type Limit struct {
	// Name tells the limits of one policy apart; printable ASCII, since it appears in headers.
	Name string
	// Rate is text such as "100/min".
	Rate string
	// Strategy is the name of a strategy; empty means fixed_window.
	Strategy string
	// Params is the JSON object of the strategy's parameters; empty means all defaults.
	Params []byte
	// Unlimited takes the place of Rate.
	Unlimited bool
}

// New returns the policy of the limits. The error joins those of all limits; each names its field.
func New(r *strategy.Registry, limits ...Limit) (*strategy.Policy, error) {
	bound := make([]strategy.Limit, len(limits))
	var errs []error
	for i, l := range limits {
		b, err := l.read(r)
		switch {
		case err != nil && len(limits) > 1:
			errs = append(errs, fmt.Errorf("limits[%d].%w", i, err))
		case err != nil:
			errs = append(errs, err)
		}
		bound[i] = b
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return strategy.NewPolicy(bound...)
}

// read is the limit that l means.
func (l Limit) read(r *strategy.Registry) (strategy.Limit, error) {
	out := strategy.Limit{Name: l.Name, Rate: strategy.Unlimited()}
	if !IsName(l.Name) && l.Name != "" {
		return out, fmt.Errorf("name: %q is not 1 to 64 printable ASCII characters", l.Name)
	}
	var err error
	switch {
	case l.Unlimited && (l.Rate != "" || l.Strategy != "" || len(l.Params) > 0):
		return out, errors.New("unlimited: true leaves no place for rate, strategy and params")
	case l.Unlimited:
		return out, nil
	case l.Rate == "":
		return out, errors.New(`rate: missing; write for example "100/min"`)
	}
	if out.Rate, err = strategy.ParseRate(l.Rate); err != nil {
		return out, err
	}
	if l.Strategy == "" {
		l.Strategy = strategy.FixedWindow{}.Name()
	}
	out.Strategy, err = r.Strategy(l.Strategy, l.Params)
	return out, err
}

// IsName reports whether s can name a policy or a limit: 1 to 64 printable ASCII characters.
func IsName(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return 0 < len(s) && len(s) <= 64
}
