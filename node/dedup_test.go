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
	d := newDedup(originKey{})
	id := uint64(7)<<epochShift | 1
	verdict, _ := d.accept(id, 0, transport.Responder{})
	require.Equal(t, first, verdict)

	verdict, _ = d.accept(id, 0, transport.Responder{})
	assert.Equal(t, pending, verdict)
	assert.Nil(t, d.lookup(id), "nobody knows yet")

	assert.Len(t, d.decided(id, allowed(41)), 1, "who waits is answered")
	assert.Empty(t, d.decided(id, allowed(41)), "once")
	verdict, response := d.accept(id, 0, transport.Responder{})
	assert.Equal(t, decided, verdict)
	assert.Equal(t, allowed(41), response)
	assert.Equal(t, allowed(41), d.lookup(id))

	verdict, _ = d.accept(id+1, 8<<epochShift, transport.Responder{})
	assert.Equal(t, stale, verdict, "its origin said that it waits for nothing in that epoch")
	assert.Nil(t, d.lookup(id))
	assert.Zero(t, d.size)
	assert.Empty(t, d.epochs)
}

func TestDedupForgetsWhatWasNotDecided(t *testing.T) {
	d := newDedup(originKey{})
	d.accept(1, 0, transport.Responder{})
	d.accept(1, 0, transport.Responder{})
	assert.Len(t, d.forget(1), 1, "who waits is answered")
	verdict, _ := d.accept(1, 0, transport.Responder{})
	assert.Equal(t, first, verdict)
	assert.Equal(t, 1, d.size)
}

// A turn that outlives its hit, which its origin has given up, harms no other.
func TestDedupIgnoresWhatIsSettled(t *testing.T) {
	d := newDedup(originKey{})
	d.accept(1, 0, transport.Responder{})
	d.accept(1, 0, transport.Responder{})
	const id = 1<<epochShift | 1 // takes the place
	verdict, _ := d.accept(id, 1<<epochShift, transport.Responder{})
	require.Equal(t, first, verdict)
	assert.Len(t, d.decided(1, allowed(2)), 1, "who waits is answered all the same")
	assert.Nil(t, d.lookup(id))
}

// The answer under several limits is remembered as a whole.
func TestDedupRemembersSeveralLimits(t *testing.T) {
	d := newDedup(originKey{})
	res := allowed(1)
	res.Decision.LimitedBy = "daily"
	res.Decision.Limits = []strategy.LimitVerdict{{Name: "burst"}, {Name: "daily"}}
	d.accept(1, 0, transport.Responder{})
	d.decided(1, res)
	assert.Equal(t, res, d.lookup(1))
}

// An epoch is a map by id, whatever the ids are.
func TestEpochIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, want := new(epoch), map[uint64]int64{}
		ids := rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 200), rapid.Map(rapid.Uint64Range(0, 200), func(n uint64) uint64 { return n << 8 }))
		for i, id := range rapid.SliceOfN(ids, 0, 300).Draw(t, "ids") {
			if _, known := want[id]; !known {
				require.Nil(t, e.find(id))
			}
			e.remember(id).limit = int64(i)
			want[id] = int64(i)
		}
		for id, limit := range want {
			require.Equal(t, limit, e.find(id).limit)
		}
		assert.Equal(t, len(want), e.used)
		e.reset()
		for id := range want {
			require.Nil(t, e.find(id))
		}
	})
}

// What one busy epoch needed is not kept for ever.
func TestEpochGivesRoomBack(t *testing.T) {
	e := new(epoch)
	for id := range uint64(1000) {
		e.remember(id)
	}
	e.reset()
	assert.NotEmpty(t, e.slots, "the next is likely to be as busy")
	e.remember(1)
	e.reset()
	assert.Empty(t, e.slots)
}

func TestDedupIsBounded(t *testing.T) {
	d := newDedup(originKey{})
	d.size = maxRemembered
	verdict, _ := d.accept(1, 0, transport.Responder{})
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
	assert.Same(t, n.origins.of(transport.UID{1}, held), n.origins.of(transport.UID{1}, waits.settledBelow()))
	assert.NotSame(t, n.origins.of(transport.UID{1}, held), n.origins.of(transport.UID{1}, ids.begin()))
	verdict, _ := n.origins.of(transport.UID{1}, held).accept(held, waiting, transport.Responder{})
	assert.Equal(t, first, verdict)
}
