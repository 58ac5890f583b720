package node

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/internal/echo"
	"github.com/traffik-io/traffik/strategy"
)

// ownerEnv makes the test binary another process of a benchmark, with that name: it prints the addresses of its gossip
// and of an echo, and serves until its standard input ends. Beside it stand the number of copies and whom it joins.
const (
	ownerEnv    = "TRAFFIK_NODE_BENCH_OWNER"
	replicasEnv = "TRAFFIK_NODE_BENCH_REPLICAS"
	joinEnv     = "TRAFFIK_NODE_BENCH_JOIN"
)

func serveBenchmarks() {
	bare, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() { // until the process ends
		for {
			conn, err := bare.Accept()
			if err != nil {
				return
			}
			go echo.Serve(conn)
		}
	}()
	c := benchConfig(os.Getenv(ownerEnv))
	if c.Replicas, err = strconv.Atoi(os.Getenv(replicasEnv)); err != nil {
		panic(err)
	}
	if seed := os.Getenv(joinEnv); seed != "" {
		c.Join = []string{seed}
	}
	n, err := Start(context.Background(), c)
	if err != nil {
		panic(err)
	}
	for !n.Ready() {
		time.Sleep(10 * time.Millisecond)
	}
	fmt.Println(n.GossipAddr(), bare.Addr())
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
}

func benchConfig(name string) Config {
	return Config{
		Name: name, GossipAddr: "127.0.0.1:0", ClusterAddr: "127.0.0.1:0", OnUnreachable: Fail, Timeout: 5 * time.Second,
		Logger: slog.New(slog.DiscardHandler), Strategies: []strategy.Kind{strategy.KindOf[silent]()},
	}
}

// startOwner starts a process that owns keys. It prints its addresses when it is ready.
func startOwner(b *testing.B, name string, replicas int, join string) (gossip, bare string) {
	cmd := exec.CommandContext(context.Background(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), ownerEnv+"="+name, replicasEnv+"="+strconv.Itoa(replicas), joinEnv+"="+join)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(b, err)
	out, err := cmd.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	_, err = fmt.Fscan(out, &gossip, &bare)
	require.NoError(b, err)
	return gossip, bare
}

// startForwarder starts a node here that forwards every hit to the owners.
func startForwarder(b *testing.B, owners int, seed string) *Node {
	c := benchConfig("forwarder")
	c.Role, c.Join, c.MinMembers = Lite, []string{seed}, owners
	n, err := Start(b.Context(), c)
	require.NoError(b, err)
	b.Cleanup(func() { _ = n.Shutdown(context.Background()) })
	require.Eventually(b, func() bool { return n.Ready() && n.view.Load().full() == owners }, 20*time.Second, 10*time.Millisecond)
	return n
}

// benchKeys are those that the benchmarks hit, in no order.
func benchKeys() []string {
	keys := make([]string, 100_000)
	for i := range keys {
		keys[i*7919%len(keys)] = fmt.Sprintf("user:%08d", i)
	}
	return keys
}

// BenchmarkForwarded compares hits on 100,000 keys that another process owns with the bare echo.
func BenchmarkForwarded(b *testing.B) {
	seed, addr := startOwner(b, "owner", 2, "")
	n, keys := startForwarder(b, 1, seed), benchKeys()
	p := policy("1000000/min", strategy.TokenBucket{})
	payload := make([]byte, 80) // a hit on the wire has about as much
	for _, callers := range []int{1, 64, 1024} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			conn, err := net.Dial("tcp", addr)
			require.NoError(b, err)
			bare := echo.NewClient(conn)
			defer bare.Close()
			hit := func(_, i int) {
				h := strategy.NewHit(keys[i%len(keys)], p)
				if d, err := n.Hit(context.Background(), h); err != nil || !d.Allowed || d.Degraded {
					b.Errorf("%+v %v", d, err)
				}
			}
			echo.Compare(b, callers, hit, func(int, int) { bare.Do(payload) })
		})
	}
}

