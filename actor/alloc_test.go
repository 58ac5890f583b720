//go:build !race

package actor

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/traffik-io/traffik/strategy"
)

// Guarantee 10, on the caller's goroutine. (With the race detector, pools drop at random.)
func TestHitAllocatesNothing(t *testing.T) {
	s := start(t, Config{})
	r := request(policy("1000000/s", strategy.TokenBucket{}), 1, 0)
	mayWait := r
	mayWait.Hit.MaxWait = 1
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var reply Replier = make(replies, 1)
	for name, f := range map[string]func(){
		"ask":      func() { s.Ask(ctx, Key{}, r) },
		"may wait": func() { s.Ask(ctx, Key{}, mayWait) },
		"check":    func() { s.Ask(ctx, Key{}, Request{Op: OpCheck, Hit: r.Hit}) },
		"unseen":   func() { s.Ask(ctx, Key{Lo: 9}, Request{Op: OpCheck, Hit: r.Hit}) },
		"tell": func() {
			s.Tell(Key{}, r, 0, reply)
			<-reply.(replies)
		},
	} {
		assert.Zero(t, testing.AllocsPerRun(1000, f), name)
	}
}

// Guarantee 10, through the mailbox, the goroutine of the actor included.
func TestMailAllocatesOnlyTheKey(t *testing.T) {
	s := start(t, Config{})
	r := request(policy("1000000/s", strategy.TokenBucket{}), 1, 0)
	ask(s, Key{}, r)
	p := s.partition(Key{})
	a := p.actors.get(Key{})
	var reply Replier = make(replies, 3)
	assert.LessOrEqual(t, testing.AllocsPerRun(1000, func() {
		p.mu.Lock()
		a.takeLocked()
		p.mu.Unlock()
		for range 3 {
			s.Tell(Key{}, r, 0, reply)
		}
		s.leave(p, a)
		for range 3 {
			<-reply.(replies)
		}
		for a.state.Load() != idle { // the goroutine is about to let go
			runtime.Gosched()
		}
	}), 3.0, "a copy of the key for each, which Tell borrows")
}
