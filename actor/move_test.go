package actor

import (
	"context"
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

// tracked returns a System of one partition that tracks it, and whose clock is at now.
func tracked(t testing.TB, mode Mode, now *atomic.Int64) *System {
	return start(t, Config{Partitions: 1, Track: true, Mode: mode, Now: func() strategy.Time { return strategy.Time(now.Load()) }})
}

// changes are those of partition 0 after that mutation.
func changes(s *System, after uint64) ([]Record, uint64) {
	var c Changed
	s.Changes(0, after, &c)
	return c.Records, c.Seq
}

// Guarantee 12: a partition that is copied while it serves, then closed, and opened elsewhere with what has changed since,
// is what it would be if it had stayed.
func TestMovedPartitionIsTheSame(t *testing.T) {
	policies := []*strategy.Policy{policy("20/s", nil), policy("10/s", strategy.TokenBucket{}), policy("5/s", strategy.SlidingWindowLog{})}
	rapid.Check(t, func(rt *rapid.T) {
		var now atomic.Int64
		stays, here, there := tracked(t, Serve, &now), tracked(t, Serve, &now), tracked(t, Redirect, &now)
		hits := func(n int) {
			for range rapid.IntRange(0, n).Draw(rt, "hits") {
				now.Add(rapid.Int64Range(0, 200_000).Draw(rt, "passes"))
				k := Key{Lo: rapid.Uint64Range(0, 5).Draw(rt, "key")}
				r := request(rapid.SampledFrom(policies).Draw(rt, "policy"), rapid.Int64Range(1, 5).Draw(rt, "cost"), 0)
				want, got := ask(stays, k, r), ask(here, k, r)
				require.Equal(rt, want, got)
			}
		}
		hits(40)
		var copied []Record
		from := here.All(0, func(some []Record) bool { // one time: there are few keys
			copied = append(copied, some...)
			return true
		})
		hits(20)
		here.Trim(0, rapid.Uint64Range(0, from).Draw(rt, "trimmed"))
		require.NoError(rt, there.Install(0, copied, from, 0))
		here.SetMode(0, Redirect)
		assert.ErrorIs(rt, ask(here, Key{}, request(policies[0], 1, 0)).Err, ErrNotServing)
		var rest Changed
		here.Changes(0, from, &rest)
		require.Equal(rt, here.Seq(0), rest.Seq)
		require.NoError(rt, there.Install(0, rest.Records, rest.Seq, rest.Clock))
		there.SetMode(0, Serve)
		assert.Equal(rt, int64(here.KeysOf(0)), there.Keys())
		assert.Zero(rt, here.Keys())
		here = there
		hits(40)
	})
}

// Guarantee 12: while hits run, what Changes returns holds exactly the mutations up to its count, and no turn runs in a
// partition that does not serve.
func TestChangesAreConsistentUnderLoad(t *testing.T) {
	s := start(t, Config{Partitions: 1, Track: true})
	stop := make(chan struct{})
	var allowed, refused atomic.Int64
	var wg sync.WaitGroup
	r := request(policy("1000000000/day", nil), 1, 0)
	for i := range 8 {
		wg.Go(func() {
			for n := uint64(0); ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				a := ask(s, Key{Lo: (n + uint64(i)) % 3}, r)
				if a.Err != nil {
					refused.Add(1)
					assert.ErrorIs(t, a.Err, ErrNotServing)
					continue
				}
				allowed.Add(1)
				assert.NotZero(t, a.Seq)
			}
		})
	}
	for i := range 300 {
		if i%3 == 0 {
			s.SetMode(0, Redirect)
			before := s.Seq(0)
			recs, seq := changes(s, 0)
			assert.Equal(t, before, seq)
			assert.Equal(t, seq, used(t, s, recs))
			s.SetMode(0, Serve)
			continue
		}
		recs, seq := changes(s, 0)
		assert.Equal(t, seq, used(t, s, recs))
	}
	close(stop)
	wg.Wait()
	assert.Equal(t, uint64(allowed.Load()), s.Seq(0))
}

// used is the cost that a fixed window of the records has counted, all together.
func used(t *testing.T, s *System, recs []Record) (sum uint64) {
	h := request(policy("1000000000/day", nil), 1, 0).Hit
	for _, r := range recs {
		rs, err := s.cfg.Registry.DecodeRecords(r.Body)
		require.NoError(t, err)
		st, _, err := rs.Stat(s.cfg.Now(), h)
		require.NoError(t, err)
		sum += uint64(1_000_000_000 - st.Remaining)
	}
	return sum
}

