package cluster

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// network is a router and hosts, each with a kernel's network of its own. What one host sends to another passes the
// router, which can be told to drop it without a word, for each direction. Tests reach the hosts from the router, so
// that no cut is between them, and nothing of this machine's own network is touched.
type network struct {
	t      testing.TB
	subnet int
	router *namespace
	hosts  []*namespace

	mu   sync.Mutex
	cuts map[cut]int // and the preference of the rule that makes it
	last int
}

// cut is what is dropped: all that goes from one host to another, or what goes by one protocol.
type cut struct {
	from, to int
	protocol string // "" for all
}

// networks counts them: each has addresses of its own, because one dialer reaches all.
var networks atomic.Int32

// newNetwork makes a network of so many hosts. The test is skipped where this is not permitted, but not in CI.
func newNetwork(t testing.TB, hosts int) *network {
	t.Helper()
	n := &network{t: t, subnet: 1 + int(networks.Add(1))%250, cuts: map[cut]int{}}
	if err := n.make(hosts); err != nil {
		if os.Getenv("CI") == "true" && os.Geteuid() == 0 {
			require.FailNow(t, "CI must permit network namespaces", "%v", err)
		}
		t.Skipf("network namespaces, which need root and iproute2, cannot be made: %v", err)
	}
	return n
}

func (n *network) make(hosts int) (err error) {
	if _, err = exec.LookPath("ip"); err != nil {
		return err
	}
	if n.router, err = n.namespace(); err != nil {
		return err
	}
	// A router that checks where packets come from would drop those whose answers are cut.
	for name, value := range map[string]string{"ipv4/ip_forward": "1", "ipv4/conf/all/rp_filter": "0", "ipv4/conf/default/rp_filter": "0"} {
		if err := n.router.set(name, value); err != nil {
			return err
		}
	}
	dial := n.router.dialer()
	for i := range hosts {
		host, err := n.namespace()
		if err != nil {
			return err
		}
		n.hosts = append(n.hosts, host)
		err = n.router.ip(
			fmt.Sprintf("link add name host%d type veth peer name wire netns %s", i, host.path()),
			fmt.Sprintf("addr add %s/24 dev host%d", n.address(i, 1), i),
			fmt.Sprintf("link set host%d up", i))
		if err != nil {
			return err
		}
		err = host.ip("link set lo up", fmt.Sprintf("addr add %s/24 dev wire", n.address(i, 2)), "link set wire up",
			"route add default via "+n.address(i, 1))
		if err != nil {
			return err
		}
		routers.Store(n.host(i), dial)
		n.t.Cleanup(func() { routers.Delete(n.host(i)) })
	}
	return nil
}

// namespace makes one that ends with the test.
func (n *network) namespace() (*namespace, error) {
	ns, err := newNamespace()
	if err == nil {
		n.t.Cleanup(ns.close)
	}
	return ns, err
}

func (n *network) address(host, last int) string {
	return fmt.Sprintf("10.%d.%d.%d", n.subnet, host, last)
}

// host is the address of a host.
func (n *network) host(i int) string { return n.address(i, 2) }

// gossip is where a node on that host gossips.
func (n *network) gossip(i int) string { return n.host(i) + ":7946" }

// launch starts a node on a host, where it is called n1 on host 0 and so on. Its binary is the one that tells terms,
// and that does without the rules in ablate.
func (n *network) launch(host int, ablate string, args ...string) *process {
	n.t.Helper()
	path, err := ablatable()
	require.NoError(n.t, err)
	name := fmt.Sprintf("n%d", host+1)
	args = append([]string{
		"--name", name, "--http-addr", n.host(host) + ":8080", "--cluster-addr", n.host(host) + ":7947", "--gossip-addr", n.gossip(host),
	}, args...)
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "TRAFFIK_ABLATE="+ablate)
	p := run(n.t, cmd, func(cmd *exec.Cmd) error { return n.hosts[host].do(cmd.Start) })
	p.name, p.http = name, "http://"+n.host(host)+":8080"
	p.cluster, p.gossip = n.host(host)+":7947", n.gossip(host)
	return p
}

