package strategy

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// step is a hit and what it is answered.
type step struct {
	at      time.Duration // since the epoch
	cost    int64
	context Context
	want    string // allowed remaining/limit wait
}

// play charges the steps to one key and compares the answers.
func play(t *testing.T, rate string, s Strategy, key string, steps []step) *Records {
	rs := &Records{}
	p := MustPolicy(Limit{Rate: MustRate(rate), Strategy: s})
	for _, c := range steps {
		h := NewHit(key, p)
		h.Cost, h.Context = c.cost, c.context
		d, err := rs.Decide(Time(c.at.Microseconds()), h, true)
		require.NoError(t, err)
		wait := d.Wait.String()
		if d.Wait == Never {
			wait = "never"
		}
		assert.Equal(t, c.want, fmt.Sprintf("%v %g/%d %s", d.Allowed, d.Remaining, d.Limit, wait), "%s: cost %d at %v", s.Name(), c.cost, c.at)
	}
	return rs
}

const (
	ms   = time.Millisecond
	hour = time.Hour
)

func TestSlidingWindowCounter(t *testing.T) {
	play(t, "10/s", SlidingWindowCounter{}, "k", []step{
		{0, 11, nil, "false 10/10 never"},
		{100 * ms, 8, nil, "true 2/10 0s"},
		{100 * ms, 3, nil, "false 2/10 1.025s"}, // in the next window, when 7 of the 8 are left
		{1250 * ms, 1, nil, "true 3/10 0s"},     // 8·0.75 + 1
		{1250 * ms, 4, nil, "false 3/10 125ms"}, // 8·0.625 + 1 + 4
		{1375 * ms, 4, nil, "true 0/10 0s"},
		{1500 * ms, 5, nil, "false 1/10 500ms"},
		{1100 * ms, 1, nil, "false 0/10 400ms"}, // the clock went back
		{4 * time.Second, 10, nil, "true 0/10 0s"},
	})
	play(t, "10/s", SlidingWindowCounter{CountRejected: true}, "k", []step{
		{0, 20, nil, "false 0/10 never"},
		{1500 * ms, 1, nil, "false 0/10 100ms"}, // 20·0.4 + 1, and 1 more when it is tried again
	})
}

func TestSlidingWindowLog(t *testing.T) {
	play(t, "5/s", SlidingWindowLog{}, "k", []step{
		{0, 1, nil, "true 4/5 0s"},
		{100 * ms, 2, nil, "true 2/5 0s"},
		{100 * ms, 2, nil, "true 0/5 0s"},
		{200 * ms, 1, nil, "false 0/5 800ms"},
		{200 * ms, 2, nil, "false 0/5 900ms"}, // the oldest alone does not free enough
		{200 * ms, 6, nil, "false 0/5 never"},
		{1000 * ms, 1, nil, "true 0/5 0s"},
		{1100 * ms, 4, nil, "true 0/5 0s"},
		{500 * ms, 1, nil, "false 0/5 1.5s"}, // the clock went back
	})
}

func TestTokenBucketWithDebt(t *testing.T) {
	play(t, "10/s", TokenBucketWithDebt{BurstSize: 2, MaxDebt: 3}, "k", []step{
		{0, 6, nil, "false 5/5 never"},
		{0, 4, nil, "true 1/5 0s"},
		{0, 2, nil, "false 1/5 100ms"},
		{150 * ms, 2, nil, "true 0.5/5 0s"},
	})
}

