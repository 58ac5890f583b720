package strategy

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"sort"
)

// costLog remembers what was charged at which instant, for as long as it counts: an entry of instant t counts for one
// period, and no longer at t+period. Costs of one instant share an entry. Running totals make the sum of what counts,
// and the instant from which on it is small enough, a matter of a binary search.
//
// Appending is amortised O(1) and reuses the memory of entries that no longer count.
type costLog struct {
	entries []logEntry // by instant; those before first do not count any more
	first   int
	before  uint64 // the running total before entries[first]
	latest  Time   // of all charges, given back or not
}

// logEntry is an instant and the running total of costs up to and including it. Totals wrap around; only their
// differences mean something.
type logEntry struct {
	at    Time
	total uint64
}

// maxEntries bounds a log. At the bound, entries of one slice of the period, a 2^19th, are merged into the latest of
// them: they count up to a slice too long, and never too short.
const maxEntries = 1 << 20

// live is the index of the first entry that counts at now.
func (l *costLog) live(now Time, period int64) int {
	i, end := l.first, len(l.entries)
	if i == end || int64(now-l.entries[i].at) < period { // the common case
		return i
	}
	return i + sort.Search(end-i, func(j int) bool { return int64(now-l.entries[i+j].at) < period })
}

// from is the sum of the costs from entry i on.
func (l *costLog) from(i int) int64 {
	if i == len(l.entries) {
		return 0
	}
	return int64(l.entries[len(l.entries)-1].total - l.through(i))
}

// through is the running total before entry i.
func (l *costLog) through(i int) uint64 {
	if i == l.first {
		return l.before
	}
	return l.entries[i-1].total
}

// sum is what counts at now.
func (l *costLog) sum(now Time, period int64) int64 { return l.from(l.live(now, period)) }

// add charges cost at now, which is not before the latest charge, and forgets what no longer counts.
func (l *costLog) add(now Time, cost, period int64) {
	l.prune(now, period)
	l.latest = now
	n := len(l.entries)
	switch {
	case n > 0 && l.entries[n-1].at == now:
		l.entries[n-1].total += uint64(cost)
		return
	case n-l.first == maxEntries:
		l.thin(period)
	case n == cap(l.entries) && l.first > n/2:
		l.compact()
	}
	total := l.before
	if n = len(l.entries); n > 0 {
		total = l.entries[n-1].total
	}
	l.entries = append(l.entries, logEntry{now, total + uint64(cost)})
}

// prune forgets what no longer counts at now.
func (l *costLog) prune(now Time, period int64) {
	i := l.live(now, period)
	l.before, l.first = l.through(i), i
	if i == len(l.entries) {
		l.entries, l.first = l.entries[:0], 0
	}
}

// compact moves the entries to the front, or to a smaller array if they fill little of this one.
func (l *costLog) compact() {
	live := l.entries[l.first:]
	if len(live) < cap(l.entries)/8 {
		l.entries = slices.Grow([]logEntry(nil), 2*len(live))
	}
	l.entries = append(l.entries[:0], live...)
	l.first = 0
}

// thin merges the entries of one slice of the period.
func (l *costLog) thin(period int64) {
	l.compact()
	slice := Time(period/(maxEntries/2) + 1)
	kept := l.entries[:0]
	for _, e := range l.entries {
		if n := len(kept); n > 0 && kept[n-1].at/slice == e.at/slice {
			kept[n-1] = e
		} else {
			kept = append(kept, e)
		}
	}
	l.entries = kept
}

// refund takes cost off the entry of that instant, if there is one.
func (l *costLog) refund(at Time, cost int64) {
	i, ok := slices.BinarySearchFunc(l.entries[l.first:], at,
		func(e logEntry, at Time) int { return cmp.Compare(e.at, at) })
	if !ok {
		return
	}
	i += l.first
	had := int64(l.entries[i].total - l.through(i))
	back := min(cost, had)
	for j := i; j < len(l.entries); j++ {
		l.entries[j].total -= uint64(back)
	}
	if back == had {
		l.entries = slices.Delete(l.entries, i, i+1)
	}
}

// join makes l the union of both logs: of an instant in both, the higher cost.
func (l *costLog) join(o *costLog, period int64) {
	joined := costLog{latest: max(l.latest, o.latest), entries: make([]logEntry, 0, len(l.entries)-l.first+len(o.entries)-o.first)}
	total := uint64(0)
	for i, j := l.first, o.first; i < len(l.entries) || j < len(o.entries); {
		at, cost := Time(math.MaxInt64), uint64(0)
		if i < len(l.entries) {
			at = l.entries[i].at
		}
		if j < len(o.entries) {
			at = min(at, o.entries[j].at)
		}
		if i < len(l.entries) && l.entries[i].at == at {
			cost = l.entries[i].total - l.through(i)
			i++
		}
		if j < len(o.entries) && o.entries[j].at == at {
			cost = max(cost, o.entries[j].total-o.through(j))
			j++
		}
		if cost = min(cost, maxCapacity-total); cost > 0 {
			total += cost
			joined.entries = append(joined.entries, logEntry{at, total})
		}
	}
	*l = joined
	l.prune(l.latest, period)
	if len(l.entries)-l.first > maxEntries {
		l.thin(period)
	}
}

// clears is the earliest instant after now from which on what counts, of all logs together, is at most keep. At now it
// is more.
func clears(logs []costLog, now Time, period, keep int64) Time {
	earliest := Time(math.MaxInt64)
	for i := range logs {
		entries := logs[i].entries[logs[i].live(now, period):]
		enough := func(j int) bool { return sums(logs, entries[j].at+Time(period), period) <= keep }
		j := 0 // the oldest entry is mostly enough
		if len(entries) > 0 && !enough(0) {
			j = sort.Search(len(entries), enough)
		}
		if j < len(entries) {
			earliest = min(earliest, entries[j].at+Time(period))
		}
	}
	return earliest
}

// sums is what counts at now, of all logs together.
func sums(logs []costLog, now Time, period int64) (sum int64) {
	for i := range logs {
		sum += logs[i].sum(now, period)
	}
	return sum
}

// neutralAt is when the newest entry stops counting.
func (l *costLog) neutralAt(period int64) Time {
	if n := len(l.entries); n > l.first {
		return max(l.latest, l.entries[n-1].at+Time(period))
	}
	return l.latest
}

// append appends the encoded log: the number of entries; of each the time since the one before and the cost; and the
// time from the last entry to the latest charge.
func (l *costLog) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(l.entries)-l.first))
	last := Time(0)
	for i := l.first; i < len(l.entries); i++ {
		b = binary.AppendVarint(b, int64(l.entries[i].at-last))
		b = binary.AppendUvarint(b, l.entries[i].total-l.through(i))
		last = l.entries[i].at
	}
	return binary.AppendVarint(b, int64(l.latest-last))
}

// log reads what append wrote.
func (r *reader) log() costLog {
	n := r.uint(maxEntries)
	if n > int64(len(r.b))/2 { // each entry takes two bytes at least
		r.b, r.bad = nil, true
		return costLog{}
	}
	l := costLog{entries: make([]logEntry, n)}
	last, total := Time(0), int64(0)
	for i := range l.entries {
		at, cost := last+r.time(), r.uint(maxCapacity-total)
		if cost == 0 || i > 0 && at <= last || !at.valid() {
			r.b, r.bad = nil, true
			return costLog{}
		}
		last, total = at, total+cost
		l.entries[i] = logEntry{at, uint64(total)}
	}
	if l.latest = last + r.time(); l.latest < last && n > 0 || !l.latest.valid() {
		r.b, r.bad = nil, true
	}
	return l
}
