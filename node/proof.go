package node

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/traffik-io/traffik/node/ownership"
	"github.com/traffik-io/traffik/transport"
)

// Gossip takes seconds to be sure that a silent process is dead. One that has ended on a host that runs is known at
// once: its host refuses connections. That is proof if both its ports refuse twice, and if another member finds so
// too, or, where there is nobody to ask, if the process was on this host: a firewall may refuse as well. Silence is
// never proof.
const (
	kindRefused = 3 // asks another member whether a process refuses; the body is its UID, the answer one byte

	lookEvery  = 50 * time.Millisecond // at the links
	dialAgain  = 20 * time.Millisecond
	dialWithin = 200 * time.Millisecond
	askAgain   = 500 * time.Millisecond // about the same process
)

// proofs are the processes that are proved to be dead while gossip does not say so yet.
type proofs struct {
	count atomic.Int32 // of dead, so that those who route hits need no lock

	mu    sync.Mutex // guards what follows
	dead  map[transport.UID]bool
	asked map[transport.UID]time.Time
}

func (s *proofs) has(u transport.UID) bool {
	if s.count.Load() == 0 {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dead[u]
}

// begin reports whether it is time to look into u.
func (s *proofs) begin(u transport.UID, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead[u] || now.Sub(s.asked[u]) < askAgain {
		return false
	}
	if s.asked == nil {
		s.dead, s.asked = map[transport.UID]bool{}, map[transport.UID]time.Time{}
	}
	s.asked[u] = now
	return true
}

func (s *proofs) add(u transport.UID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead[u] = true
	s.count.Store(int32(len(s.dead)))
}

// drop forgets u, and reports whether it was held dead.
func (s *proofs) drop(u transport.UID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.dead[u]
	delete(s.dead, u)
	delete(s.asked, u)
	s.count.Store(int32(len(s.dead)))
	return was
}

// watch looks for links that are refused, until ctx ends.
func (n *Node) watch(ctx context.Context) {
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	var inquiries sync.WaitGroup
	defer inquiries.Wait()
	for {
		var now time.Time
		select {
		case now = <-t.C:
		case <-ctx.Done():
			return
		}
		for _, p := range n.view.Load().members {
			if p.link == nil {
				continue
			}
			switch s := p.link.Stats(); {
			case s.Connected:
				if n.proofs.drop(p.meta.uid) {
					n.driver.Cleared(ownership.UID(p.meta.uid))
				}
			case !suspicious(s.LastErr, p.meta):
			case n.proofs.has(p.meta.uid): // what it had sent may have been read after the proof, as if it lived
				n.driver.Proved(ownership.UID(p.meta.uid))
			case n.proofs.begin(p.meta.uid, now):
				inquiries.Go(func() { n.inquire(ctx, p, s.LastErr) })
			}
		}
	}
}

func suspicious(err error, m *meta) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || replaced(err, m)
}

// replaced reports whether a later process with the same name answers in place of m.
func replaced(err error, m *meta) bool {
	var wrong *transport.WrongPeerError
	return errors.As(err, &wrong) && wrong.Found.Name == m.name && wrong.Found.UID != m.uid
}

// inquire finds out whether p is certainly dead.
func (n *Node) inquire(ctx context.Context, p *peer, why error) {
	if !replaced(why, p.meta) && !(n.refuses(ctx, p) && n.confirmed(ctx, p)) {
		return
	}
	n.proofs.add(p.meta.uid)
	n.log.Warn("member is dead", "member", p.meta.name, "uid", short(p.meta.uid), "err", why)
	n.driver.Proved(ownership.UID(p.meta.uid))
}

// refuses reports whether both ports of p refuse connections, twice.
func (n *Node) refuses(ctx context.Context, p *peer) bool {
	for i := range 2 {
		if i > 0 && !sleep(ctx, dialAgain) {
			return false
		}
		for _, addr := range []string{p.meta.clusterAddr, p.gossipAddr} {
			limited, cancel := context.WithTimeout(ctx, dialWithin)
			conn, err := n.cfg.network.Dial(limited, addr)
			cancel()
			if err == nil {
				_ = conn.Close()
			}
			if !errors.Is(err, syscall.ECONNREFUSED) {
				return false
			}
		}
	}
	return true
}

// confirmed reports whether another member finds p dead too.
func (n *Node) confirmed(ctx context.Context, p *peer) bool {
	var others []*peer
	for _, o := range n.view.Load().members {
		if o.link != nil && o.meta.uid != p.meta.uid && o.meta.role == Full && !n.proofs.has(o.meta.uid) {
			others = append(others, o)
		}
	}
	if len(others) == 0 {
		return isLocal(p.meta.clusterAddr)
	}
	ctx, cancel := context.WithTimeout(ctx, askAgain)
	defer cancel()
	answers := make(chan bool, len(others))
	for _, o := range others {
		go func() { // ends with ctx
			b, err := o.link.Call(ctx, kindRefused, p.meta.uid[:])
			answers <- err == nil && len(b) == 1 && b[0] == 1
		}()
	}
	for range others {
		if <-answers {
			return true
		}
	}
	return false
}

// isLocal reports whether the address belongs to this host.
func isLocal(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	if err != nil || ip == nil {
		return false
	}
	own, err := net.InterfaceAddrs()
	return ip.IsLoopback() || err == nil && slices.ContainsFunc(own, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		return ok && n.IP.Equal(ip)
	})
}

// testify answers another member whether a process refuses connections.
func (n *Node) testify(body []byte, reply transport.CallResponder) {
	if len(body) != len(transport.UID{}) {
		reply.Fail("a uid is due")
		return
	}
	p := n.view.Load().find(transport.UID(body))
	if p == nil || p.link == nil {
		reply.Result([]byte{0})
		return
	}
	n.begin(func() { // ends within four dials
		answer := byte(0)
		if n.refuses(context.Background(), p) {
			answer = 1
		}
		reply.Result([]byte{answer})
	})
}
