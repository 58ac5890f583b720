package driver

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/traffik-io/traffik/actor"
	"github.com/traffik-io/traffik/node/ownership"
	"github.com/traffik-io/traffik/strategy"
)

// Config is what a driver needs. All fields but MaxLag, Replicas and Sync are required.
type Config struct {
	// Self is the UID of this process.
	Self ownership.UID
	// Partitions is their number, as Actors has it.
	Partitions int
	// Replicas is the number of copies, the owner's included. 0 means 2.
	Replicas int
	// Sync has every answer that charged wait until the copies hold the charge.
	Sync bool
	// MaxLag is how old a charge may get that no copy holds, before answers wait as in Sync. 0 means 10 ms.
	MaxLag time.Duration
	// Actors decide. They were made with Track, in mode Redirect, and tell Changed.
	Actors *actor.System
	// IDs are the hit ids that move with a partition.
	IDs IDs
	// Link is the link to a peer, nil if there is no way to it; bulk asks for the one that state goes over.
	Link func(to ownership.UID, bulk bool) Caller
	// Now is the clock of the node.
	Now func() strategy.Time
	// Logger gets a line per batch of partitions that moved.
	Logger *slog.Logger
}

// Caller sends one message to a peer and waits for the answer. *transport.Link is one.
type Caller interface {
	Call(ctx context.Context, kind uint8, body []byte) ([]byte, error)
}

// IDs are what is remembered of hits so that they are charged once. Its methods may be called from many goroutines.
type IDs interface {
	// Append appends the ids of partition p that were charged after mutation after, in a form of its own.
	Append(b []byte, p int, after uint64) []byte
	// Install takes over what Append of another node wrote, as part of the copy of partition p. If joined, its charges
	// are new to the other copies.
	Install(p int, b []byte, joined bool) error
	// Discard forgets the ids of partition p, because its copy is dropped: what they stand for went with it, or comes back
	// with them.
	Discard(p int)
}

// Identified is a Note of a request that has a hit id, as all have that other nodes send.
type Identified interface {
	// AppendID appends it as IDs.Append does. The mutation is noted.
	AppendID(b []byte) []byte
}

// Kind is the kind of call that frames of ownership messages are.
const Kind = 2

const (
	// A move goes on a few partitions at a time, so that hits on them wait for few others: four times in a tick, each time
	// as many begin as may be under way.
	maxHandoffs   = 64 // at a time
	maxHandoffsTo = 16 // of them to one target
	maxRecalls    = 14
	proceedEvery  = tickEvery / 4

	// silence is for how long a claim waits for members that do not answer. Thousands of claims and copies go out at
	// once when members change, and whoever is taken for silent then is overruled: its charges since are only joined.
	silence = 500 * time.Millisecond

	tickEvery = 50 * time.Millisecond
	aloneLag  = time.Second / 2 // of what the machine is told while this node has been alone
	maxPause  = time.Second     // between two steps; after more, others may have taken over
	maxFrames = 1024            // received and not yet looked at
)

// Driver drives the ownership machine of one node. Its methods are safe for concurrent use.
type Driver struct {
	cfg      Config
	gates    []gate
	signs    signs
	terms    []atomic.Uint64
	stepped  atomic.Int64  // when the machine was last told something
	untold   atomic.Int64  // since when there is a change that it was not told of; 0: none
	late     atomic.Bool   // that is longer than MaxLag
	frames   atomic.Int64  // received and not acted on
	hot      atomic.Int64  // of them, not bulk
	session  atomic.Uint64 // told to peers; a frame that names an earlier one is of the past
	alone    atomic.Bool   // nobody else was ever there who could hold a copy: the machine need not know soon
	wake     chan struct{}
	drained  chan struct{}
	tasks    sync.WaitGroup // Run, senders and streamers
	ctx      context.Context
	stop     context.CancelFunc
	counters counters
	handoffs handoffs
	flows    flows
	counted  atomic.Pointer[Census] // as of the last census
	points   points

	mu      sync.Mutex // guards what follows
	inbox   []func()
	bulk    []func() // what can wait until the inbox is empty
	dirty   []int
	heard   map[ownership.UID]struct{} // whose changes were read since the machine was told
	rousing chan struct{}              // closed when the machine has looked at the time; nil: nobody waits for that

	// What follows belongs to the goroutine of Run.

	machine  *ownership.Machine
	paced    map[int]struct{} // partitions whose answers wait: changes are told at once
	checks   []check          // whether copies lag too much, in the order in which they are due
	todo     []ownership.Event
	stepping bool
	touched  []int           // partitions that may have become flows
	viewers  []chan struct{} // of SetView, to be closed
	feeds    map[ownership.UID]*feed
	failed   map[int]time.Time // partitions whose flows failed, and until when they are none
	bases    []uint64          // mutations, as the actors count, when the term began
	owned    []bool
	holds    map[int]time.Time // partitions whose log is kept for a stream, and until when
	peers    map[ownership.UID]*peer
	staged   map[stage]*staging
	retained map[retention]ownership.State
	parked   map[int]time.Time // partitions in mode Park, and since when requests are kept
	packer   packer
	records  []actor.Record // memory for those of a state
	rest     time.Time      // until when bulk waits
	batch    batch
	losses   *losses
	silent   []ownership.UID // as was logged last
	round    int             // of catchUpSome
	isEmpty  bool            // Drained was said
}

