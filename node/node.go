package node

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/traffik-io/traffik/actor"
	"github.com/traffik-io/traffik/node/internal/driver"
	"github.com/traffik-io/traffik/ring"
	"github.com/traffik-io/traffik/strategy"
	"github.com/traffik-io/traffik/transport"
)

// Node is a member of the cluster. All its methods are safe for concurrent use.
type Node struct {
	cfg      Config
	id       transport.Identity // the stable name, and the UID of this process
	log      *slog.Logger
	registry *strategy.Registry
	hasher   ring.Hasher
	ids      *hitIDs
	waits    *hitIDs        // of hits that wait
	actors   *actor.System  // the keys that this node owns, and the copies that it keeps
	driver   *driver.Driver // who owns which partition
	charges  *charges
	routes   routes
	links    *links
	proofs   proofs
	shares   *shares   // what it admits when no owner answers
	denials  *denials  // what owners have refused
	attempts deadlines // of forwarded hits

	transport transport.Config
	listener  net.Listener
	server    *transport.Server
	gossip    *gossip

	now     func() strategy.Time
	turns   sync.Pool // of *turn
	copies  sync.Pool // of *copied
	origins origins

	view     atomic.Pointer[view]
	vanished atomic.Int32 // members that are gone since lately, and did not leave
	ready    atomic.Bool

	handedOver atomic.Bool // it leaves, and holds nothing that others need
	stopped    atomic.Bool // hits are ErrClosed

	mu       sync.Mutex // guards what follows, and the building of views
	self     *meta
	others   map[transport.UID]*peer
	former   map[string]time.Time        // gossip addresses of members that are gone, and since when
	departed map[transport.UID]departure // processes that are gone

	leaving bool
	closing bool
	alone   bool // it has left: members that come and go are nothing to it
	failure error

	counters counters
	cancel   context.CancelFunc
	tasks    sync.WaitGroup // every goroutine that Start and the view began
	done     chan struct{}
}

// Start starts a node: it listens, begins to join, and returns. The node runs until Shutdown, or until it stops by
// itself because a newer process has its name: see Done. ctx bounds the start only.
func Start(ctx context.Context, cfg Config) (*Node, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	n := &Node{
		cfg: cfg.withDefaults(), ids: newHitIDs(0), waits: newHitIDs(waiting), hasher: ring.NewHasher(cfg.Secret), done: make(chan struct{}),
		others: map[transport.UID]*peer{}, former: map[string]time.Time{}, departed: map[transport.UID]departure{},
		denials: new(denials),
	}
	n.log = n.cfg.Logger
	n.attempts.length = min(attemptTimeout, n.cfg.Timeout)
	run, cancel := context.WithCancel(context.Background())
	n.cancel = cancel
	if err := n.listen(ctx); err != nil {
		n.abandon()
		return nil, err
	}
	n.begin(func() { n.follow(run) })
	n.begin(func() { n.tick(run) })
	n.begin(func() { n.watch(run) })
	joined := make(chan struct{})
	n.begin(func() { n.joinLoop(run, joined) })
	if len(cfg.Join) > 0 {
		n.begin(func() { n.bootstrap(run, joined) })
	} else {
		n.mu.Lock()
		told := n.tellDriver(n.view.Load())
		n.mu.Unlock()
		<-told // with nobody to ask, all is owned now
		n.ready.Store(true)
	}
	return n, nil
}

