package node

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/strategy"
	"github.com/traffik-io/traffik/transport"
)

// logBuffer is a log that tests read while nodes write.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), s)
}

// Guarantee 4: of two live processes with one name, the newer is ranked and the older leaves.
func TestNewerProcessTakesTheName(t *testing.T) {
	var log logBuffer
	const many = 4096 // partitions, so that not all of them are handed over before the newer process is active
	nodes := startCluster(t, 2, func(i int, c *Config) { c.Logger, c.partitions = slog.New(slog.NewTextHandler(&log, nil)), many })
	twin := startNode(t, Config{
		partitions: many, Name: "n1", GossipAddr: "127.0.0.1:0", ClusterAddr: "127.0.0.1:0", Join: []string{nodes[0].GossipAddr()},
		Secret: nodes[0].cfg.Secret, Logger: slog.New(slog.DiscardHandler),
	})
	select {
	case <-nodes[1].Done():
	case <-time.After(15 * time.Second):
		t.Fatal("the older process stays")
	}
	assert.ErrorContains(t, nodes[1].Err(), `the name "n1" belongs to a newer process at `+twin.ClusterAddr())
	assert.Equal(t, 1, log.count(`msg="leaving the cluster"`))
	assert.Zero(t, log.count("partitions that nobody took over"), "it hands over to whoever has the name now")
	require.Eventually(t, func() bool {
		m := nodes[0].Members(t.Context())
		return len(m) == 2 && m[1].UID == twin.UID() && m[1].State == Active && m[1].Partitions > 0 && m[1].Keys == 0
	}, 10*time.Second, 10*time.Millisecond)
	_, err := nodes[1].Hit(t.Context(), strategy.NewHit("k", policy("1/s", nil)))
	assert.Error(t, err)
}

