package memnet

import (
	"context"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// gossip is a memberlist.Transport.
type gossip struct {
	host    *Host
	addr    string
	ln      *listener
	packets chan *memberlist.Packet
	streams chan net.Conn
	done    chan struct{}
	tasks   sync.WaitGroup
}

// maxPackets is how many packets wait to be read; what comes above is lost.
const maxPackets = 1024

// Gossip implements the network of a node.
func (h *Host) Gossip(addr string) (memberlist.Transport, error) {
	ln, err := h.listen(addr)
	if err != nil {
		return nil, err
	}
	g := &gossip{
		host: h, addr: addr, ln: ln, packets: make(chan *memberlist.Packet, maxPackets), streams: make(chan net.Conn), done: make(chan struct{}),
	}
	h.net.mu.Lock()
	h.gossip[addr] = g
	h.net.mu.Unlock()
	g.tasks.Go(g.accept) // until Shutdown
	return g, nil
}

func (g *gossip) accept() {
	for {
		c, err := g.ln.Accept()
		if err != nil {
			return
		}
		select {
		case g.streams <- c:
		case <-g.done:
			_ = c.Close()
			return
		}
	}
}

// FinalAdvertiseAddr implements memberlist.Transport.
func (g *gossip) FinalAdvertiseAddr(string, int) (net.IP, int, error) {
	host, port, err := net.SplitHostPort(g.addr)
	if err != nil {
		return nil, 0, err
	}
	n, err := strconv.Atoi(port)
	return net.ParseIP(host), n, err
}

// WriteTo implements memberlist.Transport.
func (g *gossip) WriteTo(b []byte, addr string) (time.Time, error) {
	n, now := g.host.net, time.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	to := hostOf(addr)
	if w := n.wayLocked(g.host.ip, to); w.State == Open && !g.host.paused && !g.host.dead {
		p := &memberlist.Packet{Buf: append([]byte(nil), b...), From: address(g.addr)}
		time.AfterFunc(w.Latency, func() { n.deliver(to, addr, p) })
	}
	return now, nil
}

// deliver hands p to who listens, when that is not paused.
func (n *Network) deliver(ip, addr string, p *memberlist.Packet) {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := n.hosts[ip]
	if h == nil || h.gossip[addr] == nil {
		return
	}
	if h.paused {
		if len(h.held) < maxPackets {
			h.held = append(h.held, func() { n.deliver(ip, addr, p) })
		}
		return
	}
	p.Timestamp = time.Now()
	select {
	case h.gossip[addr].packets <- p:
	default:
	}
}

// PacketCh implements memberlist.Transport.
func (g *gossip) PacketCh() <-chan *memberlist.Packet { return g.packets }

// StreamCh implements memberlist.Transport.
func (g *gossip) StreamCh() <-chan net.Conn { return g.streams }

// DialTimeout implements memberlist.Transport.
func (g *gossip) DialTimeout(addr string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return g.host.Dial(ctx, addr)
}

// Shutdown implements memberlist.Transport.
func (g *gossip) Shutdown() error {
	g.host.net.mu.Lock()
	if g.host.gossip[g.addr] == g {
		delete(g.host.gossip, g.addr)
	}
	g.host.net.mu.Unlock()
	select {
	case <-g.done:
		return nil
	default:
	}
	close(g.done)
	_ = g.ln.Close()
	g.tasks.Wait()
	return nil
}