// listen makes everything that can fail: registry, actors, the two listeners.
func (n *Node) listen(ctx context.Context) (err error) {
	if n.registry, err = strategy.NewRegistry(n.cfg.Strategies...); err != nil {
		return err
	}
	n.now = n.cfg.now
	if err = n.newActors(); err != nil {
		return err
	}
	if n.shares, err = newShares(n.cfg.MaxKeys, n.registry); err != nil {
		return err
	}
	if n.listener, err = n.cfg.network.Listen(ctx, n.cfg.ClusterAddr); err != nil {
		return fmt.Errorf("cluster address %q: %w", n.cfg.ClusterAddr, err)
	}
	host, port, err := splitHostPort(n.listener.Addr().String())
	if err != nil {
		return err
	}
	state := Joining
	if len(n.cfg.Join) == 0 {
		state = Active
	}
	now := time.Now()
	n.self = &meta{
		uid: newUID(now), name: or(n.cfg.Name, defaultName(port)), state: state, role: n.cfg.Role,
		clusterAddr: net.JoinHostPort(or(n.cfg.AdvertiseHost, host), strconv.Itoa(port)), httpAddr: n.cfg.HTTPAddr,
		version: n.cfg.Version, partitions: n.cfg.partitions, hashCheck: n.hasher.Check(), bootMillis: now.UnixMilli(),
	}
	n.id = transport.Identity{UID: n.self.uid, Name: n.self.name}
	if n.gossip, err = startGossip(&n.cfg, n.self); err != nil {
		return err
	}
	if err := n.specify(); err != nil {
		return err
	}
	return n.serve()
}

// specify replaces unspecified hosts in what is announced by the one that gossip has chosen.
func (n *Node) specify() error {
	m := *n.self
	m.clusterAddr, m.httpAddr = n.specified(m.clusterAddr), n.specified(m.httpAddr)
	if m == *n.self {
		return nil
	}
	n.self = &m
	if err := n.gossip.set(&m); err != nil {
		return err
	}
	n.gossip.announce()
	return nil
}

// specified is addr with the host of gossip in place of an unspecified one.
func (n *Node) specified(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err != nil || host != "" && (ip == nil || !ip.IsUnspecified()) {
		return addr
	}
	own, _, _ := net.SplitHostPort(n.gossip.addr)
	return net.JoinHostPort(or(n.cfg.AdvertiseHost, own), port)
}

// serve starts to answer other nodes, with a view of this node alone.
func (n *Node) serve() error {
	n.transport = transport.Config{
		Self: n.id, Registry: n.registry, Secret: n.cfg.Secret,
		Partitions: uint32(n.cfg.partitions), Hash: uint64(n.hasher.Check()), Logger: n.log, MaxFrame: maxFrame,
		MaxInFlight: n.cfg.maxInFlight, Dial: n.cfg.network.Dial,
	}
	empty, err := ring.New(n.hasher, n.cfg.partitions, n.cfg.Replicas+spare)
	if err != nil {
		return err
	}
	n.links = newLinks(n.transport)
	n.view.Store(newView(empty, &peer{meta: n.self, gossipAddr: n.gossip.addr}, nil))
	if n.server, err = transport.NewServer(n.transport); err != nil {
		return err
	}
	if err = n.startDriver(); err != nil {
		return err
	}
	n.begin(func() {
		if err := n.server.Serve(n.listener, (*handler)(n)); !errors.Is(err, transport.ErrServerClosed) {
			n.fail(fmt.Errorf("cluster address %q: %w", n.cfg.ClusterAddr, err))
		}
	})
	return nil
}

// abandon undoes a start that failed half way.
func (n *Node) abandon() {
	n.cancel()
	if n.gossip != nil {
		_ = n.gossip.list.Shutdown()
	}
	if n.server != nil {
		_ = n.server.Close()
	}
	if n.listener != nil {
		n.listener.Close()
	}
	if n.driver != nil {
		n.driver.Close()
		n.tasks.Wait()
	}
	if n.shares != nil {
		n.shares.close()
	}
	if n.actors != nil {
		n.actors.Close()
	}
}

// clock is the node's time: wall time at the start, and what has passed since. It never goes back.
func clock() func() strategy.Time {
	start := time.Now()
	base := strategy.TimeOf(start)
	return func() strategy.Time { return base + strategy.Time(time.Since(start)/time.Microsecond) }
}

// newUID begins with the time, so that processes sort by age, and ends at random.
func newUID(now time.Time) (u transport.UID) {
	binary.BigEndian.PutUint64(u[:8], uint64(now.UnixNano()))
	_, _ = rand.Read(u[6:]) // crypto/rand never fails
	return u
}

