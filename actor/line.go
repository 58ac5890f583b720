package actor

import (
	"container/heap"
	"time"

	"github.com/traffik-io/traffik/strategy"
)

// line is the hits of one key that wait to be admitted, first in, first out, uncharged. It belongs to whoever has the
// turn. The zero value is an empty line.
type line struct {
	first, last *message
	n           int
	cost        int64         // of all together
	deadlines   deadlines     // the same messages, by when their waits are up
	retry       strategy.Time // when the first is tried again
	timer       *time.Timer   // one for the line; set when the actor goes idle
}

// minRetry is the shortest time, in microseconds, after which the first of a line is tried again, so that no strategy
// can make an actor spin.
const minRetry = 100

// next is when something is to be done for the line.
func (l *line) next() strategy.Time { return min(l.retry, l.deadlines[0].deadline) }

// due reports whether something is to be done for the line at now.
func (l *line) due(now strategy.Time) bool { return l.n > 0 && l.next() <= now }

func (l *line) push(m *message) {
	m.next, m.prev = nil, l.last
	if l.last == nil {
		l.first = m
	} else {
		l.last.next = m
	}
	l.last = m
	l.n++
	l.cost += m.Hit.Cost
	heap.Push(&l.deadlines, m)
}

func (l *line) remove(m *message) {
	if m.prev == nil {
		l.first = m.next
	} else {
		m.prev.next = m.next
	}
	if m.next == nil {
		l.last = m.prev
	} else {
		m.next.prev = m.prev
	}
	m.next, m.prev = nil, nil
	l.n--
	l.cost -= m.Hit.Cost
	heap.Remove(&l.deadlines, m.place)
}

// deadlines is a heap of messages, the earliest deadline first. Each knows its place, so that it can leave.
type deadlines []*message

func (d deadlines) Len() int           { return len(d) }
func (d deadlines) Less(i, j int) bool { return d[i].deadline < d[j].deadline }

func (d deadlines) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].place, d[j].place = i, j
}

// Push implements heap.Interface.
func (d *deadlines) Push(x any) {
	m := x.(*message)
	m.place = len(*d)
	*d = append(*d, m)
}

// Pop implements heap.Interface.
func (d *deadlines) Pop() any {
	last := len(*d) - 1
	m := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	m.place = notWaiting
	return m
}
