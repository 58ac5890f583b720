package strategy_test

import (
	"math/big"
	"slices"
	"strconv"

	"github.com/traffik-io/traffik/strategy"
)

// counterOracle is SlidingWindowCounter: the costs of this window, and those of the window before weighted with the
// share of it that a window ending now still covers, sum up to at most the limit.
type counterOracle struct{ windowOracle }

func newCounterOracle(s spec) *counterOracle { return &counterOracle{*newWindowOracle(s)} }

func (o *counterOracle) room(now int64, _ strategy.Hit) *big.Rat {
	w := o.window(now)
	now = max(now, w*o.period)
	share := big.NewRat((w+1)*o.period-now, o.period)
	used := new(big.Rat).SetInt(o.usedIn(w - 1))
	used.Mul(used, share).Add(used, new(big.Rat).SetInt(o.usedIn(w)))
	return maxZero(used.Sub(ratInt(o.limit), used))
}

func (o *counterOracle) fits(now int64, h strategy.Hit) bool {
	return ratInt(h.Cost).Cmp(o.room(now, h)) <= 0
}

func (o *counterOracle) moments(now int64, _ strategy.Hit) ([]int64, int64) {
	return nil, (o.window(now) + 2) * o.period
}

// logOracle is SlidingWindowLog, and PriorityQueue: the costs of the period that ends now sum up to at most the limit.
// With priorities, only what has the same or a higher one counts, and only so many hits are kept at a time.
type logOracle struct {
	spec
	log []logged
}

type logged struct {
	at       int64 // on the clock that does not go back
	stamp    int64 // on the clock as it was
	priority int
	cost     *big.Int
}

func newLogOracle(s spec) *logOracle { return &logOracle{spec: s} }

func (o *logOracle) clock(now int64) int64 {
	if len(o.log) > 0 {
		now = max(now, o.log[len(o.log)-1].at)
	}
	return now
}

func (o *logOracle) live(now int64) (live []logged) {
	now = o.clock(now)
	for _, e := range o.log {
		if e.at > now-o.period && e.cost.Sign() > 0 {
			live = append(live, e)
		}
	}
	return live
}

// priority is that of the hit: of the context, else of the marker in the key, else the default one.
func (o *logOracle) priority(h strategy.Hit) int {
	if o.name != "priority_queue" {
		return 0
	}
	if p := h.Context.Priority(); p != 0 {
		return p
	}
	marker, ok := o.params["marker"].(string)
	if !ok {
		marker = "priority:"
	}
	if p, err := strconv.Atoi(marked(h.Key, marker)); err == nil && strategy.Low <= p && p <= strategy.Critical {
		return p
	}
	return int(o.integer("default_priority", strategy.Normal))
}

func (o *logOracle) capacity(int64, strategy.Hit) int64 { return o.limit }

func (o *logOracle) room(now int64, h strategy.Hit) *big.Rat {
	live, mine := o.live(now), o.priority(h)
	if o.name == "priority_queue" && int64(len(live)) >= o.integer("max_queue_size", 1000) {
		return new(big.Rat)
	}
	left := big.NewInt(o.limit)
	for _, e := range live {
		if e.priority >= mine {
			left.Sub(left, e.cost)
		}
	}
	return maxZero(new(big.Rat).SetInt(left))
}

func (o *logOracle) fits(now int64, h strategy.Hit) bool {
	return ratInt(h.Cost).Cmp(o.room(now, h)) <= 0
}

func (o *logOracle) record(now int64, h strategy.Hit, allowed bool) {
	if allowed {
		o.log = append(o.log, logged{o.clock(now), now, o.priority(h), big.NewInt(h.Cost)})
	}
}

// refund shrinks what was logged at the instant of the charge, and nothing else.
func (o *logOracle) refund(charged, _ int64, h strategy.Hit) {
	back := big.NewInt(h.Cost)
	for _, e := range slices.Backward(o.log) {
		if e.stamp == charged && e.priority == o.priority(h) {
			take := new(big.Int).Set(back)
			if take.Cmp(e.cost) > 0 {
				take.Set(e.cost)
			}
			e.cost.Sub(e.cost, take)
			back.Sub(back, take)
		}
	}
}

func (o *logOracle) moments(now int64, _ strategy.Hit) ([]int64, int64) {
	moments := []int64{}
	for _, e := range o.live(now) {
		moments = append(moments, e.at+o.period)
	}
	slices.Sort(moments)
	return moments, 0
}
