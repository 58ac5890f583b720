package strategy_test

import (
	"math/big"

	"github.com/traffik-io/traffik/strategy"
)

// meterOracle is what all buckets and GCRA are by definition: an envelope. Whatever interval of the past one takes, the
// costs in it sum up to at most the capacity plus what the rate makes of the interval's length.
type meterOracle struct {
	spec
	events []metered
}

type metered struct {
	at   int64    // on the clock that does not go back
	cost *big.Rat // negative: a refund
}

func newMeterOracle(s spec) *meterOracle { return &meterOracle{spec: s} }

// size is the capacity, which GCRA states as a tolerance: (capacity - 1) emission intervals.
func (o *meterOracle) size() *big.Rat {
	burst := o.integer("burst_size", o.limit)
	switch o.name {
	case "token_bucket":
		return ratInt(burst)
	case "token_bucket_with_debt":
		return ratInt(burst + o.integer("max_debt", 0))
	case "gcra":
		if n := o.integer("burst", 0); n > 0 {
			return ratInt(n)
		}
		tolerance := new(big.Rat).SetFloat64(o.number("burst_tolerance_ms", 0))
		tolerance.Mul(tolerance, ratInt(1000))
		return tolerance.Mul(tolerance, o.perMicrosecond()).Add(tolerance, ratInt(1))
	}
	return ratInt(o.limit)
}

func (o *meterOracle) clock(now int64) int64 {
	if len(o.events) > 0 {
		now = max(now, o.events[len(o.events)-1].at)
	}
	return now
}

func (o *meterOracle) capacity(int64, strategy.Hit) int64 { return floorRat(o.size()).Int64() }

// room is what the tightest interval leaves, of all that end now and begin at an event.
func (o *meterOracle) room(now int64, _ strategy.Hit) *big.Rat {
	now = o.clock(now)
	least, sum := o.size(), new(big.Rat)
	for i := len(o.events) - 1; i >= 0; i-- {
		sum.Add(sum, o.events[i].cost)
		left := new(big.Rat).Mul(o.perMicrosecond(), ratInt(now-o.events[i].at))
		left.Add(left, o.size()).Sub(left, sum)
		if left.Cmp(least) < 0 {
			least = left
		}
	}
	if o.name == "gcra" { // counts hits, which are whole
		return new(big.Rat).SetInt(floorRat(least))
	}
	return least
}

func (o *meterOracle) fits(now int64, h strategy.Hit) bool {
	return ratInt(h.Cost).Cmp(o.room(now, h)) <= 0
}

func (o *meterOracle) record(now int64, h strategy.Hit, allowed bool) {
	if allowed {
		o.events = append(o.events, metered{o.clock(now), ratInt(h.Cost)})
	}
}

// refund is an event like a charge: the clock does not go back behind it.
func (o *meterOracle) refund(_, now int64, h strategy.Hit) {
	if len(o.events) > 0 {
		o.events = append(o.events, metered{o.clock(now), ratInt(-h.Cost)})
	}
}

// moments: by the time that the rate makes of twice the capacity, the bucket is empty.
func (o *meterOracle) moments(now int64, _ strategy.Hit) ([]int64, int64) {
	drain := new(big.Rat).Quo(o.size(), o.perMicrosecond())
	return nil, o.clock(now) + ceilRat(drain).Int64() + 1
}

// idlePeriods is for how many periods what else would matter for ever is remembered.
const idlePeriods = 100

// costOracle is CostBasedTokenBucket: a bucket that refills the slower the more expensive the recent hits were. What
// has been refilled is rounded up to 2^-32 token whenever a hit is charged.
type costOracle struct {
	spec
	tokens  *big.Rat
	last    int64
	history []int64
}

func newCostOracle(s spec) *costOracle { return &costOracle{spec: s} }

func (o *costOracle) size() int64 {
	return o.integer("burst_size", o.limit)
}

func (o *costOracle) capacity(int64, strategy.Hit) int64 { return o.size() }

// speed is how fast the bucket refills, in tokens per µs.
func (o *costOracle) speed() *big.Rat {
	factor := ratInt(1)
	if len(o.history) > 0 {
		sum := new(big.Int)
		for _, c := range o.history {
			sum.Add(sum, big.NewInt(c))
		}
		factor.SetFrac(big.NewInt(int64(len(o.history))), sum)
		if least := new(big.Rat).SetFloat64(o.number("min_refill_rate", 0.5)); factor.Cmp(least) < 0 {
			factor = least
		}
	}
	return factor.Mul(factor, o.perMicrosecond())
}

// room is the tokens at now.
func (o *costOracle) room(now int64, _ strategy.Hit) *big.Rat {
	full := ratInt(o.size())
	if o.tokens == nil {
		return full
	}
	refill := new(big.Rat).Mul(o.speed(), ratInt(max(now-o.last, 0)))
	unit := new(big.Int).Lsh(big.NewInt(1), 32)
	refill.SetFrac(ceilRat(refill.Mul(refill, new(big.Rat).SetInt(unit))), unit)
	if refill.Add(refill, o.tokens).Cmp(full) > 0 {
		return full
	}
	return refill
}

func (o *costOracle) fits(now int64, h strategy.Hit) bool {
	return ratInt(h.Cost).Cmp(o.room(now, h)) <= 0
}

func (o *costOracle) record(now int64, h strategy.Hit, allowed bool) {
	if !allowed {
		return
	}
	tokens := o.room(now, h)
	if o.tokens == nil {
		o.last = now
	}
	if tokens.Cmp(ratInt(o.size())) == 0 && now-o.last >= idlePeriods*o.period {
		o.history = nil // a new key
	}
	o.tokens, o.last = tokens.Sub(tokens, ratInt(h.Cost)), max(o.last, now)
	o.history = append(o.history, h.Cost)
	if over := len(o.history) - int(o.integer("cost_window", 100)); over > 0 {
		o.history = o.history[over:]
	}
}

// refund puts tokens back, as if they had not been taken. The cost stays in the history: the hit was made.
func (o *costOracle) refund(_, _ int64, h strategy.Hit) {
	if o.tokens == nil {
		return
	}
	if o.tokens.Add(o.tokens, ratInt(h.Cost)).Cmp(ratInt(o.size())) > 0 {
		o.tokens = ratInt(o.size())
	}
}

func (o *costOracle) moments(now int64, _ strategy.Hit) ([]int64, int64) {
	fill := new(big.Rat).Quo(ratInt(o.size()), o.speed())
	return nil, max(now, o.last) + ceilRat(fill).Int64() + 1
}