func TestTieredRate(t *testing.T) {
	s := TieredRate{TierMultipliers: map[string]float64{"free": 1, "gold": 2.5, "none": 0}}
	play(t, "5/s", s, "api:tier:gold:user:1", []step{
		{0, 12, nil, "true 0/12 0s"}, // 12.5
		{0, 1, Context{"tier": "free"}, "false 0/5 1s"},
		{0, 6, Context{"tier": "free"}, "false 0/5 never"},
		{time.Second, 4, Context{"tier": "free"}, "true 1/5 0s"},
		{time.Second, 4, nil, "true 4/12 0s"}, // what was used stays used
		{time.Second, 1, Context{"tier": "none"}, "false 0/0 never"},
		{time.Second, 1, Context{"tier": "invented"}, "false 0/5 1s"},
	})
	for key, limit := range map[string]int64{
		"tier:premium": 25, "a:tier:enterprise": 50, "frontier:premium": 5, "tier:": 5, "tier": 5, "": 5,
		"frontier:x:tier:premium:y": 25, "tier::premium": 5, "tier:vip": 5,
	} {
		var rs Records
		d, err := rs.Decide(0, NewHit(key, MustPolicy(Limit{Rate: MustRate("5/s"), Strategy: TieredRate{}})), true)
		require.NoError(t, err)
		assert.Equal(t, limit, d.Limit, "%q", key)
	}
}

func TestAdaptiveThrottle(t *testing.T) {
	rs := play(t, "10/s", AdaptiveThrottle{}, "k", []step{
		{0, 8, nil, "true 0/10 0s"},               // load 0.8 is not above the threshold; one more would be
		{0, 1, nil, "false 0/6 1s"},               // and reduces the limit
		{1 * time.Second, 5, nil, "true 0/7 0s"},  // recovered by 1; 0.8·7 = 5.6
		{1 * time.Second, 1, nil, "false 0/4 1s"}, // 7·0.6
		{2 * time.Second, 8, nil, "false 3/3 2s"}, // (4.2+1)·0.6; the window after the next has the full limit
	})
	assert.EqualValues(t, 4_000_000, rs.NeutralAt())
	play(t, "10/s", AdaptiveThrottle{}, "k", []step{
		{0, 9, Context{"load": 0.1}, "true 1/10 0s"}, // its own use does not matter then
		{0, 1, Context{"load": 0.9}, "false 0/6 1s"},
		{0, 1, Context{"load": 0.1}, "false 0/6 1s"}, // once per window
		{5 * time.Second, 10, Context{"load": 0.1}, "true 0/10 0s"},
	})
	play(t, "1/s", AdaptiveThrottle{}, "k", []step{{0, 1, nil, "false 0/0 never"}})
}

func TestPriorityQueue(t *testing.T) {
	low, high := Context{"priority": "low"}, Context{"priority": int64(3)}
	play(t, "4/s", PriorityQueue{MaxQueueSize: 4}, "k", []step{
		{0, 3, low, "true 1/4 0s"},
		{0, 2, low, "false 1/4 1s"},
		{100 * ms, 4, high, "true 0/4 0s"}, // does not see the low one
		{100 * ms, 1, nil, "false 0/4 1s"}, // but normal sees high
		{100 * ms, 1, low, "false 0/4 1s"}, // 900 ms frees 3 of 7
		{100 * ms, 1, Context{"priority": "critical"}, "true 3/4 0s"},
		{200 * ms, 1, Context{"priority": "critical"}, "true 0/4 0s"}, // the queue is full
		{300 * ms, 1, Context{"priority": "critical"}, "false 0/4 700ms"},
		{300 * ms, 3, Context{"priority": "critical"}, "false 0/4 800ms"}, // by then the cost fits, too
	})
	for key, level := range map[string]int{
		"k": Normal, "priority:1:x": Low, "a:priority:4": Critical, "priority:5": Normal, "xpriority:3": Normal, "priority:high": Normal,
	} {
		assert.Equal(t, level, priorityOf(&Hit{Key: key}, "priority:", Normal), "%q", key)
	}
	assert.Equal(t, High, priorityOf(&Hit{Key: "priority:1", Context: high}, "priority:", Normal))
}