// Guarantee 5: a node serves while its seed is silent, and finds it when it comes.
func TestSeedIsFoundLate(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	seed := free.Addr().String()
	require.NoError(t, free.Close())

	var log logBuffer
	early := startNode(t, Config{
		Name: "early", GossipAddr: "127.0.0.1:0", ClusterAddr: "127.0.0.1:0", Join: []string{seed}, BootstrapWait: 50 * time.Millisecond,
		OnUnreachable: Fail, Timeout: 2 * time.Second, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	d, err := early.Hit(t.Context(), strategy.NewHit("k", policy("1/s", nil)))
	require.NoError(t, err)
	assert.True(t, d.Allowed && !d.Degraded)
	assert.GreaterOrEqual(t, log.count("no seed answers"), 1)
	assert.GreaterOrEqual(t, log.count("seeds="+seed), 1)

	late := startNode(t, Config{Name: "late", GossipAddr: seed, ClusterAddr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	for _, n := range []*Node{early, late} {
		require.Eventually(t, func() bool { return len(n.view.Load().owners) == 2 && n.Ready() }, 20*time.Second, 10*time.Millisecond)
	}
}

func TestBadStarts(t *testing.T) {
	n := startNode(t, Config{GossipAddr: "127.0.0.1:0", ClusterAddr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	for want, c := range map[string]Config{
		"gossip address \"" + n.GossipAddr():   {GossipAddr: n.GossipAddr(), ClusterAddr: "127.0.0.1:0"},
		"cluster address \"" + n.ClusterAddr(): {GossipAddr: "127.0.0.1:0", ClusterAddr: n.ClusterAddr()},
		`gossip address: "nowhere" is not`:     {GossipAddr: "nowhere"},
		`advertise host: "0.0.0.0" is no addr`: {AdvertiseHost: "0.0.0.0"},
		`advertise host: "::" is no address`:   {AdvertiseHost: "::"},
		`cluster address: "a:b:c" is not`:      {ClusterAddr: "a:b:c"},
		"cluster secret: 3 bytes":              {Secret: []byte("abc")},
		`role: "boss"`:                         {Role: "boss"},
		`on-unreachable: "shrug"`:              {OnUnreachable: "shrug"},
		"timeout: 1ns":                         {Timeout: 1},
		"max-keys: -1":                         {MaxKeys: -1},
		"min-members: -2":                      {MinMembers: -2},
		"bootstrap-wait: -1s":                  {BootstrapWait: -time.Second},
		"replicas: 9":                          {Replicas: 9},
		`join: " " is empty`:                   {Join: []string{" "}},
		`name: "a#b"`:                          {Name: "a#b"},
		`strategy "": a name has`:              {Strategies: []strategy.Kind{{}}},
		"at most 512 are allowed":              {GossipAddr: "127.0.0.1:0", ClusterAddr: "127.0.0.1:0", HTTPAddr: strings.Repeat("h", 500)},
	} {
		c.Logger = slog.New(slog.DiscardHandler)
		_, err := Start(t.Context(), c)
		assert.ErrorContains(t, err, want)
	}
}

// Nodes that would place keys elsewhere, or that do not know the secret, stay apart.
func TestStrangersStayApart(t *testing.T) {
	nodes := startCluster(t, 1, nil)
	stranger := startNode(t, Config{
		Name: "stranger", GossipAddr: "127.0.0.1:0", ClusterAddr: "127.0.0.1:0", Secret: []byte("quite another secret"),
		Join: []string{nodes[0].GossipAddr()}, BootstrapWait: 500 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
	})
	require.Eventually(t, stranger.Ready, 10*time.Second, 10*time.Millisecond)
	assert.Len(t, nodes[0].Members(t.Context()), 1)
	assert.Len(t, stranger.Members(t.Context()), 1)
	assert.Error(t, nodes[0].self.compatible(stranger.self))
	other := *nodes[0].self
	other.partitions *= 2
	assert.ErrorContains(t, nodes[0].self.compatible(&other), "1024 partitions")
}

func TestMetaRoundTrip(t *testing.T) {
	m := &meta{
		uid: transport.UID{1, 2, 3}, name: "n1", state: Leaving, role: Lite, clusterAddr: "10.0.0.1:7947", httpAddr: "10.0.0.1:8080",
		version: "v1", partitions: 16384, hashCheck: 65535, bootMillis: 1 << 41,
	}
	b, err := m.encode()
	require.NoError(t, err)
	back, err := decodeMeta(b)
	require.NoError(t, err)
	assert.Equal(t, m, back)
	for i := range b {
		_, err := decodeMeta(b[:i])
		assert.Error(t, err, "%d bytes", i)
	}
}

func FuzzDecodeMeta(f *testing.F) {
	b, _ := (&meta{name: "n1", uid: transport.UID{1}}).encode()
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := decodeMeta(b); err == nil {
			assert.NotEmpty(t, m.name)
		}
	})
}

// Shutdown is idempotent, ends what runs, and later hits say so. Guarantee 7.
func TestShutdown(t *testing.T) {
	nodes := startCluster(t, 3, nil)
	h := strategy.NewHit("k", policy("1000/day", nil))
	_, err := nodes[0].Hit(t.Context(), h)
	require.NoError(t, err)
	owner := nodes[0].Owner("", "k", "").Owner
	for _, n := range nodes {
		if n.Name() != owner {
			continue
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { assert.NoError(t, n.Shutdown(ctx)) })
		}
		wg.Wait()
		assert.NoError(t, n.Err())
		assert.False(t, n.Ready())
		_, err := n.Hit(t.Context(), h)
		assert.ErrorIs(t, err, ErrClosed)
	}
	for _, n := range nodes {
		if n.Name() != owner {
			d, err := n.Hit(t.Context(), h)
			require.NoError(t, err)
			assert.NotEqual(t, owner, d.Owner)
		}
	}
}

// What is told to others is where they can dial: an unspecified host is that of gossip, or the advertised one.
func TestUnspecifiedHostsAreSpecified(t *testing.T) {
	n := &Node{gossip: &gossip{addr: "10.0.0.7:7946"}}
	for in, want := range map[string]string{
		"[::]:8080": "10.0.0.7:8080", "0.0.0.0:80": "10.0.0.7:80", ":81": "10.0.0.7:81", "127.0.0.1:8080": "127.0.0.1:8080",
		"app.internal:80": "app.internal:80", "": "",
	} {
		assert.Equal(t, want, n.specified(in))
	}
	n.cfg.AdvertiseHost = "n7.internal"
	assert.Equal(t, "n7.internal:8080", n.specified("[::]:8080"))
}
