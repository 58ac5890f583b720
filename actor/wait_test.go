package actor

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/strategy"
)

const sec = time.Second

// outcome is what became of a hit, and when.
type outcome struct {
	name    string
	after   time.Duration
	allowed bool
	err     error
}

// bubble is a test of one key in a synctest bubble.
type bubble struct {
	t     *testing.T
	s     *System
	start time.Time
	got   chan outcome
}

func inBubble(t *testing.T, cfg Config, f func(*bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f(&bubble{t, start(t, cfg), time.Now(), make(chan outcome, 100)})
	})
}

// hit lets a hit of that name wait, and returns when it has been decided or waits.
func (b *bubble) hit(name string, r Request) { b.hitCtx(context.Background(), name, r) }

func (b *bubble) hitCtx(ctx context.Context, name string, r Request) {
	go func() {
		a := b.s.Ask(ctx, Key{}, r)
		if errors.Is(a.Err, ErrPanic) {
			a.Err = ErrPanic
		}
		b.got <- outcome{name, time.Since(b.start), a.Decision.Allowed, a.Err}
	}()
	synctest.Wait()
}

// want checks the next outcomes; those of one instant may come in any order.
func (b *bubble) want(want ...outcome) {
	b.t.Helper()
	var got []outcome
	for range want {
		got = append(got, <-b.got)
	}
	assert.ElementsMatch(b.t, want, got)
}

// still checks that nothing more has come.
func (b *bubble) still() {
	b.t.Helper()
	synctest.Wait()
	assert.Empty(b.t, b.got)
}

func (b *bubble) ask(r Request) Answer { return ask(b.s, Key{}, r) }

// Guarantee 5: first in, first out, each charged when it is admitted.
func TestLineIsFIFO(t *testing.T) {
	p := policy("1/s", strategy.GCRA{})
	inBubble(t, Config{}, func(b *bubble) {
		for _, name := range []string{"a", "b", "c", "d"} {
			b.hit(name, request(p, 1, 3*sec))
		}
		b.want(outcome{"a", 0, true, nil}, outcome{"b", 1 * sec, true, nil}, outcome{"c", 2 * sec, true, nil},
			outcome{"d", 3 * sec, true, nil}) // at its deadline, exactly as told
		assert.Equal(t, sec, b.ask(request(p, 1, 0)).Decision.Wait)
	})
}

// Guarantee 5: a dear hit is not overtaken by cheap ones, and those that fit at one instant are admitted at once.
func TestLineIsNotOvertaken(t *testing.T) {
	p := policy("10/s", nil)
	inBubble(t, Config{}, func(b *bubble) {
		b.hit("first", request(p, 5, 0))
		b.hit("dear", request(p, 8, sec))
		b.hit("cheap", request(p, 1, sec))
		b.hit("cheaper", request(p, 2, sec))
		b.want(outcome{"first", 0, true, nil})
		b.still()
		// Of ten, one is left for the last, whose time is up with this window.
		b.want(outcome{"dear", sec, true, nil}, outcome{"cheap", sec, true, nil}, outcome{"cheaper", sec, false, nil})
	})
}

// Guarantee 5: the time of those behind the head can be up before that of the head; they are told how long is left.
func TestLineTimesOut(t *testing.T) {
	p := policy("10/min", strategy.SlidingWindowLog{}) // which knows no slots
	inBubble(t, Config{}, func(b *bubble) {
		b.hit("first", request(p, 10, 0))
		b.want(outcome{"first", 0, true, nil})
		b.hit("head", request(p, 10, 60*sec))
		b.hit("never fits in time", request(p, 1, 59*sec))
		b.want(outcome{"never fits in time", 0, false, nil})
		b.hit("second", request(p, 1, 60*sec))
		time.Sleep(30 * sec)
		b.hit("third", request(p, 1, 40*sec))
		b.want(outcome{"head", 60 * sec, true, nil}, outcome{"second", 60 * sec, false, nil})
		b.want(outcome{"third", 70 * sec, false, nil})
		assert.EqualValues(t, 0, b.ask(request(p, 1, 0)).Decision.Remaining)
		assert.Zero(t, b.s.waiting.Load())
	})
}

