package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// value is a setting as a flag. Its errors say what is wrong with the text, without repeating it.
type value struct {
	kind string // in the usage
	get  func() string
	set  func(string) error
}

// String implements pflag.Value; the zero value is asked, too.
func (v *value) String() string {
	if v.get == nil {
		return ""
	}
	return v.get()
}

// Set implements pflag.Value.
func (v *value) Set(s string) error { return v.set(s) }

// Type implements pflag.Value.
func (v *value) Type() string { return v.kind }

func text(p *string) *value {
	return checked(p, func(s string) error {
		if s == "" {
			return errors.New("is empty")
		}
		return nil
	})
}

// checked is a string that check must accept.
func checked(p *string, check func(string) error) *value {
	return &value{kind: "string", get: func() string { return *p }, set: func(s string) error {
		if err := check(s); err != nil {
			return err
		}
		*p = s
		return nil
	}}
}

func name(p *string) *value {
	return checked(p, func(s string) error {
		if s == "" || len(s) > 128 || strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r == '#' || r == 0x7f }) >= 0 {
			return errors.New("is not 1 to 128 bytes without blanks, control characters and #")
		}
		return nil
	})
}

func addr(p *string) *value {
	return checked(p, func(s string) error {
		_, port, err := net.SplitHostPort(s)
		if err != nil {
			return errors.New("is not host:port")
		}
		return checkPort(port)
	})
}

func checkPort(port string) error {
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("has the port %q, which is not between 0 and 65535", port)
	}
	return nil
}

func host(p *string) *value {
	return checked(p, func(s string) error {
		if s == "" || net.ParseIP(s) == nil && strings.ContainsAny(s, ":/[] ") {
			return errors.New("is not a host name or address without a port")
		}
		if net.ParseIP(s).IsUnspecified() {
			return errors.New("is no address that other nodes can dial")
		}
		return nil
	})
}

// seeds is a list; setting it again adds to it.
func seeds(p *[]string) *value {
	return &value{kind: "strings", get: func() string { return strings.Join(*p, ",") }, set: func(s string) error {
		for seed := range strings.SplitSeq(s, ",") {
			seed = strings.TrimSpace(seed)
			if err := checkSeed(seed); err != nil {
				return fmt.Errorf("%q %w", seed, err)
			}
			*p = append(*p, seed)
		}
		return nil
	}}
}

func checkSeed(s string) error {
	h, port, err := net.SplitHostPort(s)
	switch {
	case s == "":
		return errors.New("is empty")
	case err == nil && h == "", strings.ContainsAny(s, "/ "), err != nil && strings.Contains(s, ":") && net.ParseIP(s) == nil:
		return errors.New("is neither host nor host:port")
	case err == nil:
		return checkPort(port)
	}
	return nil
}

// oneOf is one of the allowed words.
func oneOf[T ~string](p *T, allowed ...T) *value {
	return &value{kind: "string", get: func() string { return string(*p) }, set: func(s string) error {
		if !slices.Contains(allowed, T(s)) {
			return fmt.Errorf("is none of %s", strings.ReplaceAll(strings.Trim(fmt.Sprint(allowed), "[]"), " ", ", "))
		}
		*p = T(s)
		return nil
	}}
}

func level(p *slog.Level) *value {
	return &value{kind: "string", get: func() string { return strings.ToLower(p.String()) }, set: func(s string) error {
		levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
		l, ok := levels[s]
		if !ok {
			return errors.New("is none of debug, info, warn, error")
		}
		*p = l
		return nil
	}}
}

// number is a whole number of at least low.
func number[T int | int64](p *T, low T) *value {
	return &value{kind: "int", get: func() string { return strconv.FormatInt(int64(*p), 10) }, set: func(s string) error {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || int64(T(n)) != n {
			return errors.New("is not a whole number")
		}
		if T(n) < low {
			return fmt.Errorf("is below %d", low)
		}
		*p = T(n)
		return nil
	}}
}

// span is a duration between low and high.
func span(p *time.Duration, low, high time.Duration) *value {
	return &value{kind: "duration", get: func() string { return p.String() }, set: func(s string) error {
		d, err := time.ParseDuration(s)
		if err != nil {
			return errors.New("is not a duration such as 250ms or 20s")
		}
		if d < low || d > high {
			return fmt.Errorf("is not between %v and %v", low, high)
		}
		*p = d
		return nil
	}}
}
