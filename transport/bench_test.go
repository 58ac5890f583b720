package transport

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/internal/echo"
	"github.com/traffik-io/traffik/strategy"
)

// peerEnv makes the test binary the other process of a benchmark: it prints the addresses of its listeners and serves
// until its standard input ends.
const peerEnv = "TRAFFIK_TRANSPORT_BENCH_PEER"

// constant answers every hit with one decision.
type constant struct{ answer HitResponse }

func (h *constant) ServeHit(_ *HitRequest, reply Responder)             { reply.Answer(&h.answer) }
func (h *constant) ServeCall(_ uint8, body []byte, reply CallResponder) { reply.Result(body) }

// deciding decides like an owner without actors: records by key hash, one caller at a time.
type deciding struct {
	mu      sync.Mutex
	start   time.Time
	records map[[2]uint64]*strategy.Records
}

func newDeciding() *deciding {
	return &deciding{start: time.Now(), records: map[[2]uint64]*strategy.Records{}}
}

func (h *deciding) ServeHit(r *HitRequest, reply Responder) {
	now := strategy.Time(time.Since(h.start).Microseconds())
	h.mu.Lock()
	rs := h.records[[2]uint64{r.Hi, r.Lo}]
	if rs == nil {
		rs = &strategy.Records{}
		h.records[[2]uint64{r.Hi, r.Lo}] = rs
	}
	d, err := rs.Decide(now, r.Hit, true)
	h.mu.Unlock()
	if err != nil {
		reply.Answer(&HitResponse{Status: Failed, Text: err.Error()})
		return
	}
	reply.Answer(&HitResponse{Status: Decided, Term: 1, Decision: d})
}

func (h *deciding) ServeCall(_ uint8, body []byte, reply CallResponder) { reply.Result(body) }

// serveBenchmarks is the other process.
func serveBenchmarks() {
	policy := benchPolicy()
	var rs strategy.Records
	d, _ := rs.Decide(1_700_000_000_000_000, strategy.NewHit("k", policy), true)
	handlers := []Handler{&constant{HitResponse{Status: Decided, Term: 1, Decision: d}}, newDeciding()}
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
	line := bare.Addr().String()
	for _, h := range handlers {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		s, err := NewServer(benchConfig(2))
		if err != nil {
			panic(err)
		}
		go func() { _ = s.Serve(ln, h) }() // until the process ends
		line += " " + ln.Addr().String()
	}
	fmt.Println(line)
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
}

// startPeer starts the other process and returns the addresses of its echo and of its two handlers.
func startPeer(b *testing.B) (bare, constant, deciding string) {
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), peerEnv+"=1")
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
	_, err = fmt.Fscan(out, &bare, &constant, &deciding)
	require.NoError(b, err)
	return bare, constant, deciding
}

func benchPolicy() *strategy.Policy {
	return strategy.MustPolicy(strategy.Limit{Rate: strategy.MustRate("1000/min"), Strategy: strategy.TokenBucket{}})
}

func benchConfig(uid byte) Config {
	registry, err := strategy.NewRegistry()
	if err != nil {
		panic(err)
	}
	return Config{Self: Identity{UID: UID{uid}, Name: fmt.Sprintf("bench-%d", uid)}, Registry: registry}
}

// benchHits are hits as a node would send them, on 64 keys.
func benchHits() []HitRequest {
	policy := benchPolicy()
	hits := make([]HitRequest, 64)
	for i := range hits {
		x := uint64(i+1) * 0x9e3779b97f4a7c15
		hits[i] = HitRequest{
			Op: Hit, ID: uint64(1_000_000 + i), SettledBelow: uint64(999_000 + i), Hi: x, Lo: x * x, Budget: 500 * time.Millisecond,
			Hit: strategy.NewHit(fmt.Sprintf("user:%08d", i), policy),
		}
		hits[i].Hit.UID = "api"
	}
	return hits
}

// frameLen is the length of the frame of a hit on the wire.
func frameLen(r *HitRequest) int {
	return len(appendHit(nil, r))
}

// BenchmarkForwarded compares hits that are forwarded to another process with the echo.
func BenchmarkForwarded(b *testing.B) {
	echoAddr, constantAddr, decidingAddr := startPeer(b)
	hits := benchHits()
	payload := make([]byte, frameLen(&hits[0])-8) // the echo's own header has 8
	for _, handler := range []struct{ name, addr string }{{"constant", constantAddr}, {"deciding", decidingAddr}} {
		for _, callers := range []int{1, 64, 1024} {
			b.Run(fmt.Sprintf("%s/callers=%d", handler.name, callers), func(b *testing.B) {
				conn, err := net.Dial("tcp", echoAddr)
				require.NoError(b, err)
				bare := echo.NewClient(conn)
				defer bare.Close()
				link, err := NewLink(benchConfig(1), handler.addr, Identity{UID: UID{2}})
				require.NoError(b, err)
				defer func() { _ = link.Close(context.Background()) }()
				ctxs := make([]context.Context, callers) // as requests of an adapter have them
				for i := range ctxs {
					var cancel context.CancelFunc
					ctxs[i], cancel = context.WithCancel(context.Background())
					defer cancel()
				}
				hit := func(caller, i int) {
					r, err := link.Do(ctxs[caller], &hits[i%len(hits)])
					if err != nil || r.Status != Decided {
						b.Errorf("%v %v", r, err)
					}
				}
				echo.Compare(b, callers, hit, func(int, int) { bare.Do(payload) })
			})
		}
	}
}
