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
// With priorities, only what has the same or a higher one counts, and only so many entries are kept at a time, where hits
// of one instant and priority are one entry.
type logOracle struct {
	spec
	log []logged
}

// logged is a hit; hits of one instant and priority share what they cost, of which some may have been refunded.
type logged struct {
	at       int64 // on the clock that does not go back
	priority int
	share    *big.Int
}

func newLogOracle(s spec) *logOracle { return &logOracle{spec: s} }

// kept are the hits of which something is left.
func (o *logOracle) kept() (kept []logged) {
	for _, e := range o.log {
		if e.share.Sign() > 0 {
			kept = append(kept, e)
		}
	}
	return kept
}

// clock does not go back behind a hit.
func (o *logOracle) clock(now int64) int64 {
	if n := len(o.log); n > 0 {
		now = max(now, o.log[n-1].at)
	}
	return now
}

func (o *logOracle) live(now int64) (live []logged) {
	now = o.clock(now)
	for _, e := range o.kept() {
		if e.at > now-o.period {
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
	entries := map[*big.Int]bool{}
	for _, e := range live {
		entries[e.share] = true
	}
	if o.name == "priority_queue" && int64(len(entries)) >= o.integer("max_queue_size", 1000) {
		return new(big.Rat)
	}
	left := big.NewInt(o.limit)
	counted := map[*big.Int]bool{}
	for _, e := range live {
		if e.priority >= mine && !counted[e.share] {
			counted[e.share] = true
			left.Sub(left, e.share)
		}
	}
	return maxZero(new(big.Rat).SetInt(left))
}

func (o *logOracle) fits(now int64, h strategy.Hit) bool {
	return ratInt(h.Cost).Cmp(o.room(now, h)) <= 0
}

func (o *logOracle) record(now int64, h strategy.Hit, allowed bool) {
	if !allowed {
		return
	}
	now = o.clock(now)
	e := logged{now, o.priority(h), new(big.Int)}
	for _, same := range o.kept() {
		if same.at == now && same.priority == e.priority {
			e.share = same.share
		}
	}
	e.share.Add(e.share, big.NewInt(h.Cost))
	o.log = append(o.log, e)
}

// refund shrinks what was logged at the instant of the charge, and nothing else.
func (o *logOracle) refund(charged, _ int64, h strategy.Hit) {
	for _, e := range o.kept() {
		if e.at == charged && e.priority == o.priority(h) {
			e.share.Sub(e.share, big.NewInt(h.Cost))
			if e.share.Sign() < 0 {
				e.share.SetInt64(0)
			}
			return
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