// cluster starts a node on every host and waits until all know all.
func (n *network) cluster(ablate string, args ...string) []*process {
	n.t.Helper()
	nodes := make([]*process, len(n.hosts))
	names := make([]string, len(n.hosts))
	for i := range nodes {
		seed := n.gossip(0)
		if i == 0 {
			seed = n.gossip(1) // it waits for the others as well
		}
		more := append(slices.Clone(args), "--join", seed, "--min-members", fmt.Sprint(len(nodes)), "--bootstrap-wait", "10s")
		nodes[i], names[i] = n.launch(i, ablate, more...), fmt.Sprintf("n%d", i+1)
		nodes[i].log.until(n.t, "what=gossip addr=(.+)")
	}
	for _, p := range nodes {
		p.ready().sees(names...)
	}
	return nodes
}

// cut drops what goes from one host to another, until heal.
func (n *network) cut(from, to int) { n.drop(cut{from: from, to: to}) }

// part drops what goes between two hosts, in both directions.
func (n *network) part(a, b int) {
	n.cut(a, b)
	n.cut(b, a)
}

// split parts every host of one side from every host of the other.
func (n *network) split(one, other []int) {
	for _, a := range one {
		for _, b := range other {
			n.part(a, b)
		}
	}
}

func (n *network) drop(c cut) {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.cuts[c]; ok {
		return
	}
	n.last++
	n.cuts[c] = n.last
	require.NoError(n.t, n.router.ip("rule add "+n.rule(c)))
}

// heal ends every cut.
func (n *network) heal() {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	var lines []string
	for c := range n.cuts {
		lines = append(lines, "rule del "+n.rule(c))
	}
	clear(n.cuts)
	require.NoError(n.t, n.router.ip(lines...))
}

func (n *network) rule(c cut) string {
	s := fmt.Sprintf("from %s to %s pref %d", n.host(c.from), n.host(c.to), n.cuts[c])
	if c.protocol != "" {
		s += " ipproto " + c.protocol
	}
	return s + " blackhole"
}

// A cut is silent, of one direction or one protocol, and ends at once.
func TestTheNetworkCutsWhatItIsTold(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 2)
	listener, packets := listenOn(t, n, 1)
	arrives := func(network string, within time.Duration) error {
		return n.hosts[0].do(func() error {
			conn, err := net.DialTimeout(network, listener.Addr().String(), within)
			if err != nil {
				return err
			}
			defer conn.Close()
			if network == "tcp" {
				return nil
			}
			if _, err := conn.Write([]byte{1}); err != nil {
				return err
			}
			select {
			case <-packets:
				return nil
			case <-time.After(within):
				return os.ErrDeadlineExceeded
			}
		})
	}
	for name, c := range map[string]struct {
		cuts     []cut
		tcp, udp bool
	}{
		"none":       {nil, true, true},
		"there":      {[]cut{{from: 0, to: 1}}, false, false},
		"back":       {[]cut{{from: 1, to: 0}}, false, true},
		"both":       {[]cut{{from: 0, to: 1}, {from: 1, to: 0}}, false, false},
		"udp":        {[]cut{{from: 0, to: 1, protocol: "udp"}}, true, false},
		"none again": {nil, true, true},
	} {
		for _, x := range c.cuts {
			n.drop(x)
		}
		for network, want := range map[string]bool{"tcp": c.tcp, "udp": c.udp} {
			if want {
				assert.NoError(t, arrives(network, patience), "%s %s", name, network)
			} else {
				err := arrives(network, 300*time.Millisecond)
				assert.ErrorContains(t, err, os.ErrDeadlineExceeded.Error(), "%s %s", name, network)
			}
		}
		n.heal()
	}
	conn, err := dial(t.Context(), "tcp", listener.Addr().String())
	require.NoError(t, err, "tests reach it")
	conn.Close()
	listener.Close()
	_, err = dial(t.Context(), "tcp", listener.Addr().String())
	assert.ErrorIs(t, err, syscall.ECONNREFUSED)
}

// listenOn accepts and drops connections on a host, and counts the packets that come to the same port.
func listenOn(t testing.TB, n *network, host int) (l net.Listener, packets <-chan struct{}) {
	var u net.PacketConn
	require.NoError(t, n.hosts[host].do(func() (err error) {
		if l, err = net.Listen("tcp", n.host(host)+":0"); err == nil {
			u, err = net.ListenPacket("udp", l.Addr().String())
		}
		return err
	}))
	came := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for b := make([]byte, 1); ; came <- struct{}{} {
			if _, _, err := u.ReadFrom(b); err != nil {
				return
			}
		}
	})
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	})
	t.Cleanup(func() {
		l.Close()
		u.Close()
		wg.Wait()
	})
	return l, came
}
