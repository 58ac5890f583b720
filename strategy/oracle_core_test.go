package strategy_test

import (
	"encoding/json"
	"math/big"
	"sort"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/strategy"
)

// The oracles of this package are the strategies a second time: naive, from their definitions, in rationals, keeping
// all that ever happened and counting anew at each question. They share no code with the strategies and know none of
// their states.

// oracle is a limiter that can be believed.
type oracle interface {
	// fits says whether h would be admitted at the instant now.
	fits(now int64, h strategy.Hit) bool
	// room is the largest cost, possibly with a fraction, that a hit like h could have at now.
	room(now int64, h strategy.Hit) *big.Rat
	// capacity is the limit that applies at now to a hit like h.
	capacity(now int64, h strategy.Hit) int64
	// record takes note of a hit that was charged, and of how it was answered.
	record(now int64, h strategy.Hit, allowed bool)
	// refund takes note of h.Cost given back, of a hit at the instant charged.
	refund(charged, now int64, h strategy.Hit)
	// moments are the instants after now, ascending, at which something that did not fit may come to fit. Where
	// room grows steadily, it is nil, and until is an instant by which all that can ever fit does.
	moments(now int64, h strategy.Hit) (at []int64, until int64)
}

// answer is what an oracle says to one question.
type answer struct {
	allowed bool
	wait    time.Duration
	room    *big.Rat
	limit   int64
}

// ask asks o about h, and records it if charge is set.
func ask(o oracle, now int64, h strategy.Hit, charge bool) answer {
	a := answer{allowed: o.fits(now, h), limit: o.capacity(now, h)}
	if charge {
		o.record(now, h, a.allowed)
	}
	if !a.allowed {
		a.wait = waitOf(o, now, h)
	}
	a.room = maxZero(o.room(now, h))
	return a
}

// waitOf is how long h has to wait for the first instant at which it fits, found by trying.
func waitOf(o oracle, now int64, h strategy.Hit) time.Duration {
	moments, until := o.moments(now, h)
	if moments != nil {
		for _, at := range moments {
			if at > now && o.fits(at, h) {
				return time.Duration(at-now) * time.Microsecond
			}
		}
		return strategy.Never
	}
	if !o.fits(until, h) {
		return strategy.Never
	}
	n := sort.Search(int(until-now), func(i int) bool { return o.fits(now+int64(i), h) })
	return time.Duration(n) * time.Microsecond
}

// spec is a limit in the words of the wire, from which both a policy and an oracle can be made.
type spec struct {
	name   string
	params map[string]any
	limit  int64
	period int64 // µs, whole ms
}

// number is a parameter, or what it defaults to.
func (s spec) number(name string, otherwise float64) float64 {
	switch v := s.params[name].(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	}
	return otherwise
}

// integer is a parameter, or what it defaults to.
func (s spec) integer(name string, otherwise int64) int64 {
	if v, ok := s.params[name].(int64); ok {
		return v
	}
	return otherwise
}

func (s spec) countsRejected() bool { return s.params["count_rejected"] == true }

func (s spec) rate() strategy.Rate {
	r, err := strategy.NewRate(s.limit, time.Duration(s.period)*time.Microsecond)
	if err != nil {
		panic(err)
	}
	return r
}

func (s spec) strategy(t require.TestingT) strategy.Strategy {
	r, err := strategy.NewRegistry()
	require.NoError(t, err)
	params, err := json.Marshal(s.params)
	require.NoError(t, err)
	st, err := r.Strategy(s.name, params)
	require.NoError(t, err, "%s %s", s.name, params)
	return st
}

func (s spec) algorithm(t require.TestingT) strategy.Algorithm {
	a, err := s.strategy(t).Bind(s.rate())
	require.NoError(t, err, "%+v", s)
	return a
}

func (s spec) policy(t require.TestingT) *strategy.Policy {
	p, err := strategy.NewPolicy(strategy.Limit{Rate: s.rate(), Strategy: s.strategy(t)})
	require.NoError(t, err, "%+v", s)
	return p
}

// perMicrosecond is the rate in cost per µs.
func (s spec) perMicrosecond() *big.Rat { return big.NewRat(s.limit, s.period) }

func (s spec) oracle() oracle {
	switch s.name {
	case "fixed_window", "tiered_rate", "time_of_day":
		return newWindowOracle(s)
	case "adaptive_throttle":
		return newAdaptiveOracle(s)
	case "quota_with_rollover":
		return newQuotaOracle(s)
	case "sliding_window_counter":
		return newCounterOracle(s)
	case "sliding_window_log", "priority_queue":
		return newLogOracle(s)
	case "cost_based_token_bucket":
		return newCostOracle(s)
	}
	return newMeterOracle(s)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

func ratInt(n int64) *big.Rat { return new(big.Rat).SetInt64(n) }

// floorRat is r rounded down.
func floorRat(r *big.Rat) *big.Int { return new(big.Int).Div(r.Num(), r.Denom()) }

// ceilRat is r rounded up.
func ceilRat(r *big.Rat) *big.Int {
	n := new(big.Int).Neg(r.Num())
	return n.Neg(n.Div(n, r.Denom()))
}

// maxZero is r, or 0 if it is negative.
func maxZero(r *big.Rat) *big.Rat {
	if r.Sign() < 0 {
		return new(big.Rat)
	}
	return r
}