// New returns a driver; Run runs it.
func New(cfg Config) (*Driver, error) {
	if cfg.MaxLag == 0 {
		cfg.MaxLag = 10 * time.Millisecond
	}
	if cfg.Replicas == 0 {
		cfg.Replicas = 2
	}
	d := &Driver{
		cfg:   cfg,
		gates: make([]gate, cfg.Partitions), signs: make(signs, cfg.Partitions), terms: make([]atomic.Uint64, cfg.Partitions),
		bases: make([]uint64, cfg.Partitions), owned: make([]bool, cfg.Partitions),
		wake: make(chan struct{}, 1), drained: make(chan struct{}),
		paced: map[int]struct{}{}, holds: map[int]time.Time{}, peers: map[ownership.UID]*peer{}, staged: map[stage]*staging{},
		retained: map[retention]ownership.State{}, parked: map[int]time.Time{},
	}
	m, err := ownership.New(ownership.Config{
		Self: cfg.Self, Partitions: uint32(cfg.Partitions), Replicas: cfg.Replicas, MaxLag: machineLag(cfg.MaxLag), Pause: maxPause,
		MaxHandoffs: maxHandoffs, MaxHandoffsTo: maxHandoffsTo, MaxRecalls: maxRecalls, Silence: silence,
		InUse: d.inUse,
	})
	if err != nil {
		return nil, fmt.Errorf("driver: %w", err)
	}
	d.machine = m
	d.handoffs.offered, d.losses = map[int]time.Time{}, newLosses(cfg.Partitions)
	d.flows = flows{make([]atomic.Pointer[outflow], cfg.Partitions), make([]inflow, cfg.Partitions)}
	d.feeds, d.failed = map[ownership.UID]*feed{}, map[int]time.Time{}
	d.ctx, d.stop = context.WithCancel(context.Background())
	d.session.Store(1)
	d.alone.Store(!cfg.Sync)
	d.stepped.Store(int64(cfg.Now()))
	d.tasks.Add(1) // Run
	return d, nil
}

// Run drives until Close. It must be called once.
func (d *Driver) Run() {
	defer d.tasks.Done()
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	flush := time.NewTimer(time.Hour)
	defer flush.Stop()
	rest := time.NewTimer(time.Hour)
	defer rest.Stop()
	proceed := time.NewTimer(time.Hour)
	defer proceed.Stop()
	proceeds, busy := false, time.Duration(0) // whether there will be a Proceed, and how long the last one took
	told := time.Now()
	for armed := false; ; {
		due := false
		select {
		case <-d.ctx.Done():
			d.abandon()
			return
		case <-d.wake:
		case <-rest.C:
		case <-proceed.C:
			began := time.Now()
			d.step(ownership.Proceed{})
			busy, proceeds = time.Since(began), false
		case <-flush.C:
			armed, due = false, true
		case <-tick.C:
			d.step(ownership.Tick{})
			d.housekeep(time.Now())
			due = d.alone.Load() && time.Since(told) >= aloneLag
		}
		if pause := d.work(); pause > 0 {
			rest.Reset(pause)
		}
		d.looksOn()
		if unfinished, urgent := d.machine.Unfinished(); unfinished && !proceeds {
			pause := proceedEvery
			if urgent {
				pause = busy // it takes half of a busy processor, no more
			}
			proceed.Reset(pause)
			proceeds = true
		}
		alone := d.alone.Load()
		if due || d.cfg.Sync || len(d.paced) > 0 {
			told = time.Now()
			if pause := d.flush(); pause > 0 && !armed && !alone {
				flush.Reset(pause)
				armed = true
			}
		} else if !armed && !alone && (len(d.checks) > 0 || d.hasDirty()) {
			flush.Reset(d.lag())
			armed = true
		}
	}
}

// Close ends Run and all that it began, and returns when that has ended. What waits for copies is failed.
func (d *Driver) Close() {
	d.stop()
	d.tasks.Wait()
}

// abandon fails what waits when Run ends.
func (d *Driver) abandon() {
	for p := range d.gates {
		d.close(p, Redirect)
		d.cfg.Actors.SetMode(p, actor.Redirect)
		d.gates[p].resume(true)
	}
}

// step tells the machine an event and does what it wants, and then what follows from that.
func (d *Driver) step(e ownership.Event) {
	d.todo = append(d.todo, e)
	if d.stepping {
		return
	}
	d.stepping = true
	for next := 0; next < len(d.todo); next++ { //nolint:intrange // effects add to it
		now := d.cfg.Now()
		if p := d.endFlows(now, d.todo[next]); p != ownership.NoPartition {
			d.touched = append(d.touched, p)
		}
		effects := d.machine.Step(now, d.todo[next])
		if slices.Contains(effects, ownership.Effect(ownership.CloseLinks{})) {
			d.session.Add(1) // first: what is sent from now on is answered to the new session
		}
		for _, f := range effects {
			d.do(f)
		}
		d.stepped.Store(int64(now))
	}
	clear(d.todo)
	d.todo, d.stepping = d.todo[:0], false
	d.beginFlows()
}

// Drained is closed when this node, leaving, holds nothing any more that others need.
func (d *Driver) Drained() <-chan struct{} { return d.drained }
