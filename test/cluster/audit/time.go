package audit

import (
	"slices"
	"time"
)

// Hits are the hits of a log, each as its last attempt.
func Hits(answers []Answer) []Answer {
	last := map[int]Answer{}
	for _, a := range answers {
		if b, ok := last[a.Hit]; !ok || a.Attempt > b.Attempt {
			last[a.Hit] = a
		}
	}
	hits := make([]Answer, 0, len(last))
	for _, a := range last {
		hits = append(hits, a)
	}
	slices.SortFunc(hits, func(a, b Answer) int { return a.Hit - b.Hit })
	return hits
}

// Failed are the hits that no attempt decided.
func Failed(answers []Answer) []Answer {
	return slices.DeleteFunc(Hits(answers), func(a Answer) bool { return a.Verdict != Unknown })
}

// Outages are, for each of the keys, the time from the instant until somebody was told a decision of an owner on a hit
// that was sent after it. A key without any is told as forever.
func Outages(answers []Answer, keys []string, from time.Duration) map[string]time.Duration {
	out := make(map[string]time.Duration, len(keys))
	for _, key := range keys {
		out[key] = forever
	}
	for i := range answers {
		a := &answers[i]
		if wait, ok := out[a.Key]; ok && a.decided() && a.Sent >= from {
			out[a.Key] = min(wait, a.Received-from)
		}
	}
	return out
}

// forever is longer than any log.
const forever = time.Duration(1<<63 - 1)

// Latencies are the times from when each hit was due until it was decided, or given up.
func Latencies(answers []Answer) []time.Duration {
	hits := Hits(answers)
	took := make([]time.Duration, len(hits))
	for i := range hits {
		took[i] = hits[i].Received - hits[i].Due
	}
	return took
}

// Percentile is the smallest of the times that at least the fraction q of them do not exceed; 0 if there are none.
func Percentile(times []time.Duration, q float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	n := float64(len(sorted)) * q
	i := int(n)
	if float64(i) == n && i > 0 {
		i--
	}
	return sorted[min(i, len(sorted)-1)]
}

// PerSecond is the percentile of the latencies of the hits that were due in each second of the log, from 0 on.
func PerSecond(answers []Answer, q float64) []time.Duration {
	var seconds [][]time.Duration
	for _, a := range Hits(answers) {
		s := int(a.Due / time.Second)
		for len(seconds) <= s {
			seconds = append(seconds, nil)
		}
		seconds[s] = append(seconds[s], a.Received-a.Due)
	}
	out := make([]time.Duration, len(seconds))
	for i, times := range seconds {
		out[i] = Percentile(times, q)
	}
	return out
}
