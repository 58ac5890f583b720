package actor

import (
	"context"
	"encoding/binary"
	"hash/maphash"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"

	"github.com/traffik-io/traffik/strategy"
)

// yardstick is what the actors are measured against: a sharded mutex and map, the decision made under the lock.
type yardstick struct {
	now    func() strategy.Time
	shards [1024]struct {
		mu      sync.Mutex
		entries map[Key]*strategy.Records
		_       [48]byte
	}
}

func newYardstick() *yardstick {
	y := &yardstick{now: sinceStart()}
	for i := range y.shards {
		y.shards[i].entries = map[Key]*strategy.Records{}
	}
	return y
}

func (y *yardstick) Hit(k Key, h strategy.Hit) (strategy.Decision, error) {
	now := y.now()
	s := &y.shards[k.Hi>>54]
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[k]
	if e == nil {
		e = new(strategy.Records)
		s.entries[k] = e
	}
	return e.Decide(now, h, true)
}

var benchPolicy = strategy.MustPolicy(strategy.Limit{
	Rate:     strategy.MustRate("1000000/s"),
	Strategy: strategy.TokenBucket{BurstSize: 1000},
})

func benchKeys(n int) []Key {
	r := rand.New(rand.NewPCG(1, 2))
	keys := make([]Key, n)
	for i := range keys {
		keys[i] = Key{r.Uint64(), r.Uint64()}
	}
	return keys
}

// BenchmarkHit compares a hit of the actors with one of the yardstick: one hot key, and 100,000 keys at random.
func BenchmarkHit(b *testing.B) {
	for _, c := range []struct {
		name string
		keys int
	}{{"hot", 1}, {"random", 100_000}} {
		keys := benchKeys(c.keys)
		b.Run(c.name+"/actor", func(b *testing.B) {
			s := start(b, Config{})
			r := request(benchPolicy, 1, 0)
			benchHits(b, keys, func(k Key) error { return s.Ask(context.Background(), k, r).Err })
		})
		b.Run(c.name+"/yardstick", func(b *testing.B) {
			y := newYardstick()
			h := strategy.NewHit("k", benchPolicy)
			benchHits(b, keys, func(k Key) error {
				_, err := y.Hit(k, h)
				return err
			})
		})
	}
}

// benchHits has 16 callers per core hit keys at random, after each key was hit once.
func benchHits(b *testing.B, keys []Key, hit func(Key) error) {
	for _, k := range keys {
		if err := hit(k); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		x := rand.Uint32()
		for pb.Next() {
			x = x*1664525 + 1013904223
			if err := hit(keys[uint64(x)*uint64(len(keys))>>32]); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkMailbox has batches of 64 hits posted to an actor that is busy, and drained by its goroutine.
func BenchmarkMailbox(b *testing.B) {
	const batch = 64
	s := start(b, Config{})
	r := request(benchPolicy, 1, 0)
	ask(s, Key{}, r)
	p := s.partition(Key{})
	a := p.actors.get(Key{})
	var got Replier = make(replies, batch)
	b.ReportAllocs()
	for i := 0; i < b.N; i += batch {
		for taken := false; !taken; { // the goroutine may be about to let go
			p.mu.Lock()
			taken = a.takeLocked()
			p.mu.Unlock()
		}
		for range batch {
			s.Tell(Key{}, r, 0, got)
		}
		s.leave(p, a)
		for range batch {
			<-got.(replies)
		}
	}
}

// BenchmarkIdleKey prints the bytes of live heap that one idle key costs.
func BenchmarkIdleKey(b *testing.B) {
	const n = 1_000_000
	for b.Loop() {
		before := liveHeap()
		s, err := New(Config{})
		if err != nil {
			b.Fatal(err)
		}
		seed := maphash.MakeSeed()
		var name [8]byte
		for i := range uint64(n) {
			binary.LittleEndian.PutUint64(name[:], i)
			hi := maphash.Bytes(seed, name[:])
			s.Ask(context.Background(), Key{hi, i}, Request{Hit: strategy.NewHit("k", benchPolicy)})
		}
		b.ReportMetric(float64(liveHeap()-before)/float64(s.Keys()), "B/key")
		s.Close()
	}
}

func liveHeap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
