package actor

import (
	"context"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/strategy"
)

func TestConfigValidate(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{}, ""},
		{Config{Partitions: 1}, ""},
		{Config{Partitions: 3}, "partitions: 3 is not a power of two up to 1048576"},
		{Config{Partitions: -4}, "partitions: -4 is not a power of two up to 1048576"},
		{Config{Partitions: 1 << 21}, "partitions: 2097152 is not a power of two up to 1048576"},
		{Config{MaxKeys: -1, MaxWaiting: -2}, "MaxKeys: -1 is negative\nMaxWaiting: -2 is negative"},
		{Config{MaxMailbox: -1}, "MaxMailbox: -1 is negative"},
		{Config{MaxWaiters: -1}, "MaxWaiters: -1 is negative"},
	} {
		err := c.cfg.Validate()
		if c.want == "" {
			assert.NoError(t, err)
			continue
		}
		assert.EqualError(t, err, c.want)
		_, err = New(c.cfg)
		assert.ErrorContains(t, err, c.want)
	}
}

func TestOps(t *testing.T) {
	var now atomic.Int64
	s := start(t, Config{Now: func() strategy.Time { return strategy.Time(now.Load()) }})
	k, p := Key{1 << 63, 7}, policy("5/s", strategy.TokenBucket{})
	op := func(op Op, cost int64) Request {
		r := request(p, cost, 0)
		r.Op = op
		return r
	}
	for i, c := range []struct {
		at        strategy.Time
		r         Request
		allowed   bool
		remaining float64
		wait      time.Duration
	}{
		{0, op(OpCheck, 5), true, 5, 0},
		{0, op(OpHit, 3), true, 2, 0},
		{0, op(OpCheck, 3), false, 2, 200 * time.Millisecond},
		{0, op(OpHit, 3), false, 2, 200 * time.Millisecond},
		{200_000, op(OpHit, 3), true, 0, 0},
		{0, op(OpHit, 1), false, 0, 200 * time.Millisecond}, // the clock stands still: Guarantee 8
		{200_000, op(OpHit, 6), false, 0, strategy.Never},
	} {
		now.Store(int64(c.at))
		a := ask(s, k, c.r)
		require.NoError(t, a.Err)
		assert.Equal(t, strategy.Verdict{Allowed: c.allowed, Remaining: c.remaining, Wait: c.wait, Limit: 5},
			a.Decision.Verdict, "%d", i)
		assert.Equal(t, max(c.at, a.Decision.At), a.Decision.At, "%d", i)
	}
	require.NoError(t, ask(s, k, op(OpRefund, 2)).Err)
	a := ask(s, k, op(OpStat, 0))
	require.NotNil(t, a.Stat)
	assert.Equal(t, strategy.Stat{Key: "k", Rate: strategy.MustRate("5/s"), Remaining: 2, Limit: 5}, *a.Stat)
	assert.EqualError(t, ask(s, k, Request{Op: 99, Hit: op(OpHit, 1).Hit}).Err, "op: 99 is unknown")
	assert.EqualValues(t, 1, s.Keys())
	assert.Equal(t, 1, s.KeysOf(DefaultPartitions/2))
	assert.Zero(t, s.KeysOf(0))
	assert.Zero(t, s.KeysOf(-1))

	s.Forget(k)
	assert.Zero(t, s.Keys())
	assert.EqualValues(t, 5, ask(s, k, op(OpCheck, 1)).Decision.Remaining)
}

// Guarantee 11.
func TestReadingMakesNoActor(t *testing.T) {
	s := start(t, Config{})
	r := request(policy("5/s", strategy.GCRA{Burst: 5}), 1, 0)
	for _, r.Op = range []Op{OpCheck, OpStat, OpRefund} {
		a := ask(s, Key{1, 2}, r)
		require.NoError(t, a.Err)
		assert.Equal(t, r.Op == OpCheck, a.Decision.Allowed)
		assert.Equal(t, r.Op == OpStat, a.Stat != nil && a.Stat.Remaining == 5)
		assert.Zero(t, s.Keys())
	}
	s.Forget(Key{1, 2})
	assert.Zero(t, s.Keys())
}

func TestUnlimited(t *testing.T) {
	s := start(t, Config{})
	p := strategy.MustPolicy(strategy.Limit{Rate: strategy.Unlimited()})
	a := ask(s, Key{}, request(p, 1, time.Second))
	require.NoError(t, a.Err)
	assert.True(t, a.Decision.Allowed)
	assert.Equal(t, math.Inf(1), a.Decision.Remaining)
}

func TestDoneContextAsksNothing(t *testing.T) {
	s := start(t, Config{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	a := s.Ask(ctx, Key{}, request(policy("5/s", nil), 1, 0))
	assert.ErrorIs(t, a.Err, context.Canceled)
	assert.Zero(t, s.Keys())
}

func TestTellRepliesAtOnceWhenIdle(t *testing.T) {
	s := start(t, Config{})
	r := make(replies, 1)
	s.Tell(Key{}, request(policy("5/s", nil), 2, 0), 1234, r)
	a := <-r
	require.NoError(t, a.Err)
	assert.EqualValues(t, 3, a.Decision.Remaining)
	assert.EqualValues(t, 1234, a.Decision.At)
	// Guarantee 8: a batch that was read before the last turn does not turn the clock back.
	s.Tell(Key{}, request(policy("5/s", nil), 2, 0), 1000, r)
	assert.EqualValues(t, 1234, (<-r).Decision.At)
}

func TestOnePartition(t *testing.T) {
	s := start(t, Config{Partitions: 1})
	for i := range uint64(100) {
		ask(s, Key{i << 57, i}, request(policy("5/day", nil), 1, 0))
	}
	assert.Equal(t, 100, s.KeysOf(0))
}

// Guarantee 9.
func TestClosedIsAnswered(t *testing.T) {
	s := start(t, Config{})
	ask(s, Key{1, 1}, request(policy("5/s", nil), 1, 0))
	s.Close()
	s.Close()
	for _, k := range []Key{{1, 1}, {1 << 60, 1}} {
		assert.ErrorIs(t, ask(s, k, request(policy("5/s", nil), 1, time.Second)).Err, ErrClosed)
		r := make(replies, 1)
		s.Tell(k, Request{Op: OpStat}, 0, r)
		assert.ErrorIs(t, (<-r).Err, ErrClosed)
		s.Forget(k)
	}
	assert.EqualValues(t, 1, s.Keys())
}