// A refusal tells whether it is for those who wait: it may end early, when they give up.
func TestRefusedForTheLine(t *testing.T) {
	p := policy("10/s", strategy.TokenBucket{})
	inBubble(t, Config{}, func(b *bubble) {
		b.ask(request(p, 10, 0))
		alone := b.ask(request(p, 5, 0)).Decision
		assert.False(t, alone.Allowed || alone.Queued)
		ctx, giveUp := context.WithCancel(context.Background())
		b.hitCtx(ctx, "dear", request(p, 10, sec))
		time.Sleep(500 * time.Millisecond)
		for _, op := range []Op{OpHit, OpCheck} {
			behind := b.ask(Request{Op: op, Hit: request(p, 1, 0).Hit}).Decision
			assert.False(t, behind.Allowed)
			assert.True(t, behind.Queued)
		}
		giveUp()
		b.want(outcome{"dear", 500 * time.Millisecond, false, context.Canceled})
		early := b.ask(request(p, 1, 0)).Decision
		assert.True(t, early.Allowed && !early.Queued)
	})
}

// Guarantee 5: when the head gives up, the next is tried at once.
func TestNextIsTriedWhenTheHeadGivesUp(t *testing.T) {
	p := policy("10/s", strategy.CostBasedTokenBucket{CostWindow: strategy.None})
	inBubble(t, Config{}, func(b *bubble) {
		b.ask(request(p, 10, 0))
		b.hit("a", request(p, 5, sec))
		b.hit("too long", request(p, 5, 600*time.Millisecond))
		b.hit("cheap", request(p, 1, 5*sec))
		b.want(outcome{"a", 500 * time.Millisecond, true, nil})
		b.want(outcome{"too long", 600 * time.Millisecond, false, nil}, outcome{"cheap", 600 * time.Millisecond, true, nil})
	})
}

// Guarantee 3: nobody is forgotten who has a line, even if a late timer leaves the key neutral before the line moves.
func TestLineIsNotForgotten(t *testing.T) {
	var skew atomic.Int64
	real := sinceStart()
	p := policy("1/s", strategy.GCRA{})
	inBubble(t, Config{Now: func() strategy.Time { return real() + strategy.Time(skew.Load()) }}, func(b *bubble) {
		b.ask(request(p, 1, 0))
		b.hit("a", request(p, 1, sec))
		skew.Store(5_000_000)
		b.s.sweepFrom(0, len(b.s.partitions), 1<<30)
		b.want(outcome{"a", sec, true, nil})
		assert.False(t, b.ask(request(p, 1, 0)).Decision.Allowed)
	})
}

// Guarantee 5: what cannot help is not waited for.
func TestRefusedAtOnce(t *testing.T) {
	p := policy("1/s", strategy.TokenBucket{})
	inBubble(t, Config{}, func(b *bubble) {
		require.True(t, b.ask(request(p, 1, 0)).Decision.Allowed)
		assert.Equal(t, strategy.Never, b.ask(request(p, 2, sec)).Decision.Wait)
		assert.Equal(t, sec, b.ask(request(p, 1, sec-1)).Decision.Wait)
		assert.Zero(t, b.s.waiting.Load())
	})
}

// Guarantee 5: waiting consumes nothing, not even where refusals are recorded; being refused does.
func TestWaitingIsUncharged(t *testing.T) {
	p := policy("5/min", strategy.FixedWindow{CountRejected: true})
	inBubble(t, Config{}, func(b *bubble) {
		b.hit("all", request(p, 5, 0))
		b.hit("waits", request(p, 4, 60*sec))
		b.want(outcome{"all", 0, true, nil}, outcome{"waits", 60 * sec, true, nil})
		assert.EqualValues(t, 1, b.ask(Request{Op: OpCheck, Hit: strategy.NewHit("k", p)}).Decision.Remaining)
		assert.False(t, b.ask(request(p, 2, sec)).Decision.Allowed) // too short to wait: a refusal as any other
		assert.EqualValues(t, 0, b.ask(Request{Op: OpCheck, Hit: strategy.NewHit("k", p)}).Decision.Remaining)
	})
}

// Guarantee 5: a cancelled hit leaves the line, wherever it stands, and those behind move up.
func TestCancelLeavesTheLine(t *testing.T) {
	p := policy("10/s", nil)
	inBubble(t, Config{}, func(b *bubble) {
		ctx, cancel := context.WithCancel(context.Background())
		b.hit("first", request(p, 5, 0))
		b.want(outcome{"first", 0, true, nil})
		b.hitCtx(ctx, "dear", request(p, 9, sec))
		b.hit("cheap", request(p, 3, sec))
		ctx2, cancel2 := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel2()
		b.hitCtx(ctx2, "last", request(p, 1, sec))
		b.want(outcome{"last", 100 * time.Millisecond, false, context.DeadlineExceeded})
		cancel()
		b.want(outcome{"dear", 100 * time.Millisecond, false, context.Canceled},
			outcome{"cheap", 100 * time.Millisecond, true, nil})
		assert.EqualValues(t, 2, b.ask(Request{Op: OpCheck, Hit: strategy.NewHit("k", p)}).Decision.Remaining)
	})
}

