package strategy_test

import (
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/traffik-io/traffik/strategy"
)

// windowOracle is what FixedWindow, TieredRate and TimeOfDay are by definition: time is cut into windows from the
// epoch on, and the costs of one window sum up to at most a limit, which may depend on the hit and on the hour.
type windowOracle struct {
	spec
	used   map[int64]*big.Int // by window
	latest int64              // the latest window in which anything was recorded
	seen   bool
}

// countersStop is where counters of refused hits stop.
var countersStop = big.NewInt(1 << 62)

func newWindowOracle(s spec) *windowOracle {
	return &windowOracle{spec: s, used: map[int64]*big.Int{}}
}

// window is the window of an instant: a clock that went back stays in the window that it had reached.
func (o *windowOracle) window(now int64) int64 {
	w := floorDiv(now, o.period)
	if o.seen {
		w = max(w, o.latest)
	}
	return w
}

func (o *windowOracle) usedIn(w int64) *big.Int {
	if u := o.used[w]; u != nil {
		return u
	}
	return new(big.Int)
}

func (o *windowOracle) capacity(now int64, h strategy.Hit) int64 {
	switch o.name {
	case "tiered_rate":
		return int64(float64(o.limit) * o.multiplier(h))
	case "time_of_day":
		return int64(float64(o.limit) * o.slot(max(now, o.window(now)*o.period)))
	}
	return o.limit
}

// multiplier is that of the hit's tier: of the context, else of the marker in the key, else the default one.
func (o *windowOracle) multiplier(h strategy.Hit) float64 {
	tiers, ok := o.params["tier_multipliers"].(map[string]float64)
	if !ok {
		tiers = map[string]float64{"free": 1, "premium": 5, "enterprise": 10}
	}
	tier := h.Context.Tier()
	if tier == "" {
		marker, ok := o.params["marker"].(string)
		if !ok {
			marker = "tier:"
		}
		tier = marked(h.Key, marker)
	}
	if m, ok := tiers[tier]; ok {
		return m
	}
	if tier, ok = o.params["default_tier"].(string); !ok {
		tier = "free"
	}
	return tiers[tier]
}

// marked is the text behind the marker in a key, up to the next colon. A marker begins the key or follows a colon.
func marked(key, marker string) string {
	marker = strings.TrimSuffix(marker, ":") + ":"
	for i := range key {
		if (i == 0 || key[i-1] == ':') && strings.HasPrefix(key[i:], marker) {
			text, _, _ := strings.Cut(key[i+len(marker):], ":")
			return text
		}
	}
	return ""
}

const hourMicros = 3_600_000_000

// slot is the multiplier of the hour of day at an instant.
func (o *windowOracle) slot(now int64) float64 {
	windows, ok := o.params["time_windows"].([][3]float64)
	if !ok {
		windows = [][3]float64{{0, 8, 2}, {8, 17, 1}, {17, 24, 1.5}}
	}
	offset := new(big.Rat).SetFloat64(o.number("timezone_offset", 0))
	hours := offset.Add(offset, big.NewRat(now, hourMicros))
	hour := float64(new(big.Int).Mod(floorRat(hours), big.NewInt(24)).Int64())
	for _, w := range windows {
		if w[0] <= hour && hour < w[1] {
			return w[2]
		}
	}
	return 1
}

func (o *windowOracle) room(now int64, h strategy.Hit) *big.Rat {
	left := new(big.Int).Sub(big.NewInt(o.capacity(now, h)), o.usedIn(o.window(now)))
	return maxZero(new(big.Rat).SetInt(left))
}

func (o *windowOracle) fits(now int64, h strategy.Hit) bool {
	return ratInt(h.Cost).Cmp(o.room(now, h)) <= 0
}

func (o *windowOracle) record(now int64, h strategy.Hit, allowed bool) {
	if allowed || o.countsRejected() {
		w := o.window(now)
		used := new(big.Int).Add(o.usedIn(w), big.NewInt(h.Cost))
		if used.Cmp(countersStop) > 0 {
			used = countersStop
		}
		o.used[w], o.latest, o.seen = used, w, true
	}
}

// refund gives back to the window of the charge, and to no other.
func (o *windowOracle) refund(charged, _ int64, h strategy.Hit) {
	w := floorDiv(charged, o.period)
	left := new(big.Int).Sub(o.usedIn(w), big.NewInt(h.Cost))
	if left.Sign() < 0 {
		left.SetInt64(0)
	}
	o.used[w] = left
}