// maxFrame bounds what is sent at once: whole partitions go in pieces, but what has changed in one goes in one.
const maxFrame = 8 << 20

// begin runs f on a goroutine that Shutdown waits for. f must end soon after the context of the node does.
func (n *Node) begin(f func()) {
	n.tasks.Add(1)
	go func() {
		defer n.tasks.Done()
		f()
	}()
}

// tick starts the epochs of hit ids, and tidies links, until ctx ends.
func (n *Node) tick(ctx context.Context) {
	t := time.NewTicker(epochLength)
	defer t.Stop()
	for {
		select {
		case now := <-t.C:
			n.ids.tick()
			n.waits.tick()
			for _, ids := range []*hitIDs{n.ids, n.waits} { // own hits that others have charged
				below := ids.settledBelow()
				n.origins.of(n.id.UID, below).settleBelow(below)
			}
			n.links.tidy(now)
			n.forgetDeparted(now)
		case <-ctx.Done():
			return
		}
	}
}

// bootstrap makes a joining node active: once it has joined and MinMembers full members are there, or after
// BootstrapWait. It waits a little for a member that has been there before: others that join as well may not have heard
// of who owns everything so far, and what nobody is known to own is claimed. It is ready when its view has then been still for a second and it serves what it should, or after
// settleWait: others may be too slow to hand over.
func (n *Node) bootstrap(ctx context.Context, joined <-chan struct{}) {
	patience := time.NewTimer(n.cfg.BootstrapWait)
	defer patience.Stop()
	began := time.Now()
	lacking := func() bool { // who it has joined is in its view a little later
		v := n.view.Load()
		return joined != nil || len(v.members) < 2 || v.full() < n.cfg.MinMembers || !v.established() && time.Since(began) < heard
	}
	for lacking() {
		select {
		case <-ctx.Done():
			return
		case <-patience.C:
			n.log.Warn("serving without the expected members", "waited", n.cfg.BootstrapWait, "members", n.view.Load().full(), "min_members", n.cfg.MinMembers)
			goto start
		case <-joined:
			joined = nil
		case <-time.After(50 * time.Millisecond):
		}
	}
start:
	active := time.Now()
	n.setState(Active)
	n.gossip.announce()
	for still, v := 0, n.view.Load(); still < 10; still++ {
		if !sleep(ctx, 100*time.Millisecond) {
			return
		}
		if now := n.view.Load(); (now != v || !n.settled(now)) && time.Since(active) < settleWait {
			still, v = 0, now
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ready.Store(!n.leaving && !n.closing)
}

// settleWait bounds how long a node that has joined waits for its partitions before it says that it is ready.
const settleWait = 10 * time.Second

// settled reports whether this node serves the partitions that it should own in v, and no others.
func (n *Node) settled(v *view) bool {
	for p := range v.ring.Partitions() {
		if (v.owner(p) == v.self) != (n.driver.Mode(p) == driver.Serve) {
			return false
		}
	}
	return true
}

// Name is the stable name of this node.
func (n *Node) Name() string { return n.id.Name }

// UID names this process.
func (n *Node) UID() string { return n.id.UID.String() }

// Registry knows the strategies that policies of this node may use.
func (n *Node) Registry() *strategy.Registry { return n.registry }

// GossipAddr is where gossip is bound.
func (n *Node) GossipAddr() string { return n.gossip.addr }

// ClusterAddr is where other nodes' hits are accepted.
func (n *Node) ClusterAddr() string { return n.listener.Addr().String() }

// Ready reports whether the node has joined and its view has settled; it stays so until the node leaves.
func (n *Node) Ready() bool { return n.ready.Load() }

// Done is closed when the node has stopped, by Shutdown or by itself: Err tells.
func (n *Node) Done() <-chan struct{} { return n.done }

// Err is why the node stopped by itself; nil before, and after Shutdown.
func (n *Node) Err() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.failure
}
