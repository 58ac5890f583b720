package actor

import (
	"fmt"
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/traffik-io/traffik/strategy"
)

// System is the actors of one process. Its methods may be called from many goroutines at once.
type System struct {
	cfg        Config
	shift      uint // of Key.Hi, to get the partition
	partitions []atomic.Pointer[partition]
	builtins   *strategy.Registry
	full       struct{ keys, mailbox, waiters, waiting, parked error }

	keys    atomic.Int64 // of partitions that serve
	copies  atomic.Int64 // of the others
	waiting atomic.Int64 // hits in lines
	pressed atomic.Bool  // a new key was refused since the last sweep
	closed  atomic.Bool

	messages sync.Pool // of *message
	boxes    sync.Pool // of *mailbox

	closing sync.Once
	stop    chan struct{}  // closed by Close; ends the sweeper
	wg      sync.WaitGroup // the goroutines: the sweeper, and one for each actor that has mail
}

// New returns a System that holds no keys, and starts its sweeper, which [System.Close] ends. The error is that of
// [Config.Validate].
func New(cfg Config) (*System, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("actor config: %w", err)
	}
	cfg = cfg.withDefaults()
	builtins, err := strategy.NewRegistry()
	if err != nil {
		return nil, err
	}
	if cfg.Registry == nil {
		cfg.Registry = builtins
	}
	s := &System{
		cfg:        cfg,
		shift:      64 - uint(bits.TrailingZeros(uint(cfg.Partitions))),
		partitions: make([]atomic.Pointer[partition], cfg.Partitions),
		builtins:   builtins,
		stop:       make(chan struct{}),
	}
	s.full.keys = fmt.Errorf("%w: MaxKeys of %d is reached", ErrOverloaded, cfg.MaxKeys)
	s.full.mailbox = fmt.Errorf("%w: MaxMailbox of %d is reached for the key", ErrOverloaded, cfg.MaxMailbox)
	s.full.waiters = fmt.Errorf("%w: MaxWaiters of %d is reached for the key", ErrOverloaded, cfg.MaxWaiters)
	s.full.waiting = fmt.Errorf("%w: MaxWaiting of %d is reached", ErrOverloaded, cfg.MaxWaiting)
	s.full.parked = fmt.Errorf("%w: MaxParked of %d is reached for the partition", ErrOverloaded, cfg.MaxParked)
	s.wg.Go(s.sweep) // ends when stop is closed
	return s, nil
}

// Keys is how many keys are remembered, in partitions that serve.
func (s *System) Keys() int64 { return s.keys.Load() }

// Copies is how many keys are remembered in partitions that do not serve.
func (s *System) Copies() int64 { return s.copies.Load() }

// countOf is the count that the keys of p are part of.
func (s *System) countOf(p *partition) *atomic.Int64 {
	if p.track.mode != Serve {
		return &s.copies
	}
	return &s.keys
}

// KeysOf is how many keys of a partition are remembered; 0 for one that does not exist.
func (s *System) KeysOf(n int) int {
	if n < 0 || n >= len(s.partitions) {
		return 0
	}
	p := s.partitions[n].Load()
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.actors.n
}

// partition returns the partition of k, and makes it if this is its first key.
func (s *System) partition(k Key) *partition { return s.at(int(k.Hi >> s.shift)) }

// at returns partition n, and makes it if it is not there.
func (s *System) at(n int) *partition {
	slot := &s.partitions[n]
	if p := slot.Load(); p != nil {
		return p
	}
	p := new(partition)
	if s.cfg.Track {
		p.track.on, p.track.mode, p.track.quiet = true, s.cfg.Mode, make(chan struct{}, 1)
	}
	slot.CompareAndSwap(nil, p)
	return slot.Load()
}

// findLocked returns the actor of k. A hit makes one if there is none; for other requests it may be nil.
func (s *System) findLocked(p *partition, k Key, op Op) (*actor, error) {
	if s.closed.Load() {
		return nil, ErrClosed
	}
	a := p.actors.get(k)
	if a != nil || op != OpHit {
		return a, nil
	}
	if !s.reserve() {
		// A few slots bound what a flood of new keys costs; its keys look everywhere in time.
		_, dropped := p.forgetLocked(p.clock, p.actors.around(k, sampled), sampled)
		s.keys.Add(int64(-dropped))
		if !s.reserve() {
			s.pressed.Store(true)
			return nil, s.full.keys
		}
	}
	a = new(actor)
	p.actors.put(k, a)
	return a, nil
}

// reserve counts one key more, unless there are MaxKeys.
func (s *System) reserve() bool {
	for {
		n := s.keys.Load()
		if n >= s.cfg.MaxKeys {
			return false
		}
		if s.keys.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Forget makes k a key never seen, after what has been posted to it. Those who wait in its line are admitted as far
// as they then fit.
func (s *System) Forget(k Key) {
	p := s.partition(k)
	p.mu.Lock()
	a := p.actors.get(k)
	if a == nil || s.closed.Load() || p.track.shut() {
		p.mu.Unlock()
		return
	}
	if a.box == nil && a.state.Load() == idle {
		p.actors.remove(k)
		p.actors.shrink()
		s.keys.Add(-1)
		if p.track.on {
			s.changedLocked(p, k, nil, nil, nil)
		}
		p.mu.Unlock()
		return
	}
	m := s.newMessage(&Request{Op: opForget})
	m.key = k
	s.handOver(p, a, m, s.cfg.Now())
	<-m.done
	s.recycle(m)
}