// BenchmarkReplicated is what a copy costs: 1,024 callers hit 100,000 keys of two other processes that keep no copies, and
// of two that are each other's backup, asynchronously. Both see the same machine, in turns; they are long, because holders
// read some of what they have taken a second later.
func BenchmarkReplicated(b *testing.B) {
	const callers, turn = 1024, 600 * 1024
	p, keys := policy("1000000/min", strategy.TokenBucket{}), benchKeys()
	hits := func(replicas int) func(caller, i int) {
		seed, _ := startOwner(b, fmt.Sprintf("a%d", replicas), replicas, "")
		startOwner(b, fmt.Sprintf("b%d", replicas), replicas, seed)
		n := startForwarder(b, 2, seed)
		return func(_, i int) {
			if d, err := n.Hit(context.Background(), strategy.NewHit(keys[i%len(keys)], p)); err != nil || !d.Allowed || d.Degraded {
				b.Errorf("%+v %v", d, err)
			}
		}
	}
	single, replicated := hits(1), hits(2)
	echo.Share(callers, turn, single) // the keys are there
	echo.Share(callers, turn, replicated)
	var singleTime, replicatedTime time.Duration
	b.ResetTimer()
	for left := b.N; left > 0; left -= turn {
		n := min(turn, left)
		replicatedTime += echo.Share(callers, n, replicated)
		b.StopTimer()
		singleTime += echo.Share(callers, n, single)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.N)/replicatedTime.Seconds(), "hits/s")
	b.ReportMetric(float64(b.N)/singleTime.Seconds(), "unreplicated/s")
	b.ReportMetric(100*singleTime.Seconds()/replicatedTime.Seconds(), "%ofUnreplicated")
}

// BenchmarkLocal is a hit that this node owns.
func BenchmarkLocal(b *testing.B) {
	n, err := Start(b.Context(), benchConfig("owner"))
	require.NoError(b, err)
	b.Cleanup(func() { _ = n.Shutdown(context.Background()) })
	h := strategy.NewHit("user:42", policy("1000000000/min", strategy.TokenBucket{}))
	b.ReportAllocs()
	for b.Loop() {
		if d, err := n.Hit(context.Background(), h); err != nil || !d.Allowed {
			b.Fatal(d, err)
		}
	}
}

// BenchmarkAttack is hits on 1,000 keys of another process that are at their limit: refused here, and, under a strategy
// that does not say that its refusals hold, by the owner every time.
func BenchmarkAttack(b *testing.B) {
	seed, _ := startOwner(b, "owner", 2, "")
	n, keys := startForwarder(b, 1, seed), benchKeys()[:1000]
	for _, c := range []struct {
		name string
		s    strategy.Strategy
	}{{"here", strategy.FixedWindow{}}, {"owner", silent{}}} {
		p := policy("1/day", c.s)
		hit := func(key string) strategy.Decision {
			d, err := n.Hit(context.Background(), strategy.NewHit(key, p))
			if err != nil {
				b.Error(err)
			}
			return d
		}
		for _, key := range keys {
			hit(key)
		}
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("refused=%s/callers=%d", c.name, callers), func(b *testing.B) {
				b.ReportAllocs()
				b.SetParallelism(max(callers/runtime.GOMAXPROCS(0), 1))
				before, start := n.Stats().Repeated, time.Now()
				next := atomic.Int64{}
				each := func() {
					if hit(keys[next.Add(7919)%int64(len(keys))]).Allowed {
						b.Error("allowed")
					}
				}
				if callers == 1 {
					for b.Loop() {
						each()
					}
				} else {
					b.RunParallel(func(pb *testing.PB) {
						for pb.Next() {
							each()
						}
					})
				}
				b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "hits/s")
				b.ReportMetric(100*float64(n.Stats().Repeated-before)/float64(b.N), "%repeated")
			})
		}
	}
}
