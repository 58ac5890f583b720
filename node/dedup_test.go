package node

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/strategy"
	"github.com/traffik-io/traffik/transport"
)

func allowed(remaining float64) *transport.HitResponse {
	v := strategy.Verdict{Allowed: true, Remaining: remaining}
	return &transport.HitResponse{Status: transport.Decided, Decision: strategy.Decision{Verdict: v}}
}

// Guarantee 2: while a hit may be sent again, its second coming is recognised, and gets the first answer.
func TestDedup(t *testing.T) {
	d := &dedup{}
	id := uint64(7)<<epochShift | 1
	verdict, hit, _ := d.accept(id, 0, transport.Responder{})
	require.Equal(t, first, verdict)

	verdict, _, _ = d.accept(id, 0, transport.Responder{})
	assert.Equal(t, pending, verdict)
	assert.Len(t, hit.waiting, 1)
	hit.waiting = nil // there is no connection to answer on

	d.answer(hit, allowed(41))
	verdict, _, response := d.accept(id, 0, transport.Responder{})
	assert.Equal(t, decided, verdict)
	assert.Equal(t, 41.0, response.Decision.Remaining)

	verdict, _, _ = d.accept(id+1, 8<<epochShift, transport.Responder{})
	assert.Equal(t, stale, verdict, "its origin said that it waits for nothing in that epoch")
	assert.Zero(t, d.size)
	assert.Empty(t, d.epochs)
}

func TestDedupForgetsWhatWasNotDecided(t *testing.T) {
	d := &dedup{}
	_, hit, _ := d.accept(1, 0, transport.Responder{})
	d.forget(1, hit, &transport.HitResponse{Status: transport.Overloaded})
	verdict, _, _ := d.accept(1, 0, transport.Responder{})
	assert.Equal(t, first, verdict)
	assert.Equal(t, 1, d.size)
}

// What is used again was answered: a turn that still runs keeps its own.
func TestDedupReusesOnlyTheAnswered(t *testing.T) {
	d := &dedup{}
	_, running, _ := d.accept(1, 0, transport.Responder{})
	_, done, _ := d.accept(2, 0, transport.Responder{})
	d.answer(done, allowed(1))
	d.accept(1<<epochShift, 1<<epochShift, transport.Responder{})
	assert.Empty(t, d.free, "it is in use again")
	assert.False(t, done.answered)
	d.answer(running, allowed(2)) // harms nobody
	assert.False(t, done.answered)
}

func TestDedupIsBounded(t *testing.T) {
	d := &dedup{}
	d.size = maxRemembered
	verdict, _, _ := d.accept(1, 0, transport.Responder{})
	assert.Equal(t, full, verdict)
}

// Whatever begins, ends and ticks: an id that is in flight is never settled, and ids are never used twice.
func TestHitIDsSettleOnlyWhatEnded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids, open, seen := newHitIDs(0), []uint64{}, map[uint64]bool{}
		t.Repeat(map[string]func(*rapid.T){
			"begin": func(t *rapid.T) {
				id := ids.begin()
				require.False(t, seen[id])
				seen[id] = true
				open = append(open, id)
			},
			"end": func(t *rapid.T) {
				if len(open) == 0 {
					return
				}
				i := rapid.IntRange(0, len(open)-1).Draw(t, "which")
				ids.end(open[i])
				open = append(open[:i], open[i+1:]...)
			},
			"tick": func(*rapid.T) { ids.tick() },
			"": func(t *rapid.T) {
				for _, id := range open {
					require.GreaterOrEqual(t, id, ids.settledBelow())
				}
			},
		})
		for range open {
			ids.end(open[0])
			open = open[1:]
		}
		ids.tick()
		ids.tick()
		assert.Equal(t, (ids.epoch.Load()-1)<<epochShift, ids.settledBelow(), "all that ended is settled")
	})
}

// An origin whose oldest hit never ends stops to open epochs before the slots run out.
func TestHitIDsKeepTheOldestSlot(t *testing.T) {
	ids := newHitIDs(0)
	id := ids.begin()
	for range 3 * epochSlots {
		ids.tick()
	}
	assert.LessOrEqual(t, ids.settledBelow(), id)
	ids.end(id)
	ids.tick()
	assert.Greater(t, ids.settledBelow(), id)
}

func TestHitIDsUnderLoad(t *testing.T) {
	ids := newHitIDs(0)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 2000 {
				id := ids.begin()
				assert.GreaterOrEqual(t, id, ids.settledBelow())
				ids.end(id)
			}
		})
	}
	for range 500 {
		ids.tick()
	}
	wg.Wait()
}

// A hit that waits for a minute does not keep the ids of all others from settling.
func TestWaitingHitsHaveTheirOwnEpochs(t *testing.T) {
	ids, waits := newHitIDs(0), newHitIDs(waiting)
	held := waits.begin()
	for range 100 {
		ids.end(ids.begin())
		ids.tick()
		waits.tick()
	}
	assert.Equal(t, uint64(100), ids.settledBelow()>>epochShift)
	assert.LessOrEqual(t, waits.settledBelow(), held)
	waits.end(held)
	waits.tick()
	assert.Greater(t, waits.settledBelow(), held)

	n := &Node{}
	assert.Same(t, n.origin(transport.UID{1}, held), n.origin(transport.UID{1}, waits.settledBelow()))
	assert.NotSame(t, n.origin(transport.UID{1}, held), n.origin(transport.UID{1}, ids.begin()))
	verdict, _, _ := n.origin(transport.UID{1}, held).accept(held, waiting, transport.Responder{})
	assert.Equal(t, first, verdict)
}
