package api

import (
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/traffik-io/traffik/internal/ablate"
	"github.com/traffik-io/traffik/strategy"
)

// answer is what became of a request: a decision of a hit or check, or a stat.
type answer struct {
	op       op
	key      string
	nothing  bool // a cost of 0: allowed, and nobody was asked
	decision strategy.Decision
	stat     strategy.Stat
	kept     bool // the strategy keeps statistics
	err      error
	term     uint64 // in builds for tests of faults
}

// refused reports whether a is the refusal of a hit, which has a status of its own.
func (a *answer) refused() bool { return a.op == opHit && !a.nothing && !a.decision.Allowed }

// append appends the body of a, which is no error.
func (a *answer) append(b []byte) []byte {
	switch {
	case a.nothing:
		b = append(b, `{"allowed":true,"key":`...)
		return append(appendString(b, a.key), '}')
	case a.op == opStat && !a.kept:
		return append(b, "null"...)
	case a.op == opStat:
		st := &a.stat
		b = appendNumbers(append(b, '{'), st.Remaining, st.Wait, st.Limit, st.Rate.PeriodMillis())
		return a.appendOrigin(b, st.Owner, st.Degraded)
	}
	d := &a.decision
	b = append(b, `{"allowed":`...)
	b = append(strconv.AppendBool(b, d.Allowed), ',')
	b = appendNumbers(b, d.Remaining, d.Wait, d.Limit, d.Period.Milliseconds())
	if d.LimitedBy != "" {
		b = appendString(append(b, `,"limited_by":`...), d.LimitedBy)
	}
	return a.appendOrigin(b, d.Owner, d.Degraded)
}

// appendNumbers appends what a decision and a stat have in common. An unlimited rate has neither limit nor remaining.
func appendNumbers(b []byte, remaining float64, wait time.Duration, limit, periodMS int64) []byte {
	unlimited := math.IsInf(remaining, 1)
	b = append(b, `"hits_remaining":`...)
	if unlimited {
		b = append(b, "null"...)
	} else {
		b = strconv.AppendFloat(b, remaining, 'f', -1, 64)
	}
	b = append(b, `,"wait_ms":`...)
	b = strconv.AppendInt(b, waitIn(wait, time.Millisecond), 10)
	b = append(b, `,"limit":`...)
	if unlimited {
		b = append(b, "null"...)
	} else {
		b = strconv.AppendInt(b, limit, 10)
	}
	b = append(b, `,"period_ms":`...)
	return strconv.AppendInt(b, periodMS, 10)
}

func (a *answer) appendOrigin(b []byte, owner string, degraded bool) []byte {
	b = appendString(append(b, `,"key":`...), a.key)
	b = appendString(append(b, `,"owner":`...), owner)
	if degraded {
		b = append(b, `,"degraded":true`...)
	}
	if ablate.On {
		b = strconv.AppendUint(append(b, `,"term":`...), a.term, 10)
	}
	return append(b, '}')
}

// waitIn is wait in units, rounded up, or -1 for never.
func waitIn(wait, unit time.Duration) int64 {
	if wait == strategy.Never {
		return -1
	}
	n := int64(wait / unit)
	if wait%unit > 0 {
		n++
	}
	return n
}

// appendString appends s as a JSON string. What is not UTF-8 in s, which only texts of errors can have, becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || n > 1 {
				i += n
				continue
			}
		}
		b = append(b, s[start:i]...)
		switch {
		case c == '"', c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, `\n`...)
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, "\ufffd"...)
		}
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}