// Guarantee 6: a hit, a check and a stat that come while someone waits.
func TestBehindTheLine(t *testing.T) {
	p := policy("10/s", strategy.TokenBucket{})
	inBubble(t, Config{}, func(b *bubble) {
		b.hit("first", request(p, 5, 0))
		b.hit("waits", request(p, 10, sec))
		b.want(outcome{"first", 0, true, nil})
		time.Sleep(sec / 4)
		for _, op := range []Op{OpHit, OpCheck} {
			a := b.ask(Request{Op: op, Hit: strategy.NewHit("k", p)})
			require.NoError(t, a.Err)
			assert.Equal(t, strategy.Verdict{Wait: 350 * time.Millisecond, Limit: 10}, a.Decision.Verdict)
		}
		st := b.ask(Request{Op: OpStat, Hit: strategy.NewHit("k", p)}).Stat
		assert.Equal(t, 350*time.Millisecond, st.Wait)
		assert.Zero(t, st.Remaining)
		assert.Equal(t, strategy.Never, b.ask(request(p, 11, 0)).Decision.Wait)
		for _, op := range []Op{OpHit, OpCheck} { // what costs nothing waits for nobody
			r := request(p, 0, sec)
			r.Op = op
			assert.True(t, b.ask(r).Decision.Allowed)
		}
		b.want(outcome{"waits", sec / 2, true, nil})
	})
}

// Guarantee 6: what is told while others wait is true of each strategy that knows slots: refused a microsecond before,
// admitted then.
func TestToldBehindTheLine(t *testing.T) {
	for name, p := range map[string]*strategy.Policy{
		"fixed window": policy("2/s", nil),
		"token bucket": policy("2/s", strategy.TokenBucket{}),
		"gcra":         policy("2/s", strategy.GCRA{}),
		"debt":         policy("2/s", strategy.TokenBucketWithDebt{MaxDebt: 1}),
		"leaky bucket": policy("2/s", strategy.LeakyBucket{}),
		"queue":        policy("2/s", strategy.LeakyBucketWithQueue{}),
	} {
		inBubble(t, Config{}, func(b *bubble) {
			time.Sleep(sec / 4)
			told := make(replies, 10)
			for range cap(told) {
				b.s.Tell(Key{}, request(p, 1, 60*sec), 0, told)
			}
			wait := b.ask(request(p, 1, 0)).Decision.Wait
			assert.Equal(t, wait, b.ask(Request{Op: OpStat, Hit: strategy.NewHit("k", p)}).Stat.Wait, name)
			time.Sleep(wait - time.Microsecond)
			assert.False(t, b.ask(request(p, 1, 0)).Decision.Allowed, name)
			time.Sleep(time.Microsecond)
			assert.True(t, b.ask(request(p, 1, 0)).Decision.Allowed, name)
			assert.Len(t, told, cap(told), name)
		})
	}
}

// Guarantee 6: where the strategy knows slots, the wait is that of the slot.
func TestSlots(t *testing.T) {
	p := policy("10/min", custom{})
	inBubble(t, Config{Registry: registry(t)}, func(b *bubble) {
		b.hit("first", request(p, 10, 0))
		time.Sleep(30 * sec)
		b.hit("waits", request(p, 3, 60*sec))
		assert.Equal(t, 33*sec, b.ask(request(p, 1, 32*sec)).Decision.Wait) // refused at once: 30 s and 3 ahead
		ctx, cancel := context.WithCancel(context.Background())
		b.hitCtx(ctx, "gone", request(p, 4, 33*sec))
		assert.Equal(t, 37*sec, b.ask(request(p, 1, 0)).Decision.Wait)
		cancel()
		b.want(outcome{"first", 0, true, nil}, outcome{"gone", 30 * sec, false, context.Canceled})
		assert.Equal(t, 33*sec, b.ask(request(p, 1, 0)).Decision.Wait)
		b.want(outcome{"waits", 60 * sec, true, nil})
	})
}

