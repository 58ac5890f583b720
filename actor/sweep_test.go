package actor

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/strategy"
)

// Guarantees 1 and 3: one that sweeps all the time and one that never does answer as the bare records of each key do,
// whatever is asked, by whatever way.
func TestModel(t *testing.T) {
	policies := []*strategy.Policy{
		policy("5/s", strategy.FixedWindow{CountRejected: true}),
		policy("3/s", strategy.TokenBucket{BurstSize: 7}),
		policy("10/s", strategy.GCRA{Burst: 4}),
		strategy.MustPolicy(strategy.Limit{Name: "a", Rate: strategy.MustRate("4/s")},
			strategy.Limit{Name: "b", Rate: strategy.MustRate("6/2s"), Strategy: strategy.GCRA{Burst: 6}}),
	}
	rapid.Check(t, func(t *rapid.T) {
		var wall atomic.Int64 // the sweepers read it too
		clock := func() strategy.Time { return strategy.Time(wall.Load()) }
		swept, err := New(Config{Now: clock, Partitions: 4})
		require.NoError(t, err)
		defer swept.Close()
		kept, err := New(Config{Now: clock, Partitions: 1})
		require.NoError(t, err)
		defer kept.Close()
		model := map[Key]*strategy.Records{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now := strategy.Time(wall.Add(rapid.Int64Range(0, 1_500_000).Draw(t, "elapsed")))
			swept.sweepFrom(0, 4, 1<<30)
			k := Key{rapid.Uint64Range(0, 3).Draw(t, "partition") << 62, rapid.Uint64Range(0, 2).Draw(t, "key")}
			r := request(rapid.SampledFrom(policies).Draw(t, "policy"), rapid.Int64Range(0, 8).Draw(t, "cost"), 0)
			r.Op = rapid.SampledFrom([]Op{OpHit, OpHit, OpHit, OpCheck, OpStat, OpRefund}).Draw(t, "op")
			r.Charged = max(0, now-strategy.Time(rapid.Int64Range(0, 1_000_000).Draw(t, "ago")))
			if model[k] == nil {
				model[k] = new(strategy.Records)
			}
			var want Answer
			apply(model[k], now, &r, &want)
			require.Equal(t, want, ask(kept, k, r))
			got := make(replies, 1)
			if r.Op == OpHit && rapid.Bool().Draw(t, "as a message") && r.Hit.Policy.Len() == 1 {
				r.Hit.MaxWait = 1 // below any wait
			}
			swept.Tell(k, r, now, got)
			require.Equal(t, want, <-got)
		}
	})
}

// The sweeper finds what is neutral by itself, and gives the memory back.
func TestSweeperForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Config{Partitions: 1024})
		short, long := policy("5/min", nil), policy("5/h", strategy.TokenBucket{})
		r := rand.New(rand.NewPCG(1, 1))
		for range 10_000 {
			ask(s, Key{r.Uint64(), r.Uint64()}, request(short, 1, 0))
		}
		ask(s, Key{}, request(long, 1, 0))
		time.Sleep(59 * time.Second)
		assert.EqualValues(t, 10_001, s.Keys())
		time.Sleep(62 * time.Second)
		assert.EqualValues(t, 1, s.Keys())
		for i := range s.partitions {
			if p := s.partitions[i].Load(); p != nil {
				p.mu.Lock()
				assert.LessOrEqual(t, len(p.actors.slots), minSlots)
				p.mu.Unlock()
			}
		}
		time.Sleep(11 * time.Minute)
		assert.Zero(t, s.Keys())
	})
}

// Guarantee 4: new keys are refused, known keys go on, and room is made of neutral keys and of no others.
func TestMaxKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, Config{MaxKeys: 3})
		key := func(i uint64) Key { return Key{i << 60, i} }
		short, long := policy("1/s", nil), policy("5/h", nil)
		assert.True(t, ask(s, key(0), request(short, 1, 0)).Decision.Allowed)
		assert.True(t, ask(s, key(1), request(long, 1, 0)).Decision.Allowed)
		assert.True(t, ask(s, key(2), request(long, 5, 0)).Decision.Allowed)
		a := ask(s, key(3), request(long, 1, 0))
		assert.ErrorIs(t, a.Err, ErrOverloaded)
		assert.EqualError(t, a.Err, "overloaded: MaxKeys of 3 is reached")
		assert.True(t, ask(s, key(1), request(long, 1, 0)).Decision.Allowed)

		// A neutral key of the same partition makes room at once, one of another soon after the first refusal.
		time.Sleep(time.Second)
		neighbour := key(0)
		neighbour.Lo = 77
		assert.True(t, ask(s, neighbour, request(short, 1, 0)).Decision.Allowed)
		assert.EqualValues(t, 3, s.Keys())
		time.Sleep(time.Second)
		assert.ErrorIs(t, ask(s, key(4), request(long, 1, 0)).Err, ErrOverloaded)
		time.Sleep(2 * sweepEvery)
		assert.True(t, ask(s, key(4), request(long, 1, 0)).Decision.Allowed)
		assert.False(t, ask(s, key(2), request(long, 1, 0)).Decision.Allowed) // not forgotten
	})
}

// Guarantee 4: exact under concurrency, at every moment.
func TestMaxKeysConcurrently(t *testing.T) {
	const rounds, most, callers, each = 100, 20, 8, 10
	p := policy("5/day", strategy.TokenBucket{})
	for range rounds {
		s := start(t, Config{MaxKeys: most, Partitions: 16})
		var wg sync.WaitGroup
		var admitted atomic.Int64
		begin := make(chan struct{})
		for i := range uint64(callers) {
			wg.Go(func() {
				<-begin
				for j := range uint64(each) {
					if ask(s, Key{(i*each + j) << 57, i}, request(p, 1, 0)).Err == nil {
						admitted.Add(1)
					}
					if n := s.Keys(); n > most {
						t.Errorf("%d keys", n)
					}
				}
			})
		}
		close(begin)
		wg.Wait()
		held := 0
		for i := range 16 {
			held += s.KeysOf(i)
		}
		require.EqualValues(t, most, admitted.Load())
		require.Equal(t, most, held)
		s.Close()
	}
}

// Guarantee 4: the count itself, with nothing between two callers who want the last place.
func TestReserveIsExact(t *testing.T) {
	s := start(t, Config{MaxKeys: 1})
	var wg sync.WaitGroup
	var held atomic.Int64
	for range 8 {
		wg.Go(func() {
			for range 50_000 {
				if !s.reserve() {
					continue
				}
				if n := held.Add(1); n > 1 {
					t.Errorf("%d hold the only place", n)
				}
				held.Add(-1)
				s.keys.Add(-1)
			}
		})
	}
	wg.Wait()
}

// A strategy that panics when asked whether it may be forgotten is kept.
func TestPanickingForgetterIsKept(t *testing.T) {
	s := start(t, Config{Partitions: 1})
	ask(s, Key{}, request(policy("5/s", forgetful{}), 1, 0))
	s.sweepFrom(0, 1, 1<<30)
	assert.EqualValues(t, 1, s.Keys())
}

type forgetful struct{ custom }

func (f forgetful) Bind(r strategy.Rate) (strategy.Algorithm, error) {
	a, err := f.custom.Bind(r)
	return badForgetter{a}, err
}

type badForgetter struct{ strategy.Algorithm }

func (badForgetter) NeutralAt(strategy.State) strategy.Time { panic("when?") }
