package node

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/traffik-io/traffik/ring"
	"github.com/traffik-io/traffik/strategy"
)

// Config is what a node needs to know. The zero value of each field is its documented default; the zero Config is a
// single node on loopback.
type Config struct {
	// Name is the stable name of this node, unique in the cluster, at most 128 bytes. A restarted node with the same
	// name is given the same partitions. Default: host name and cluster port.
	Name string
	// GossipAddr is where memberlist listens, TCP and UDP. Default 127.0.0.1:7946; port 0 lets the system choose.
	GossipAddr string
	// ClusterAddr is where other nodes send hits, TCP. Default 127.0.0.1:7947; port 0 lets the system choose.
	ClusterAddr string
	// AdvertiseHost is the host that other nodes dial. Default: the bound host, or the first private address if that
	// is unspecified (0.0.0.0 or ::).
	AdvertiseHost string
	// HTTPAddr is told to other nodes and shown by Members; the node itself does not listen there. An unspecified host
	// is replaced by the one that others dial.
	HTTPAddr string
	// Join are gossip addresses or DNS names, port 7946 if none is given, of nodes to join: all their addresses are
	// tried, and again while the node runs. Empty: a cluster of one that others may join.
	Join []string
	// Secret keys the placement hash, encrypts gossip and authenticates nodes to each other; 16 bytes at least.
	// Empty: a fixed key and no authentication, for trusted networks only.
	Secret []byte
	// Role is Full or Lite. Default Full.
	Role Role
	// Replicas is the number of copies of each partition, the owner included. Default 2.
	Replicas int
	// Replication says when an answer that charged may go out. Default Async.
	Replication Replication
	// ReplicationLag is, with Async, how old a charge may be that no other copy holds, and so what a crash can lose:
	// beyond it answers wait as with Sync. Default 10 ms.
	ReplicationLag time.Duration
	// OnUnreachable answers when no owner does in time. Default LocalShare.
	OnUnreachable Unreachable
	// Timeout is the budget of one decision, retries included; a hit's MaxWait comes on top. Default 250 ms.
	Timeout time.Duration
	// MaxKeys bounds the keys that this node owns; at the bound new keys are answered ErrOverloaded. Default
	// 10,000,000.
	MaxKeys int64
	// MinMembers is how many full members a starting node with Join waits for before it serves, for at most
	// BootstrapWait. Defaults 1 and 2 s.
	MinMembers    int
	BootstrapWait time.Duration
	// Strategies are custom strategies that policies may use beside the fourteen; the same on every node.
	Strategies []strategy.Kind
	// Version is shown by Members.
	Version string
	// Logger receives what operators need to know. Default slog.Default().
	Logger *slog.Logger
	// Hooks are called as things happen.
	Hooks Hooks

	partitions  int                  // ring.DefaultPartitions; fewer in tests
	network     network              // sockets; in memory in tests
	now         func() strategy.Time // the clock that decides; nil is that of the process
	maxInFlight int                  // hits to another node; 0 is what transport takes
}

// Hooks are optional functions of an observer, such as a metrics library. They are called on the path of every
// decision, from many goroutines, and must not block.
type Hooks struct {
	// Decided is called after each Hit.
	Decided func(Outcome)
}

// Outcome is what became of one hit.
type Outcome struct {
	Decision  strategy.Decision
	Err       error
	Forwarded bool // to another node
	Took      time.Duration
}

// Role is the part that a member plays.
type Role string

// Roles of a member.
const (
	Full Role = "full" // owns keys
	Lite Role = "lite" // forwards, owns nothing
)

// Replication says what an answer waits for.
type Replication string

// The ways to replicate.
const (
	Async Replication = "async" // for nothing, while the copies are at most ReplicationLag behind
	Sync  Replication = "sync"  // until the copies hold the charge
)

// Unreachable is the policy for hits that no owner answered in time.
type Unreachable string

// Unreachable policies. All but Fail answer with Decision.Degraded set.
const (
	LocalShare Unreachable = "local" // decide here, by this node's share of each limit
	AllowAll   Unreachable = "allow"
	DenyAll    Unreachable = "deny"
	Fail       Unreachable = "error" // ErrUnreachable
)

// Default addresses.
const (
	DefaultGossipAddr  = "127.0.0.1:7946"
	DefaultClusterAddr = "127.0.0.1:7947"
)

