package actor

import (
	"bytes"
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/strategy"
)

// blocked is an actor whose turn is held up.
type blocked struct {
	custom
	p     *strategy.Policy
	s     *System
	first replies // of the caller whose turn that is
}

// block has a caller of its own run a turn that is held up until leave is sent to.
func block(t *testing.T, cfg Config) blocked {
	b := blocked{custom: custom{make(chan struct{}), make(chan struct{})}, first: make(replies, 1)}
	b.p = policy("10/day", b.custom)
	cfg.Registry = registry(t)
	b.s = start(t, cfg)
	go func() { b.first <- ask(b.s, Key{}, b.blocker()) }()
	<-b.entered
	return b
}

func (b blocked) blocker() Request {
	r := request(b.p, 1, 0)
	r.Hit.Key = "block"
	return r
}

// Guarantee 1: what is posted has its turn in order, whatever it asks.
func TestMailInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := block(t, Config{})
		got := make(replies, 10)
		for range 5 {
			b.s.Tell(Key{}, request(b.p, 1, 0), 0, got)
			b.s.Tell(Key{}, Request{Op: OpCheck, Hit: request(b.p, 1, 0).Hit}, 0, got)
		}
		b.leave <- struct{}{}
		for _, remaining := range []float64{8, 8, 7, 7, 6, 6, 5, 5, 4, 4} {
			a := <-got
			require.NoError(t, a.Err)
			assert.Equal(t, remaining, a.Decision.Remaining)
		}
	})
}

// goroutines is how many goroutines of actors there are.
func goroutines() int {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return bytes.Count(stacks, []byte("actor.(*mailbox).run("))
}

// Guarantee 2: none while idle, none for a turn on its caller's goroutine, one while there is mail.
func TestGoroutineWhileBusyOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := block(t, Config{})
		got := make(replies, 3)
		b.s.Tell(Key{}, request(b.p, 1, 0), 0, got)
		b.s.Tell(Key{}, b.blocker(), 0, got)
		assert.Zero(t, goroutines())
		assert.Empty(t, b.first)

		b.leave <- struct{}{}
		<-b.entered
		synctest.Wait()
		assert.Equal(t, 1, goroutines())
		assert.Len(t, b.first, 1) // not held up by the others' mail
		assert.Empty(t, got)
		b.s.Tell(Key{}, request(b.p, 1, 0), 0, got) // comes while the goroutine is in a turn

		b.leave <- struct{}{}
		synctest.Wait()
		assert.Len(t, got, 3)
		assert.Zero(t, goroutines())
		assert.EqualValues(t, 5, ask(b.s, Key{}, request(b.p, 1, 0)).Decision.Remaining)
	})
}

// Guarantee 4.
func TestMailboxIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := block(t, Config{MaxMailbox: 2})
		got := make(replies, 2)
		b.s.Tell(Key{}, request(b.p, 1, 0), 0, got)
		b.s.Tell(Key{}, request(b.p, 1, 0), 0, got)
		a := ask(b.s, Key{}, request(b.p, 1, 0))
		assert.ErrorIs(t, a.Err, ErrOverloaded)
		assert.EqualError(t, a.Err, "overloaded: MaxMailbox of 2 is reached for the key")
		assert.True(t, ask(b.s, Key{Lo: 1}, request(b.p, 1, 0)).Decision.Allowed) // another key goes on
		b.leave <- struct{}{}
		<-got
		<-got
		assert.EqualValues(t, 6, ask(b.s, Key{}, request(b.p, 1, 0)).Decision.Remaining)
	})
}

// Cancelling ends the caller's wait, not the turn that was posted.
func TestCancelOfPosted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := block(t, Config{})
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		a := b.s.Ask(ctx, Key{}, request(b.p, 4, 0))
		assert.ErrorIs(t, a.Err, context.DeadlineExceeded)

		// One that may wait is told by the actor, since it must not be charged after that.
		done := make(replies, 1)
		ctx, cancel = context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		go func() { done <- b.s.Ask(ctx, Key{}, request(b.p, 1, 2*time.Second)) }()
		time.Sleep(2 * time.Second)
		assert.Empty(t, done)
		b.leave <- struct{}{}
		assert.EqualValues(t, 4, (<-done).Decision.Remaining)
	})
}

// Guarantee 9: what is posted has its turn, and Close waits for it.
func TestCloseDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := block(t, Config{})
		got := make(replies, 2)
		b.s.Tell(Key{}, request(b.p, 3, 0), 0, got)
		closed := make(chan struct{})
		go func() {
			b.s.Close()
			close(closed)
		}()
		synctest.Wait()
		b.s.Tell(Key{}, request(b.p, 3, 0), 0, got)
		assert.ErrorIs(t, (<-got).Err, ErrClosed)
		select {
		case <-closed:
			t.Error("closed while a turn is running")
		default:
		}
		b.leave <- struct{}{}
		<-closed
		assert.EqualValues(t, 6, (<-got).Decision.Remaining)
	})
}

// Forget has its turn after what was posted before it.
func TestForgetIsPosted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := block(t, Config{})
		got := make(replies, 1)
		b.s.Tell(Key{}, request(b.p, 3, 0), 0, got)
		go b.s.Forget(Key{})
		synctest.Wait()
		b.leave <- struct{}{}
		assert.EqualValues(t, 6, (<-got).Decision.Remaining)
		synctest.Wait()
		assert.EqualValues(t, 9, ask(b.s, Key{}, request(b.p, 1, 0)).Decision.Remaining)
	})
}

// A Replier may call the System.
func TestReplyMayAskAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := block(t, Config{})
		done := make(replies, 1)
		b.s.Tell(Key{}, request(b.p, 1, 0), 0, again{b, done})
		b.leave <- struct{}{}
		assert.EqualValues(t, 7, (<-done).Decision.Remaining)
	})
}

type again struct {
	blocked
	done replies
}

func (a again) Reply(Answer) { a.s.Tell(Key{}, request(a.p, 1, 0), 0, a.done) }
