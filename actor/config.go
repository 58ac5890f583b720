package actor

import (
	"errors"
	"fmt"
	"math/bits"
	"time"

	"github.com/traffik-io/traffik/strategy"
)

// Defaults of a zero Config.
const (
	DefaultPartitions = 1 << 14
	DefaultMaxKeys    = 10_000_000
	DefaultMaxMailbox = 4096
	DefaultMaxWaiters = 10_000
	DefaultMaxWaiting = 100_000
	DefaultMaxParked  = 4096
)

// maxPartitions bounds the table of partitions, which is allocated at the start.
const maxPartitions = 1 << 20

// Config says how much a System may hold. The zero value means the defaults.
type Config struct {
	// Partitions is into how many parts the keys are divided, by the top bits of Key.Hi: a power of two, at most
	// 2^20. Each has a lock of its own, which is held for a look-up, never for a decision. 0 means
	// DefaultPartitions.
	Partitions int
	// MaxKeys bounds the keys that are remembered at a time, each some 120 bytes. A new key above it is answered
	// ErrOverloaded; known keys go on. 0 means DefaultMaxKeys.
	MaxKeys int64
	// MaxMailbox bounds the requests that are posted to one key and have not had their turn. 0 means
	// DefaultMaxMailbox.
	MaxMailbox int
	// MaxWaiters bounds the hits that wait in the line of one key, each some 600 bytes. 0 means DefaultMaxWaiters.
	MaxWaiters int
	// MaxWaiting bounds the hits that wait in all lines together. 0 means DefaultMaxWaiting.
	MaxWaiting int64
	// Track has partitions count their mutations and log what changed, and gives them a Mode. Without it they always
	// serve, and hits are a little cheaper.
	Track bool
	// Mode is the one that partitions begin with, where Track is set.
	Mode Mode
	// MaxParked bounds the requests that are kept for a partition in mode Park. 0 means DefaultMaxParked.
	MaxParked int
	// Changed is told every mutation, after its Note and before anybody else can see it. It is called with a lock held, and
	// must not block or call the System. It returns up to which mutation of the partition nobody will ask for Changes: those
	// may be forgotten, as by Trim. It may be nil.
	Changed func(Mutation) (safe uint64)
	// Now is the clock. It may be called from many goroutines at once; a step back is taken as standing still. Nil
	// means wall time at the start plus what has elapsed since on the monotonic clock.
	Now func() strategy.Time
	// Registry decodes the records of a key whose custom strategy panicked, so that they are as before that turn.
	// Nil means a registry of the built-in strategies, which cannot do that for custom ones.
	Registry *strategy.Registry
}

// Validate reports all fields that are out of range, by name and value.
func (c Config) Validate() error {
	var errs []error
	if c.Partitions < 0 || c.Partitions > maxPartitions || bits.OnesCount(uint(c.Partitions)) > 1 {
		errs = append(errs, fmt.Errorf("partitions: %d is not a power of two up to %d", c.Partitions, maxPartitions))
	}
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"MaxKeys", c.MaxKeys},
		{"MaxMailbox", int64(c.MaxMailbox)},
		{"MaxWaiters", int64(c.MaxWaiters)},
		{"MaxWaiting", c.MaxWaiting},
		{"MaxParked", int64(c.MaxParked)},
	} {
		if f.value < 0 {
			errs = append(errs, fmt.Errorf("%s: %d is negative", f.name, f.value))
		}
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.Partitions == 0 {
		c.Partitions = DefaultPartitions
	}
	if c.MaxKeys == 0 {
		c.MaxKeys = DefaultMaxKeys
	}
	if c.MaxMailbox == 0 {
		c.MaxMailbox = DefaultMaxMailbox
	}
	if c.MaxWaiters == 0 {
		c.MaxWaiters = DefaultMaxWaiters
	}
	if c.MaxWaiting == 0 {
		c.MaxWaiting = DefaultMaxWaiting
	}
	if c.MaxParked == 0 {
		c.MaxParked = DefaultMaxParked
	}
	if c.Now == nil {
		c.Now = sinceStart()
	}
	return c
}

// sinceStart is a clock that never goes back, whatever happens to the wall clock.
func sinceStart() func() strategy.Time {
	start := time.Now()
	base := strategy.TimeOf(start)
	return func() strategy.Time { return base + strategy.Time(time.Since(start)/time.Microsecond) }
}
