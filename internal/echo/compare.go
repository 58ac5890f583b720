package echo

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Share calls do n times, from that many callers.
func Share(callers, n int, do func(caller, i int)) time.Duration {
	var next atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for caller := range callers {
		wg.Go(func() {
			for {
				i := int(next.Add(1))
				if i > n {
					return
				}
				do(caller, i)
			}
		})
	}
	wg.Wait()
	return time.Since(began)
}

// Compare runs b.N of each from that many callers, in short turns, so that both see the same machine. It reports hits and
// echoes per second and their ratio; with one caller also the ratio of the medians of the time that one takes.
func Compare(b *testing.B, callers int, hit, echo func(caller, i int)) {
	Share(callers, 4*callers, hit)
	Share(callers, 4*callers, echo)
	b.ReportAllocs()
	slice := max(callers*100, 2000)
	var hitTime, echoTime time.Duration
	var hitLat, echoLat []time.Duration
	timed := func(do func(int, int), into *[]time.Duration) func(int, int) {
		if callers > 1 {
			return do
		}
		return func(caller, i int) {
			t := time.Now()
			do(caller, i)
			*into = append(*into, time.Since(t))
		}
	}
	hit, echo = timed(hit, &hitLat), timed(echo, &echoLat)
	b.ResetTimer()
	for left := b.N; left > 0; left -= slice {
		n := min(slice, left)
		hitTime += Share(callers, n, hit)
		b.StopTimer()
		echoTime += Share(callers, n, echo)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.N)/hitTime.Seconds(), "hits/s")
	b.ReportMetric(float64(b.N)/echoTime.Seconds(), "echoes/s")
	b.ReportMetric(100*echoTime.Seconds()/hitTime.Seconds(), "%ofEcho")
	if callers == 1 {
		b.ReportMetric(median(hitLat).Seconds()/median(echoLat).Seconds(), "p50/echo")
	}
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}
