package audit

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Reopened are the hits that were admitted although one of no higher cost, on the same key, had been denied before
// they were sent.
func Reopened(answers []Answer) (found []Answer) {
	for _, list := range byKey(answers) {
		for i := range list {
			a := &list[i]
			if a.charged() && slices.ContainsFunc(list, func(b Answer) bool {
				return b.decided() && b.Verdict == Denied && b.Cost <= a.Cost && b.Received < a.Sent
			}) {
				found = append(found, *a)
			}
		}
	}
	return found
}

// Stale are the answers of an owner that had been replaced: a hit sent later than somebody was told a higher term of
// the key, or the same term by another owner.
func Stale(answers []Answer) (found []Answer) {
	for _, list := range byKey(answers) {
		known := slices.DeleteFunc(slices.Clone(list), func(a Answer) bool { return !a.decided() || a.Term == 0 })
		slices.SortFunc(known, func(a, b Answer) int { return cmp.Compare(a.Received, b.Received) })
		sent := slices.Clone(known)
		slices.SortFunc(sent, func(a, b Answer) int { return cmp.Compare(a.Sent, b.Sent) })
		next, highest := 0, Answer{}
		for _, a := range sent {
			for ; next < len(known) && known[next].Received < a.Sent; next++ {
				if known[next].Term >= highest.Term {
					highest = known[next]
				}
			}
			if a.Term < highest.Term || a.Term == highest.Term && a.Owner != highest.Owner {
				found = append(found, a)
			}
		}
	}
	return found
}

// StaleSince are the answers of owner that came after the instant, although a higher term of the key had been told by
// then: those of a process that woke up and did not know that it was replaced.
func StaleSince(answers []Answer, owner string, since time.Duration) (found []Answer) {
	for _, list := range byKey(answers) {
		var highest uint64
		for i := range list {
			if a := &list[i]; a.decided() && a.Received < since {
				highest = max(highest, a.Term)
			}
		}
		for _, a := range list {
			if a.decided() && a.Owner == owner && a.Received >= since && a.Term != 0 && a.Term < highest {
				found = append(found, a)
			}
		}
	}
	return found
}

// Forgotten are the admitted hits of cost 1 that a later decision on their key knew nothing of: one that was sent after
// they had been answered, and that found no more used than they did. It finds what Lost counts, and when it was told.
func Forgotten(answers []Answer) (found []Answer) {
	for _, list := range byKey(answers) {
		admitted := slices.DeleteFunc(slices.Clone(list), func(a Answer) bool { return !a.charged() })
		slices.SortFunc(admitted, func(a, b Answer) int { return cmp.Compare(a.Sent, b.Sent) })
		least := make([]int64, len(admitted)+1) // used, of what was sent from there on
		least[len(admitted)] = math.MaxInt64
		for i := len(admitted) - 1; i >= 0; i-- {
			least[i] = min(least[i+1], admitted[i].Used)
		}
		for _, a := range admitted {
			later, _ := slices.BinarySearchFunc(admitted, a.Received+1, func(b Answer, t time.Duration) int { return cmp.Compare(b.Sent, t) })
			if a.Used >= least[later] {
				found = append(found, a)
			}
		}
	}
	return found
}

// Span is the longest time between the first and the last answer of a group of keys.
func Span(answers []Answer, group func(key string) int) (longest time.Duration) {
	first, last := map[int]time.Duration{}, map[int]time.Duration{}
	for i := range answers {
		g, at := group(answers[i].Key), answers[i].Received
		if since, ok := first[g]; !ok || at < since {
			first[g] = at
		}
		last[g] = max(last[g], at)
		longest = max(longest, last[g]-first[g])
	}
	return longest
}
