package strategy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"
)

// everyKind is a strategy of each kind, as it is without parameters.
func everyKind(tb testing.TB) map[string]Strategy {
	all := map[string]Strategy{}
	for _, k := range builtins() {
		s, err := k.Parse(nil)
		require.NoError(tb, err)
		all[k.Name] = s
	}
	return all
}

// benchStart is an instant like those that nodes see.
const benchStart = Time(1_767_225_600_000_000)

// BenchmarkHit charges one key at twice its rate: every other hit is refused.
func BenchmarkHit(b *testing.B) {
	for _, k := range builtins() {
		b.Run(k.Name, func(b *testing.B) {
			p := MustPolicy(Limit{Rate: MustRate("1000/s"), Strategy: everyKind(b)[k.Name]})
			var rs Records
			h, now := NewHit("user:42", p), benchStart
			b.ReportAllocs()
			for b.Loop() {
				now += 500
				if _, err := rs.Decide(now, h, true); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkStat asks about a key that was used.
func BenchmarkStat(b *testing.B) {
	for _, k := range builtins() {
		b.Run(k.Name, func(b *testing.B) {
			p := MustPolicy(Limit{Rate: MustRate("1000/s"), Strategy: everyKind(b)[k.Name]})
			var rs Records
			h, now := NewHit("user:42", p), benchStart
			for range 100 {
				now += 10
				_, err := rs.Decide(now, h, true)
				require.NoError(b, err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := rs.Stat(now, h); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDecision is one pure decision beside that of golang.org/x/time/rate: run it with -count and compare the
// three in one run.
func BenchmarkDecision(b *testing.B) {
	const perSecond, burst = 1_000_000, 100
	r := MustRate("1000000/s")
	for _, s := range []Strategy{TokenBucket{BurstSize: burst}, GCRA{Burst: burst}} {
		b.Run(s.Name(), func(b *testing.B) {
			a, err := s.Bind(r)
			require.NoError(b, err)
			st, h, now := a.New(), Hit{Key: "user:42", Cost: 1}, benchStart
			allowed := 0
			for b.Loop() {
				now++
				if a.Decide(st, now, h, true).Allowed {
					allowed++
				}
			}
			require.Positive(b, allowed)
		})
	}
	b.Run("x_time_rate", func(b *testing.B) {
		l := rate.NewLimiter(perSecond, burst)
		now, allowed := benchStart.Go(), 0
		for b.Loop() {
			now = now.Add(time.Microsecond)
			if l.AllowN(now, 1) {
				allowed++
			}
		}
		require.Positive(b, allowed)
	})
}

// A hit and a stat allocate nothing, whatever they are answered. Logs grow while they fill, and not after.
func TestNoAllocations(t *testing.T) {
	for name, s := range everyKind(t) {
		p := MustPolicy(Limit{Rate: MustRate("100/s"), Strategy: s})
		var rs Records
		h, now := NewHit("a:priority:high:tier:gold:user:42", p), benchStart
		hit := func() {
			now += 4000 // more than the rate, so that some are refused
			_, err := rs.Decide(now, h, true)
			assert.NoError(t, err)
		}
		for range 2000 {
			hit()
		}
		assert.Zero(t, testing.AllocsPerRun(2000, hit), "%s: a hit", name)
		h.Cost = 7
		assert.Zero(t, testing.AllocsPerRun(2000, hit), "%s: a hit that costs more", name)
		assert.Zero(t, testing.AllocsPerRun(2000, func() {
			_, _, err := rs.Stat(now, h)
			assert.NoError(t, err)
		}), "%s: a stat", name)
	}
}