func (c Config) withDefaults() Config {
	c.GossipAddr = or(c.GossipAddr, DefaultGossipAddr)
	c.ClusterAddr = or(c.ClusterAddr, DefaultClusterAddr)
	c.Role = or(c.Role, Full)
	c.Replicas = or(c.Replicas, 2)
	c.Replication = or(c.Replication, Async)
	c.ReplicationLag = or(c.ReplicationLag, 10*time.Millisecond)
	c.OnUnreachable = or(c.OnUnreachable, LocalShare)
	c.Timeout = or(c.Timeout, 250*time.Millisecond)
	c.MaxKeys = or(c.MaxKeys, 10_000_000)
	c.MinMembers = or(c.MinMembers, 1)
	c.BootstrapWait = or(c.BootstrapWait, 2*time.Second)
	c.Logger = or(c.Logger, slog.Default())
	c.partitions = or(c.partitions, ring.DefaultPartitions)
	c.network = or(c.network, network(sockets{}))
	if c.now == nil {
		c.now = clock()
	}
	return c
}

// or is v, or the default if v is the zero value.
func or[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// Validate reports every field that makes c unusable, by name and value, after defaults.
func (c Config) Validate() error {
	c = c.withDefaults()
	var errs []error
	bad := func(field string, value any, wrong string) {
		errs = append(errs, fmt.Errorf("%s: %v %s", field, value, wrong))
	}
	if len(c.Name) > 128 || strings.ContainsAny(c.Name, "#\n") {
		bad("name", fmt.Sprintf("%q", c.Name), "has more than 128 bytes, or a # or a line break")
	}
	for _, a := range []struct{ field, addr string }{{"gossip address", c.GossipAddr}, {"cluster address", c.ClusterAddr}} {
		if _, _, err := splitHostPort(a.addr); err != nil {
			bad(a.field, fmt.Sprintf("%q", a.addr), "is not host:port")
		}
	}
	if net.ParseIP(c.AdvertiseHost).IsUnspecified() {
		bad("advertise host", fmt.Sprintf("%q", c.AdvertiseHost), "is no address that other nodes can dial")
	}
	for _, seed := range c.Join {
		if strings.TrimSpace(seed) == "" {
			bad("join", fmt.Sprintf("%q", seed), "is empty")
		}
	}
	if n := len(c.Secret); n > 0 && n < 16 {
		bad("cluster secret", n, "bytes are too few, at least 16 are needed")
	}
	if c.Role != Full && c.Role != Lite {
		bad("role", fmt.Sprintf("%q", c.Role), "is neither full nor lite")
	}
	if c.Replicas < 1 || c.Replicas > 7 {
		bad("replicas", c.Replicas, "is not between 1 and 7")
	}
	if c.Replication != Async && c.Replication != Sync {
		bad("replication", fmt.Sprintf("%q", c.Replication), "is neither async nor sync")
	}
	if c.ReplicationLag < time.Millisecond || c.ReplicationLag > 10*time.Second {
		bad("replication-lag", c.ReplicationLag, "is not between 1ms and 10s")
	}
	switch c.OnUnreachable {
	case LocalShare, AllowAll, DenyAll, Fail:
	default:
		bad("on-unreachable", fmt.Sprintf("%q", c.OnUnreachable), "is none of allow, deny, local, error")
	}
	if c.Timeout < time.Millisecond || c.Timeout > time.Minute {
		bad("timeout", c.Timeout, "is not between 1ms and 1m")
	}
	if c.MaxKeys < 1 {
		bad("max-keys", c.MaxKeys, "is below 1")
	}
	if c.MinMembers < 1 {
		bad("min-members", c.MinMembers, "is below 1")
	}
	if c.BootstrapWait < 0 || c.BootstrapWait > time.Hour {
		bad("bootstrap-wait", c.BootstrapWait, "is not between 0 and 1h")
	}
	if _, err := strategy.NewRegistry(c.Strategies...); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// splitHostPort is net.SplitHostPort with a port that must be a number.
func splitHostPort(addr string) (host string, port int, err error) {
	host, _, err = net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	tcp, err := net.ResolveTCPAddr("tcp", net.JoinHostPort("", addr[strings.LastIndexByte(addr, ':')+1:]))
	if err != nil {
		return "", 0, err
	}
	return host, tcp.Port, nil
}

// defaultName is the host name and the port that gossip is bound to.
func defaultName(port int) string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "node"
	}
	return fmt.Sprintf("%s-%d", strings.ReplaceAll(host, "#", "-"), port)
}
