package strategy

import "math"

// PriorityQueue is a SlidingWindowLog with four priorities that share one queue of hits: a hit is held against what
// hits of its own priority and above used in the last period, and does not see those below. So a flood of low priority
// cannot keep out a high one, while in one period each priority and those above it together admit at most the limit,
// and all four together at most four times the limit.
//
// The priority is the entry "priority" of the context, else the digit from 1 to 4 that follows the marker in the key
// ("api:priority:3:user:7"). While the queue is full, every hit is refused.
type PriorityQueue struct {
	// DefaultPriority is the priority of hits that have none; 0 means Normal.
	DefaultPriority Priority `json:"default_priority,omitzero"`
	// MaxQueueSize is how many entries of one period the queue holds, of all priorities together, from 1 to 2^20;
	// 0 means 1000. Hits of one instant and priority share an entry, of 16 bytes; a full queue refuses those too.
	MaxQueueSize Count `json:"max_queue_size,omitzero"`
	// Marker begins the priority in a key, at the start of the key or after a colon; "" means "priority:".
	Marker string `json:"marker,omitzero"`
}

// Name implements Strategy.
func (PriorityQueue) Name() string { return "priority_queue" }

// Bind implements Strategy.
func (s PriorityQueue) Bind(r Rate) (Algorithm, error) {
	size, err := s.MaxQueueSize.or(1000, 1, maxEntries, "max_queue_size")
	if err != nil {
		return nil, err
	}
	switch {
	case s.DefaultPriority == 0:
		s.DefaultPriority = Normal
	case s.DefaultPriority < Low || s.DefaultPriority > Critical:
		return nil, paramError("default_priority", int(s.DefaultPriority), "is not between 1 and 4")
	}
	return &priorityQueue{
		limit:    r.limit,
		period:   r.micros(),
		size:     size,
		standard: int(s.DefaultPriority),
		marker:   marker(s.Marker, "priority:"),
	}, nil
}

type priorityQueue struct {
	limit    int64
	period   int64 // microseconds
	size     int64
	standard int // priority
	marker   string
}

// queueState is the log of each priority.
type queueState [Critical]costLog

// latest is the instant of the latest charge.
func (q *queueState) latest() (at Time) {
	for i := range q {
		at = max(at, q[i].latest)
	}
	return at
}

// seats is how many more entries a queue of that size takes at now.
func (q *queueState) seats(now Time, period, size int64) int64 {
	for i := range q {
		size -= int64(len(q[i].entries) - q[i].live(now, period))
	}
	return size
}

// vacates is the instant from which on a full queue takes an entry more: when those beyond size-1 have left.
func (q *queueState) vacates(now Time, period, size int64) Time {
	var next [Critical]int
	for i := range q {
		next[i] = q[i].live(now, period)
	}
	for leave := 1 - q.seats(now, period, size); ; leave-- {
		oldest := -1
		for i := range q {
			if next[i] < len(q[i].entries) && (oldest < 0 || q[i].entries[next[i]].at < q[oldest].entries[next[oldest]].at) {
				oldest = i
			}
		}
		if leave == 1 {
			return q[oldest].entries[next[oldest]].at + Time(period)
		}
		next[oldest]++
	}
}

// New implements Algorithm.
func (*priorityQueue) New() State { return new(queueState) }

// Decide implements Algorithm.
func (p *priorityQueue) Decide(s State, now Time, h Hit, charge bool) Verdict {
	q := s.(*queueState)
	level := priorityOf(&h, p.marker, p.standard) - 1
	at := max(now, q.latest())
	rivals := q[level:]
	room := p.limit - sums(rivals, at, p.period)
	seats := q.seats(at, p.period, p.size)
	v := Verdict{Limit: p.limit, Allowed: h.Cost <= room && seats > 0}
	switch {
	case v.Allowed && charge:
		q[level].add(at, h.Cost, p.period)
		room -= h.Cost
		seats = q.seats(at, p.period, p.size)
	case h.Cost > p.limit:
		v.Wait = Never
	case !v.Allowed:
		free := at
		if h.Cost > room {
			free = clears(rivals, at, p.period, p.limit-h.Cost)
		}
		if seats <= 0 {
			free = max(free, q.vacates(at, p.period, p.size))
		}
		v.Wait = wait(int64(free - now))
	}
	if seats > 0 {
		v.Remaining = float(room)
	}
	return v
}

// Stat implements Statistician.
func (p *priorityQueue) Stat(s State, now Time, h Hit) Verdict {
	h.Cost = 1
	return p.Decide(s, now, h, false)
}

// Refund implements Refunder: it takes the cost off the hits of that priority and instant.
func (p *priorityQueue) Refund(s State, charged, _ Time, h Hit) {
	s.(*queueState)[priorityOf(&h, p.marker, p.standard)-1].refund(charged, h.Cost)
}

// Join implements Joiner: of each priority the union; of an instant in both, the higher cost.
func (p *priorityQueue) Join(s, other State) {
	for i := range s.(*queueState) {
		s.(*queueState)[i].join(&other.(*queueState)[i], p.period)
	}
}

// NeutralAt implements Forgetter: one period after the last charge.
func (p *priorityQueue) NeutralAt(s State) Time {
	at := Time(math.MinInt64)
	for i := range s.(*queueState) {
		at = max(at, s.(*queueState)[i].neutralAt(p.period))
	}
	return at
}

// Adapt implements Adapter: what counts at now is held against the new limit and size for the new period.
func (p *priorityQueue) Adapt(s State, old Algorithm, now Time) {
	q := s.(*queueState)
	at := max(now, q.latest())
	for i := range q {
		q[i].prune(at, old.(*priorityQueue).period)
	}
}

// Append implements Algorithm.
func (*priorityQueue) Append(b []byte, s State) []byte {
	b = append(b, version)
	for i := range s.(*queueState) {
		b = s.(*queueState)[i].append(b)
	}
	return b
}

// Decode implements Algorithm.
func (*priorityQueue) Decode(b []byte) (State, error) {
	r := reader{b: b}
	r.version()
	q := new(queueState)
	for i := range q {
		q[i] = r.log()
	}
	if !r.done() {
		return nil, errState
	}
	return q, nil
}
