package strategy

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// ParseRate reads a rate such as "100/min", "5 per 10 seconds" or "20/250ms". Letter case and surrounding blanks do
// not matter.
//
//	rate   = limit ( "/" | "per" ) period
//	limit  = digits, with an optional "+"
//	period = [ digits ] unit                        the number defaults to 1
//	unit   = ms millisecond(s) s sec second(s) m min minute(s) h hr hour(s) d day(s)
//
// "m" is a minute and a day is 24 hours. Only ASCII digits count; limits and periods beyond int64 (milliseconds for
// the period) are errors, and so is a limit of 0: no rate blocks everything.
func ParseRate(s string) (Rate, error) {
	r, err := parseRate(strings.Trim(s, blanks))
	if err != nil {
		return Rate{}, fmt.Errorf("rate %q: %w", s, err)
	}
	return r, nil
}

const blanks = " \t\n\v\f\r"

func parseRate(s string) (Rate, error) {
	if s == "" {
		return Rate{}, errors.New("empty")
	}
	if strings.IndexFunc(s, func(c rune) bool { return c > unicode.MaxASCII }) >= 0 {
		return Rate{}, errors.New("only ASCII is understood")
	}
	left, right, err := splitRate(strings.ToLower(s))
	if err != nil {
		return Rate{}, err
	}
	limit, err := parseLimit(left)
	if err != nil {
		return Rate{}, err
	}
	period, err := parsePeriod(right)
	if err != nil {
		return Rate{}, err
	}
	if limit == 0 {
		return Rate{}, errors.New("a limit of 0 would block everything")
	}
	return Rate{limit: limit, periodMS: period}, nil
}

// splitRate cuts s at its one separator, "/" or "per".
func splitRate(s string) (left, right string, err error) {
	sep := "/"
	if strings.Contains(s, "per") {
		sep = "per"
	}
	if strings.Count(s, "/")+strings.Count(s, "per") != 1 {
		return "", "", errors.New(`want a limit and a period with one "/" or "per" between them`)
	}
	left, right, _ = strings.Cut(s, sep)
	return strings.Trim(left, blanks), strings.Trim(right, blanks), nil
}

func parseLimit(s string) (int64, error) {
	digits := strings.TrimPrefix(s, "+")
	if !allDigits(strings.TrimPrefix(digits, "-")) {
		return 0, fmt.Errorf("limit %q is not a whole number", s)
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("limit %q is too large", s)
	}
	if n < 0 {
		return 0, fmt.Errorf("limit %d is negative", n)
	}
	return n, nil
}

func parsePeriod(s string) (ms int64, err error) {
	if s == "" {
		return 0, errors.New("the period is missing")
	}
	i := 0
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	number, unit := s[:i], strings.TrimLeft(s[i:], blanks)
	n := int64(1)
	if number != "" {
		if n, err = strconv.ParseInt(number, 10, 64); err != nil {
			return 0, fmt.Errorf("period %q is too large", s)
		}
	}
	u := unitMillis(unit)
	switch {
	case n == 0:
		return 0, fmt.Errorf("period %q is zero", s)
	case u == 0:
		return 0, fmt.Errorf("period %q has no known unit (ms, s, min, h, day)", s)
	case n > math.MaxInt64/u:
		return 0, fmt.Errorf("period %q is too large", s)
	}
	return n * u, nil
}

// unitMillis is the length of a unit in milliseconds, 0 if it is unknown.
func unitMillis(unit string) int64 {
	switch unit {
	case "ms", "millisecond", "milliseconds":
		return 1
	case "s", "sec", "second", "seconds":
		return 1_000
	case "m", "min", "minute", "minutes":
		return 60_000
	case "h", "hr", "hour", "hours":
		return 3_600_000
	case "d", "day", "days":
		return 86_400_000
	}
	return 0
}

func allDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
