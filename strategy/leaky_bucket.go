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

// LeakyBucketWithQueue is a LeakyBucket whose hits are meant to wait: one that asks to wait reserves the next slot, first
// in, first out, and is told at once how long it takes until then. A hit that does not wait is decided as by LeakyBucket,
// and so is all else; the name says what the clients are expected to do.
type LeakyBucketWithQueue struct{}

// Name implements Strategy.
func (LeakyBucketWithQueue) Name() string { return "leaky_bucket_with_queue" }

// Bind implements Strategy.
func (LeakyBucketWithQueue) Bind(r Rate) (Algorithm, error) { return LeakyBucket{}.Bind(r) }