func TestRefundAdmits(t *testing.T) {
	p := policy("5/min", strategy.FixedWindow{})
	inBubble(t, Config{}, func(b *bubble) {
		first := b.ask(request(p, 5, 0)).Decision
		b.hit("a", request(p, 2, 60*sec))
		b.hit("b", request(p, 2, 60*sec))
		time.Sleep(sec)
		r := request(p, 3, 0)
		r.Op, r.Charged = OpRefund, first.At
		require.NoError(t, b.ask(r).Err)
		b.want(outcome{"a", sec, true, nil}, outcome{"b", 60 * sec, true, nil})
	})
}

func TestForgetAdmits(t *testing.T) {
	p := policy("5/min", strategy.SlidingWindowLog{})
	inBubble(t, Config{}, func(b *bubble) {
		b.ask(request(p, 5, 0))
		b.hit("a", request(p, 5, 60*sec))
		b.hit("b", request(p, 1, 60*sec))
		b.s.Forget(Key{})
		b.want(outcome{"a", 0, true, nil})
		b.still()
		b.s.sweepFrom(0, len(b.s.partitions), 1<<30)
		assert.EqualValues(t, 1, b.s.Keys()) // Guarantee 3: nobody is forgotten who has a line
		b.want(outcome{"b", 60 * sec, true, nil})
	})
}

// Guarantee 9.
func TestCloseEndsTheLine(t *testing.T) {
	p := policy("5/min", strategy.SlidingWindowLog{})
	inBubble(t, Config{}, func(b *bubble) {
		b.ask(request(p, 5, 0))
		b.hit("a", request(p, 5, 60*sec))
		told := make(replies, 1)
		b.s.Tell(Key{}, request(p, 1, 60*sec), 0, told)
		b.s.Close()
		b.want(outcome{"a", 0, false, ErrClosed})
		assert.ErrorIs(t, (<-told).Err, ErrClosed)
		assert.Zero(t, b.s.waiting.Load())
	})
}

// Guarantee 4.
func TestTooManyWait(t *testing.T) {
	p := policy("5/min", nil)
	inBubble(t, Config{MaxWaiters: 2, MaxWaiting: 3}, func(b *bubble) {
		b.ask(request(p, 5, 0))
		b.hit("a", request(p, 1, 60*sec))
		b.hit("b", request(p, 1, 60*sec))
		a := b.ask(request(p, 1, 60*sec))
		assert.ErrorIs(t, a.Err, ErrOverloaded)
		assert.EqualError(t, a.Err, "overloaded: MaxWaiters of 2 is reached for the key")

		other := Key{Lo: 1}
		ask(b.s, other, request(p, 5, 0))
		told := make(replies, 1)
		b.s.Tell(other, request(p, 1, 60*sec), 0, told)
		a = ask(b.s, other, request(p, 1, 60*sec))
		assert.ErrorIs(t, a.Err, ErrOverloaded)
		assert.EqualError(t, a.Err, "overloaded: MaxWaiting of 3 is reached")
		assert.False(t, a.Decision.Allowed)
		b.want(outcome{"a", 60 * sec, true, nil}, outcome{"b", 60 * sec, true, nil})
		assert.True(t, (<-told).Decision.Allowed)
		assert.Zero(t, b.s.waiting.Load())
	})
}

// Thousands of waiters are admitted in order; each costs a message, none a goroutine of the actor.
func TestThousandsWait(t *testing.T) {
	const n = 5000
	p := policy("100/s", strategy.GCRA{})
	inBubble(t, Config{}, func(b *bubble) {
		b.ask(request(p, 1, 0))
		told := make(replies, n)
		for range n {
			b.s.Tell(Key{}, request(p, 1, 60*sec), 0, told)
		}
		last := strategy.Time(0)
		for range n {
			a := <-told
			require.True(t, a.Decision.Allowed)
			require.Greater(t, a.Decision.At, last)
			last = a.Decision.At
		}
		assert.Equal(t, n*sec/100, time.Since(b.start))
	})
}

// A timer that is late admits late, also who would have been refused by then.
func TestLateTimer(t *testing.T) {
	var skew atomic.Int64
	real := sinceStart()
	p := policy("1/s", strategy.GCRA{})
	inBubble(t, Config{Now: func() strategy.Time { return real() + strategy.Time(skew.Load()) }}, func(b *bubble) {
		b.ask(request(p, 1, 0))
		b.hit("a", request(p, 1, sec))
		b.hit("b", request(p, 1, 2*sec))
		skew.Store(5_000_000)
		b.want(outcome{"a", sec, true, nil}, outcome{"b", sec, false, nil})
	})
}
