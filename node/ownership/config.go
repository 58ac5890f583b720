package ownership

import (
	"errors"
	"fmt"
	"time"

	"github.com/traffik-io/traffik/strategy"
)

// Config says how one machine behaves. All machines of a cluster need the same Partitions.
type Config struct {
	// Self is the UID of this process. It must not be zero.
	Self UID
	// Partitions is their number. Required.
	Partitions uint32
	// Replicas is the number of copies, the owner's included. Default 2; 1 keeps none but the owner's.
	Replicas int
	// MaxLag is the age of the oldest mutation that no backup has, beyond which answers wait. It bounds the
	// admissions that a crash can lose. Default 10 ms.
	MaxLag time.Duration
	// Pause is the gap between two events after which this process may have been replaced. It must be shorter than
	// the shortest time in which the others declare it dead. Default 1 s.
	Pause time.Duration
	// Silence is how long a peer that the view calls dead may stay silent before a claim goes on without it, and how
	// long a claim waits for those that it need not ask. It must be longer than a round trip. Default 250 ms.
	Silence time.Duration
	// Patience is how long a peer that the view calls alive may leave unanswered whatever it is asked, before another
	// keeps copies in its place. It must be longer than Pause, and than a few round trips: a node that was busy for a
	// moment goes on as if nothing had been. Default 2 s.
	Patience time.Duration
	// MaxHandoffs is the number of partitions that are handed off at once. Default 256. A leave must end, other moves need
	// not: this and the two that follow double with each second that a member has been leaving.
	MaxHandoffs int
	// MaxHandoffsTo is how many of them may have the same target, so that one which does not answer leaves room for
	// others. Default a quarter of MaxHandoffs, at least 1.
	MaxHandoffsTo int
	// MaxRecalls is how many flows are ended by one Tick or Proceed because the partition should be elsewhere, though it is
	// safe where it is. Default 64.
	MaxRecalls int
	// Batch is how many partitions are looked at at once after the view has changed; others follow with each Proceed.
	// Default 256.
	Batch int
	// InUse tells which partitions come first when many have something due. It is called by Step, and only orders what
	// that does. Optional.
	InUse func(p uint32) bool
}

// Intervals that nobody needs to set.
const (
	resendCommit  = 50 * time.Millisecond
	offerRetry    = 100 * time.Millisecond // doubled with every refusal
	replRetry     = 200 * time.Millisecond // doubled with every one unanswered
	mergeRetry    = 100 * time.Millisecond
	retryMax      = 2 * time.Second
	claimRetry    = 100 * time.Millisecond
	probeRetry    = 200 * time.Millisecond // of one that has answered nothing for a while
	remember      = time.Second            // claimants, and the living
	relief        = 2 * time.Second        // for owners to replace the copies of a node that leaves, before it reports them
	miss          = 2 * time.Minute        // one that was lost, while this node leaves
	ownerPatience = 5 * time.Second        // with an owner that lives, before this node claims what it has a copy of
	stall         = 100 * time.Millisecond // between two events: ticks alone come more often, unless this process stands still
	maxDirty      = 256                    // mutations that a Commit may carry
)

// Validate names every field that is out of range.
func (c Config) Validate() error {
	var errs []error
	if c.Self == (UID{}) {
		errs = append(errs, errors.New("self: zero"))
	}
	if c.Partitions == 0 {
		errs = append(errs, errors.New("partitions: 0"))
	}
	if c.Replicas < 0 {
		errs = append(errs, fmt.Errorf("replicas: %d is negative", c.Replicas))
	}
	if c.MaxHandoffs < 0 {
		errs = append(errs, fmt.Errorf("max handoffs: %d is negative", c.MaxHandoffs))
	}
	if c.MaxHandoffsTo < 0 {
		errs = append(errs, fmt.Errorf("max handoffs to one target: %d is negative", c.MaxHandoffsTo))
	}
	if c.MaxRecalls < 0 {
		errs = append(errs, fmt.Errorf("max recalls: %d is negative", c.MaxRecalls))
	}
	if c.Batch < 0 {
		errs = append(errs, fmt.Errorf("batch: %d is negative", c.Batch))
	}
	for _, d := range []struct {
		name string
		d    time.Duration
	}{{"max lag", c.MaxLag}, {"pause", c.Pause}, {"silence", c.Silence}, {"patience", c.Patience}} {
		if d.d < 0 {
			errs = append(errs, fmt.Errorf("%s: %v is negative", d.name, d.d))
		}
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&c.MaxLag, 10*time.Millisecond)
	def(&c.Pause, time.Second)
	def(&c.Silence, 250*time.Millisecond)
	def(&c.Patience, 2*time.Second)
	if c.Replicas == 0 {
		c.Replicas = 2
	}
	if c.MaxHandoffs == 0 {
		c.MaxHandoffs = 256
	}
	if c.MaxRecalls == 0 {
		c.MaxRecalls = 64
	}
	if c.Batch == 0 {
		c.Batch = 256
	}
	if c.MaxHandoffsTo == 0 {
		c.MaxHandoffsTo = max(c.MaxHandoffs/4, 1)
	}
	return c
}

// past reports whether d has passed since t.
func (m *Machine) past(t strategy.Time, d time.Duration) bool {
	return m.now-t >= strategy.Time(d.Microseconds())
}

// backoff is d doubled n times, at most retryMax.
func backoff(d time.Duration, n int) time.Duration {
	for ; n > 0 && d < retryMax; n-- {
		d *= 2
	}
	return min(d, retryMax)
}

func toTime(d time.Duration) strategy.Time { return strategy.Time(d.Microseconds()) }
