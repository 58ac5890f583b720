package node

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// gossip is this node's end of memberlist: it announces meta and collects what changes. memberlist calls its delegates
// with its own locks held, so they only note the event and wake the one goroutine that asks for it.
type gossip struct {
	list *memberlist.Memberlist
	addr string // that others dial, with the port that was chosen
	log  *slog.Logger

	wake chan struct{} // holds one token while changes wait

	mu      sync.Mutex
	self    *meta
	encoded []byte
	changes []change
}

// change is a member that joined or told something new, or one that is gone.
type change struct {
	meta *meta
	addr string // of its gossip
	gone bool
}

// leaveTimeout bounds how long a leaving node waits for its farewell to be sent.
const leaveTimeout = 2 * time.Second

// startGossip binds the gossip address of cfg.
func startGossip(cfg *Config, self *meta) (*gossip, error) {
	addr, advertise := cfg.GossipAddr, cfg.AdvertiseHost
	host, port, err := splitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("gossip address %q: %w", addr, err)
	}
	g := &gossip{log: cfg.Logger, wake: make(chan struct{}, 1)}
	if err := g.set(self); err != nil {
		return nil, err
	}
	c := lanFast()
	c.Name = self.name + "#" + short(self.uid)
	bind, err := net.ResolveIPAddr("ip", or(host, "0.0.0.0")) // memberlist takes a name for the unspecified address
	if err != nil {
		return nil, fmt.Errorf("gossip address %q: %w", addr, err)
	}
	c.BindAddr, c.BindPort = bind.String(), port
	c.AdvertisePort = port
	if advertise != "" {
		ip, err := net.ResolveIPAddr("ip", advertise)
		if err != nil {
			return nil, fmt.Errorf("advertise address %q: %w", advertise, err)
		}
		c.AdvertiseAddr = ip.String()
	} else if !bind.IP.IsUnspecified() {
		c.AdvertiseAddr = c.BindAddr
	}
	c.Label = "traffik"
	if len(cfg.Secret) > 0 {
		key := sha256.Sum256(append([]byte("traffik gossip v1\x00"), cfg.Secret...))
		c.SecretKey = key[:]
	}
	c.Delegate, c.Events, c.Alive, c.Conflict = g, g, g, g
	c.Logger = log.New(slogWriter{cfg.Logger}, "", 0)
	if c.Transport, err = cfg.network.Gossip(addr); err != nil {
		return nil, fmt.Errorf("gossip address %q: %w", addr, err)
	}
	if g.list, err = memberlist.Create(c); err != nil {
		return nil, fmt.Errorf("gossip address %q: %w", addr, err)
	}
	n := g.list.LocalNode() // memberlist writes to it later, so it is read once
	g.addr = net.JoinHostPort(n.Addr.String(), strconv.Itoa(int(n.Port)))
	return g, nil
}

// lanFast is memberlist's LAN profile with shorter probes: a crash is noticed in about 2.4 s by 3 to 10 nodes.
func lanFast() *memberlist.Config {
	c := memberlist.DefaultLANConfig()
	c.ProbeInterval, c.ProbeTimeout = 500*time.Millisecond, 250*time.Millisecond
	c.SuspicionMult, c.SuspicionMaxTimeoutMult = 3, 4
	c.GossipInterval, c.GossipNodes = 100*time.Millisecond, 4
	// With 4, one member of six missed one change in some hundred, and learned of it by a push/pull within 15 s.
	c.RetransmitMult = 8
	c.PushPullInterval = 15 * time.Second
	c.GossipToTheDeadTime = 60 * time.Second
	c.TCPTimeout = 2 * time.Second
	return c
}

// set changes what is announced; announce sends it.
func (g *gossip) set(self *meta) error {
	b, err := self.encode()
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.self, g.encoded = self, b
	return nil
}

// announce tells the cluster what was set. It blocks until that is sent once, or for a second.
func (g *gossip) announce() {
	if err := g.list.UpdateNode(time.Second); err != nil {
		g.log.Debug("announcing own state", "err", err)
	}
}

// join contacts the gossip addresses and returns how many answered.
func (g *gossip) join(addrs []string) (int, error) { return g.list.Join(addrs) }

// leave says farewell and stops. It is called once. Whoever does not hear the farewell, because it stops too, notices
// by itself.
func (g *gossip) leave() error {
	if err := g.list.Leave(leaveTimeout); err != nil {
		g.log.Warn("leaving without a farewell", "err", err)
	}
	return g.list.Shutdown()
}

// take returns the changes since the last call.
func (g *gossip) take() []change {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.changes
	g.changes = nil
	return c
}

func (g *gossip) note(n *memberlist.Node, gone bool) {
	m, err := decodeMeta(n.Meta)
	if err != nil {
		g.log.Warn("ignoring a member", "member", n.Name, "addr", n.Address(), "err", err)
		return
	}
	g.mu.Lock()
	g.changes = append(g.changes, change{meta: m, addr: n.Address(), gone: gone})
	g.mu.Unlock()
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// NotifyJoin implements memberlist.EventDelegate.
func (g *gossip) NotifyJoin(n *memberlist.Node) { g.note(n, false) }

// NotifyUpdate implements memberlist.EventDelegate.
func (g *gossip) NotifyUpdate(n *memberlist.Node) { g.note(n, false) }

// NotifyLeave implements memberlist.EventDelegate, for the dead as for those who left.
func (g *gossip) NotifyLeave(n *memberlist.Node) { g.note(n, true) }

// NotifyAlive implements memberlist.AliveDelegate: members that place keys elsewhere are refused.
func (g *gossip) NotifyAlive(n *memberlist.Node) error {
	m, err := decodeMeta(n.Meta)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.self.compatible(m)
}

// NotifyConflict implements memberlist.ConflictDelegate.
func (g *gossip) NotifyConflict(existing, other *memberlist.Node) {
	g.log.Error("two processes have one member name", "member", existing.Name, "addr", existing.Address(), "other", other.Address())
}

// NodeMeta implements memberlist.Delegate.
func (g *gossip) NodeMeta(int) []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.encoded
}

// NotifyMsg implements memberlist.Delegate; nothing is sent that way.
func (*gossip) NotifyMsg([]byte) {}

// GetBroadcasts implements memberlist.Delegate; there are none.
func (*gossip) GetBroadcasts(int, int) [][]byte { return nil }

// LocalState implements memberlist.Delegate; members exchange nothing but their metadata.
func (*gossip) LocalState(bool) []byte { return nil }

// MergeRemoteState implements memberlist.Delegate.
func (*gossip) MergeRemoteState([]byte, bool) {}

// slogWriter turns memberlist's lines, "[WARN] memberlist: text", into records.
type slogWriter struct{ log *slog.Logger }

func (w slogWriter) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	level := slog.LevelInfo
	if prefix, rest, ok := strings.Cut(text, "] "); ok && strings.HasPrefix(prefix, "[") {
		text = strings.TrimPrefix(rest, "memberlist: ")
		switch prefix[1:] {
		case "DEBUG", "INFO":
			level = slog.LevelDebug
		case "WARN":
			level = slog.LevelWarn
		case "ERR", "ERROR":
			level = slog.LevelError
		}
	}
	// memberlist reports as errors what an operator need not act on, such as a peer that is being restarted.
	if level == slog.LevelError {
		level = slog.LevelWarn
	}
	w.log.Log(context.Background(), level, "gossip", "text", text)
	return len(line), nil
}