// Guarantee 13: what is parked has its turn, in order, when the partition serves again, or is told that it does not.
func TestParkedFollowsTheMode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Config{Partitions: 1, Track: true, Mode: Park, MaxParked: 3})
		require.NoError(t, err)
		defer s.Close()
		r := request(policy("2/day", nil), 1, 0)
		got := make(replies, 10)
		for range 3 {
			s.Tell(Key{}, r, s.cfg.Now(), got)
		}
		assert.Empty(t, got)
		assert.ErrorIs(t, ask(s, Key{}, r).Err, ErrOverloaded)
		s.SetMode(0, Serve)
		for i, want := range []bool{true, true, false} {
			assert.Equal(t, want, (<-got).Decision.Allowed, "%d", i)
		}
		s.SetMode(0, Park)
		s.Tell(Key{}, r, s.cfg.Now(), got)
		s.SetMode(0, Redirect)
		assert.ErrorIs(t, (<-got).Err, ErrNotServing)
		s.SetMode(0, Park)
		s.Tell(Key{}, r, s.cfg.Now(), got)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.ErrorIs(t, s.Ask(ctx, Key{}, r).Err, context.DeadlineExceeded)
		s.Close()
		assert.ErrorIs(t, (<-got).Err, ErrClosed)
	})
}

// Guarantee 13: hits that wait in line are sent on, uncharged.
func TestLinesEmptyWhenThePartitionCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(Config{Partitions: 1, Track: true})
		require.NoError(t, err)
		defer s.Close()
		p := policy("1/min", strategy.TokenBucket{})
		require.True(t, ask(s, Key{}, request(p, 1, 0)).Decision.Allowed)
		got := make(replies, 2)
		for range 2 {
			s.Tell(Key{}, request(p, 1, 150*time.Second), s.cfg.Now(), got)
		}
		synctest.Wait()
		s.SetMode(0, Park)
		assert.Empty(t, got)
		s.SetMode(0, Serve) // they wait again
		assert.True(t, (<-got).Decision.Allowed)
		s.SetMode(0, Redirect)
		assert.ErrorIs(t, (<-got).Err, ErrNotServing)
		assert.Equal(t, uint64(2), s.Seq(0))
	})
}

// A log that nobody takes does not grow without end: a copy of everything takes its place.
func TestLogIsBounded(t *testing.T) {
	var told atomic.Int64
	s := start(t, Config{Partitions: 1, Track: true, Changed: func(Mutation) uint64 { told.Add(1); return 0 }})
	r := request(policy("1000000000/day", nil), 1, 0)
	for i := range 10 * minLog {
		ask(s, Key{Lo: uint64(i % 4)}, r)
	}
	assert.Less(t, len(s.at(0).track.log), 2*minLog)
	recs, seq := changes(s, 5)
	assert.Len(t, recs, 4)
	assert.Equal(t, uint64(10*minLog), seq)
	s.Trim(0, seq)
	recs, _ = changes(s, seq)
	assert.Empty(t, recs)
	assert.Positive(t, told.Load())
}

// Two copies that grew apart join into one that is at least as strict as each.
func TestJoin(t *testing.T) {
	var now atomic.Int64
	a, b := tracked(t, Serve, &now), tracked(t, Serve, &now)
	r := request(policy("10/day", nil), 4, 0)
	ask(a, Key{Lo: 1}, r)
	ask(b, Key{Lo: 1}, r)
	ask(b, Key{Lo: 1}, r)
	ask(b, Key{Lo: 2}, r)
	recs, _ := changes(b, 0)
	seq, err := a.Join(0, recs, true)
	require.NoError(t, err)
	assert.Equal(t, uint64(3), seq)
	r.Op = OpStat
	assert.Equal(t, 2.0, ask(a, Key{Lo: 1}, r).Stat.Remaining)
	assert.Equal(t, 6.0, ask(a, Key{Lo: 2}, r).Stat.Remaining)
}

// Copies are bounded apart from keys, and a malformed record changes nothing.
func TestInstallIsBounded(t *testing.T) {
	s := start(t, Config{Partitions: 1, Track: true, Mode: Redirect, MaxKeys: 2})
	body := (&strategy.Records{}).Append(nil)
	recs := []Record{{Key{Lo: 1}, body}, {Key{Lo: 2}, body}, {Key{Lo: 3}, body}}
	assert.ErrorIs(t, s.Install(0, recs, 1, 0), ErrOverloaded)
	assert.Equal(t, int64(2), s.Copies())
	assert.Zero(t, s.Keys())
	assert.Error(t, s.Install(0, []Record{{Key{Lo: 1}, []byte{99}}}, 1, 0))
	assert.Equal(t, int64(2), s.Copies())
	require.NoError(t, s.Install(0, []Record{{Key: Key{Lo: 1}}}, 2, 0))
	assert.Equal(t, int64(1), s.Copies())
	s.Discard(0)
	assert.Zero(t, s.Copies())
}