func TestQuotaWithRollover(t *testing.T) {
	day := 24 * hour
	rs := play(t, "10/day", QuotaWithRollover{}, "k", []step{
		{0, 11, nil, "false 10/10 never"}, // a key never seen has nothing to roll over, and stays so
		{0, 4, nil, "true 6/10 0s"},
		{day, 14, nil, "false 13/13 24h0m0s"}, // half of 6 rolled over; tomorrow, if nothing is used, half of 10
		{day, 13, nil, "true 0/13 0s"},
		{day, 15, nil, "false 0/13 48h0m0s"}, // tomorrow nothing rolls over
		{day, 16, nil, "false 0/13 never"},
		{2 * day, 10, nil, "true 0/10 0s"},
		{102 * day, 15, nil, "true 0/15 0s"},      // an idle period rolls over in full, and only one of them
		{204 * day, 11, nil, "false 10/10 never"}, // after 100 of them it is a new key
	})
	assert.EqualValues(t, (203 * day).Microseconds(), rs.NeutralAt())
	play(t, "10/day", QuotaWithRollover{MaxRollover: 2, RolloverPercentage: 1}, "k", []step{
		{0, 1, nil, "true 9/10 0s"},
		{day, 1, nil, "true 11/12 0s"},
	})
}

func TestTimeOfDay(t *testing.T) {
	s := TimeOfDay{TimeWindows: []Hours{{0, 6, 2}, {6, 18, 1}, {18, 24, 0.5}}, TimezoneOffset: 5.5}
	play(t, "10/h", s, "k", []step{ // 0:30 UTC is 6:00 local
		{0, 20, nil, "true 0/20 0s"},
		{0, 1, nil, "false 0/20 1h0m0s"},
		{0, 11, nil, "false 0/20 18h30m0s"}, // until midnight, local
		{0, 21, nil, "false 0/20 never"},
		{hour / 2, 1, nil, "false 0/10 30m0s"},
		{hour, 10, nil, "true 0/10 0s"},
		{12 * hour, 5, nil, "true 5/10 0s"},
		{12*hour + hour/2, 1, nil, "false 0/5 30m0s"}, // 18:00 local: the limit sinks below what is used
		{12*hour + hour/2, 6, nil, "false 0/5 6h0m0s"},
	})
	play(t, "10/2days", s, "k", []step{ // all in one window
		{0, 10, nil, "true 10/20 0s"},
		{1 * hour, 5, nil, "false 0/10 17h30m0s"}, // at midnight, local, the same window holds 20
		{1 * hour, 11, nil, "false 0/10 47h0m0s"},
	})
}

func TestCostBasedTokenBucket(t *testing.T) {
	play(t, "10/s", CostBasedTokenBucket{CostWindow: 2, MinRefillRate: 0.25}, "k", []step{
		{0, 8, nil, "true 2/10 0s"},
		{0, 3, nil, "false 2/10 400ms"}, // at a quarter of the rate
		{400 * ms, 2, nil, "true 1/10 0s"},
		{400 * ms, 2, nil, "false 1/10 400ms"}, // (8+2)/2 is slower still, but for the floor
		{800 * ms, 1, nil, "true 1/10 0s"},
		{800 * ms, 2, nil, "false 1/10 150ms"}, // 2/3 of the rate: the 8 is forgotten
		{900 * ms, 1, nil, "true 0.6666666667442769/10 0s"},
	})
}

// TestGCRATolerance: a tolerance is exactly the float64 given, neither kept to the microsecond nor to what was meant.
func TestGCRATolerance(t *testing.T) {
	play(t, "13/333ms", GCRA{BurstToleranceMS: 25.615384615384617}, "k", []step{ // a hair above 333/13
		{0, 2, nil, "true 0/2 0s"},
		{0, 1, nil, "false 0/2 25.616ms"},
	})
	play(t, "3/s", GCRA{BurstToleranceMS: 333.3333333333333}, "k", []step{ // a hair below 1000/3
		{0, 1, nil, "true 0/1 0s"},
		{0, 1, nil, "false 0/1 1µs"},
		{0, 2, nil, "false 0/1 never"},
		{time.Microsecond, 1, nil, "true 0/1 0s"},
	})
}
