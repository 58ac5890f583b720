package actor

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/traffik-io/traffik/strategy"
)

// Guarantee 1: of many callers on one key, by all ways at once, exactly the limit is admitted.
func TestConcurrentHitsAreSerial(t *testing.T) {
	const callers, each = 16, 200
	const limit = callers * each / 2
	for _, limiter := range []strategy.Strategy{strategy.TokenBucket{}, strategy.GCRA{Burst: limit}, custom{}} {
		s := start(t, Config{Registry: registry(t)})
		p := strategy.MustPolicy(strategy.Limit{Rate: strategy.MustRate("1600/day"), Strategy: limiter})
		var admitted, answered counter
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				for range each {
					if i%2 == 0 {
						admitted.Reply(ask(s, Key{}, request(p, 1, time.Duration(i%4))))
						answered.n.Add(1)
						continue
					}
					s.Tell(Key{}, request(p, 1, 0), s.cfg.Now(), both{&admitted, &answered})
				}
			})
		}
		wg.Wait()
		s.Close()
		assert.EqualValues(t, limit, admitted.n.Load(), limiter.Name())
		assert.EqualValues(t, callers*each, answered.n.Load())
	}
}

// counter counts admitted hits.
type counter struct{ n atomic.Int64 }

func (c *counter) Reply(a Answer) {
	if a.Decision.Allowed {
		c.n.Add(1)
	}
}

type both struct{ admitted, answered *counter }

func (b both) Reply(a Answer) {
	b.admitted.Reply(a)
	b.answered.n.Add(1)
}

// Guarantee 9: everything at once, cancelled and closed in the middle: each request is answered once, nothing hangs,
// and what is left adds up.
func TestChaos(t *testing.T) {
	for round := range 20 {
		s := start(t, Config{MaxKeys: 8, MaxMailbox: 16, MaxWaiters: 16, MaxWaiting: 40, Partitions: 2})
		p := policy("20000/s", strategy.GCRA{Burst: 3})
		var asked, answered atomic.Int64
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(round), uint64(i)))
				for range 100 {
					k := Key{uint64(r.IntN(2)) << 63, uint64(r.IntN(6))}
					req := request(p, 1, time.Duration(r.IntN(3))*time.Millisecond)
					req.Op = Op(r.IntN(int(OpRefund) + 1))
					switch r.IntN(8) {
					case 0:
						s.Forget(k)
					case 1, 2:
						ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.IntN(300))*time.Microsecond)
						s.Ask(ctx, k, req)
						cancel()
					case 3, 4:
						ask(s, k, req)
					case 5:
						s.sweepFrom(r.IntN(2), 2, 1000)
					default:
						asked.Add(1)
						s.Tell(k, req, s.cfg.Now(), once{&answered})
					}
				}
				if i == 0 {
					s.Close()
				}
			})
		}
		wg.Wait()
		s.Close()
		assert.Equal(t, asked.Load(), answered.Load())
		assert.Zero(t, s.waiting.Load())
		assert.EqualValues(t, s.KeysOf(0)+s.KeysOf(1), s.Keys())
	}
}

type once struct{ n *atomic.Int64 }

func (o once) Reply(Answer) { o.n.Add(1) }
