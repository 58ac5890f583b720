package strategy

// LeakyBucket fills with each hit and leaks by the rate: a hit that would make it overflow is refused. It holds the
// rate's limit, so that much passes at once; in any interval t it admits at most limit + limit·t/period. It is the
// mirror image of a TokenBucket whose burst is the limit.
type LeakyBucket struct{}

// Name implements Strategy.
func (LeakyBucket) Name() string { return "leaky_bucket" }

// Bind implements Strategy.
func (LeakyBucket) Bind(r Rate) (Algorithm, error) {
	return newMeter(r, amount{whole: r.limit}, "rate")
}

// LeakyBucketWithQueue is a LeakyBucket with a place in the line: hits that ask to wait reserve the next slots, first
// in, first out, and are told at once how long it takes until theirs. A hit that does not wait is decided as by
// LeakyBucket.
type LeakyBucketWithQueue struct{}

// Name implements Strategy.
func (LeakyBucketWithQueue) Name() string { return "leaky_bucket_with_queue" }

// Bind implements Strategy.
func (LeakyBucketWithQueue) Bind(r Rate) (Algorithm, error) {
	m, err := newMeter(r, amount{whole: r.limit}, "rate")
	if err != nil {
		return nil, err
	}
	return &queue{*m}, nil
}

// queue is a meter with slots.
type queue struct{ meter }

// Slot implements Queuer: the wait until the level, the costs ahead and that of h fit together. It may be a microsecond
// early for each hit ahead that costs nearly all the bucket holds, since such a bucket can run empty before the next
// microsecond begins.
func (q *queue) Slot(s State, now Time, ahead int64, h Hit) Verdict {
	st := s.(*meterState)
	v := q.Decide(s, now, h, false)
	if v.Wait == Never || ahead == 0 {
		return v
	}
	at := max(now, st.last)
	over := amount{whole: addSaturating(ahead, h.Cost)}.sub(q.capacity.sub(q.drained(st, at), q.period), q.period)
	if over.whole < 0 || over == (amount{}) {
		return v
	}
	v.Allowed = false
	v.Wait = q.waitFor(mul(over.whole, q.period).add(wide{lo: uint64(over.part)}), at, now)
	return v
}