// moments are the beginnings of the next windows, and each full hour of the day to come and of the day after the
// window.
func (o *windowOracle) moments(now int64, _ strategy.Hit) ([]int64, int64) {
	end := (o.window(now) + 1) * o.period
	moments := map[int64]bool{end: true, end + o.period: true}
	if o.name == "time_of_day" {
		// Offsets are whole numbers of eighths of an hour here.
		const step = hourMicros / 8
		for _, from := range []int64{max(now, end-o.period), end} {
			for at := floorDiv(from, step) * step; at <= from+25*hourMicros; at += step {
				moments[at] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(moments)), 0
}

// quotaOracle is QuotaWithRollover: a window whose limit grows by a share of what the window before left unused. A key
// that was never charged has nothing to roll over, and after a hundred idle windows a key is as if never charged.
type quotaOracle struct {
	windowOracle
	first int64 // the window of the first charge
}

func newQuotaOracle(s spec) *quotaOracle { return &quotaOracle{windowOracle: *newWindowOracle(s)} }

func (o *quotaOracle) capacity(now int64, _ strategy.Hit) int64 {
	w := o.window(now)
	if !o.seen || w <= o.first || w > o.latest+idlePeriods {
		return o.limit
	}
	unused := new(big.Int).Sub(big.NewInt(o.limit), o.usedIn(w-1))
	if unused.Sign() < 0 {
		return o.limit
	}
	share := int64(float64(unused.Int64()) * o.number("rollover_percentage", 0.5))
	return o.limit + min(share, o.integer("max_rollover", 500))
}

func (o *quotaOracle) room(now int64, h strategy.Hit) *big.Rat {
	left := new(big.Int).Sub(big.NewInt(o.capacity(now, h)), o.usedIn(o.window(now)))
	return maxZero(new(big.Rat).SetInt(left))
}

func (o *quotaOracle) fits(now int64, h strategy.Hit) bool {
	return ratInt(h.Cost).Cmp(o.room(now, h)) <= 0
}

func (o *quotaOracle) record(now int64, h strategy.Hit, allowed bool) {
	if w := o.window(now); allowed && (!o.seen || w > o.latest+idlePeriods) {
		o.first = w
	}
	o.windowOracle.record(now, h, allowed)
}

// refund gives back within the window of the charge. Later it would roll over, into a later window.
func (o *quotaOracle) refund(charged, now int64, h strategy.Hit) {
	if floorDiv(charged, o.period) == o.window(now) {
		o.windowOracle.refund(charged, now, h)
	}
}

// adaptiveOracle is AdaptiveThrottle: a window whose limit shrinks once, when the load of a hit is above a threshold,
// and recovers from window to window. A window without hits restores it.
type adaptiveOracle struct {
	windowOracle
	limits  map[int64]float64 // by window
	reduced map[int64]bool    // by window
}

func newAdaptiveOracle(s spec) *adaptiveOracle {
	return &adaptiveOracle{*newWindowOracle(s), map[int64]float64{}, map[int64]bool{}}
}

// effective is the limit that a hit at now faces before and after its own load is looked at.
func (o *adaptiveOracle) effective(now int64, h strategy.Hit) (before, after float64) {
	limit, w := float64(o.limit), o.window(now)
	if e, ok := o.limits[w]; ok {
		before = e
	} else if e, ok := o.limits[w-1]; ok {
		before = min(limit, e+limit*o.number("recovery_rate", 0.1))
	} else {
		before = limit
	}
	load := o.load(w, h, before)
	if o.reduced[w] || load <= o.number("load_threshold", 0.8) {
		return before, before
	}
	return before, max(limit*o.number("min_limit_ratio", 0.3), before*o.number("reduction_factor", 0.6))
}

// load is what the context says, else the share of the limit that is used with this hit.
func (o *adaptiveOracle) load(w int64, h strategy.Hit, limit float64) float64 {
	if load, ok := h.Context["load"].(float64); ok {
		return load
	}
	n, _ := new(big.Float).SetInt(new(big.Int).Add(o.usedIn(w), big.NewInt(h.Cost))).Float64()
	return n / limit
}

func (o *adaptiveOracle) fits(now int64, h strategy.Hit) bool {
	_, limit := o.effective(now, h)
	n := new(big.Int).Add(o.usedIn(o.window(now)), big.NewInt(h.Cost))
	return new(big.Rat).SetInt(n).Cmp(new(big.Rat).SetFloat64(limit)) <= 0
}

// room is found by trying: the larger cost never fits where the smaller does not.
func (o *adaptiveOracle) room(now int64, h strategy.Hit) *big.Rat {
	low, high := int64(0), o.limit+1
	for low+1 < high {
		h.Cost = low + (high-low)/2
		if o.fits(now, h) {
			low = h.Cost
		} else {
			high = h.Cost
		}
	}
	return ratInt(low)
}

func (o *adaptiveOracle) capacity(now int64, h strategy.Hit) int64 {
	_, after := o.effective(now, h)
	return int64(after)
}

func (o *adaptiveOracle) record(now int64, h strategy.Hit, allowed bool) {
	w := o.window(now)
	before, after := o.effective(now, h)
	if allowed || o.countsRejected() || before != after {
		o.limits[w], o.reduced[w] = after, o.reduced[w] || before != after
		o.latest, o.seen = w, true
	}
	o.windowOracle.record(now, h, allowed)
}
