package config

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/traffik-io/traffik/strategy"
)

// loader is one Load.
type loader struct {
	*Settings
	registry *strategy.Registry
	env      func(string) string
	read     func(string) ([]byte, error)
}

func (l *loader) load() error {
	var errs []error
	l.flags.VisitAll(func(f *pflag.Flag) {
		if err := l.fromEnvironment(f); err != nil {
			errs = append(errs, err)
		}
	})
	if l.file != "" {
		if err := l.fromFile(); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// fromEnvironment sets what no flag has set, if there is a variable for it.
func (l *loader) fromEnvironment(f *pflag.Flag) error {
	v := l.env(Variable(f.Name))
	if _, ours := f.Value.(*value); !ours || f.Changed || v == "" {
		return nil
	}
	f.Changed = true
	if err := f.Value.Set(v); err != nil {
		return fmt.Errorf("%s=%q: %w", Variable(f.Name), v, err)
	}
	return nil
}

// fromFile sets what neither a flag nor a variable has set.
func (l *loader) fromFile() error {
	data, err := l.read(l.file)
	if err != nil {
		return fmt.Errorf("--%s: %w", fileFlag, err)
	}
	f, err := ParseFile(l.registry, l.file, data)
	if err != nil {
		return err
	}
	l.Policies = f.Policies
	for name, v := range f.values {
		if l.flags.Changed(name) {
			continue
		}
		if err := l.flags.Set(name, v); err != nil {
			return err // which ParseFile would have found
		}
	}
	return nil
}
