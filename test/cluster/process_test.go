package cluster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// binary is what TestMain built.
var binary string

// ablatable builds, when it is first called, the binary that tells terms and from which safety can be taken away.
var ablatable = sync.OnceValues(func() (string, error) {
	path := binary + "-ablation"
	return path, build(path, "-tags", "ablation")
})

func build(path string, flags ...string) error {
	args := append([]string{"build", "-o", path}, flags...)
	if out, err := exec.Command("go", append(args, "github.com/traffik-io/traffik/cmd/traffik-node")...).CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "traffik-cluster-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "traffik-node")
		if err := build(binary); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		status := m.Run()
		printTable()
		client.CloseIdleConnections()
		if err := goleak.Find(); status == 0 && err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return status
	}())
}

// patience bounds every wait of a test for something that must happen.
const patience = 20 * time.Second

// process is a running binary.
type process struct {
	t    testing.TB
	cmd  *exec.Cmd
	name string
	log  *journal
	out  *strings.Builder

	exited chan struct{} // closed when it has
	status int           // then

	http, cluster, gossip string // addresses, once it listens
	secret                string // the file with that of its cluster, if there is one
}

// launch starts the binary. It is killed when the test ends, if it runs that long.
func launch(t testing.TB, args ...string) *process {
	t.Helper()
	return run(t, exec.Command(binary, args...), (*exec.Cmd).Start)
}

// run starts a command, in a way of its own.
func run(t testing.TB, cmd *exec.Cmd, start func(*exec.Cmd) error) *process {
	t.Helper()
	p := &process{t: t, cmd: cmd, log: newJournal(), out: &strings.Builder{}, exited: make(chan struct{})}
	p.cmd.Stdout = p.out
	errs, err := p.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, start(p.cmd))
	go func() { // ends with the process
		p.log.copy(errs)
		_ = p.cmd.Wait()
		p.status = p.cmd.ProcessState.ExitCode()
		p.log.close()
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
		if t.Failed() {
			t.Logf("--- log of %s\n%s", p.name, p.log)
		}
	})
	return p
}

// start starts a node on ports that the system chooses, and waits until it listens.
func start(t testing.TB, name string, args ...string) *process {
	t.Helper()
	return startAs(t, name, exec.Command(binary, args...))
}

// startAs is start for a command with arguments, and maybe an environment, of its own.
func startAs(t testing.TB, name string, cmd *exec.Cmd) *process {
	t.Helper()
	cmd.Args = append([]string{
		cmd.Args[0], "--name", name, "--http-addr", "127.0.0.1:0", "--cluster-addr", "127.0.0.1:0", "--gossip-addr", "127.0.0.1:0",
	}, cmd.Args[1:]...)
	p := run(t, cmd, (*exec.Cmd).Start)
	p.name = name
	p.http = "http://" + p.log.until(t, `what=http addr=(\S+)`)
	p.cluster = p.log.until(t, `what=cluster addr=(\S+)`)
	p.gossip = p.log.until(t, `what=gossip addr=(\S+)`)
	return p
}

// signal sends a signal, which must reach it.
func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(s))
}

// wait waits until the process has exited, and returns its status.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		require.FailNow(p.t, "it does not exit", "%s\n%s", p.name, p.log)
	}
	return p.status
}

// ready waits until the node says that it is.
func (p *process) ready() *process {
	p.t.Helper()
	eventually(p.t, func() error {
		if status, _, err := get(p.http + "/readyz"); err != nil || status != 200 {
			return fmt.Errorf("%s is not ready: %d %w", p.name, status, err)
		}
		return nil
	})
	return p
}

// muted waits until a stopped process is silent, which takes the system a moment.
func (p *process) muted() {
	p.t.Helper()
	eventually(p.t, func() error {
		ctx, cancel := context.WithTimeout(p.t.Context(), 100*time.Millisecond)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.http+"/livez", nil)
		if err != nil {
			return err
		}
		if res, err := client.Do(req); err == nil {
			return errors.Join(fmt.Errorf("%s still answers", p.name), res.Body.Close())
		}
		return nil
	})
}

// nobody is an address where no node gossips. The first node of a cluster looks for it and so waits for the others: it
// would begin alone, and have to hand most of what it has over to them.
const nobody = "127.0.0.1:1"

// gather starts nodes that begin as one cluster, with a secret of its own, and waits until all know all.
func gather(t testing.TB, names []string, args ...string) (nodes []*process) {
	t.Helper()
	seed := nobody
	_, secret := newSecret(t)
	args = append([]string{"--min-members", strconv.Itoa(len(names)), "--bootstrap-wait", "10s", "--cluster-secret-file", secret}, args...)
	for _, name := range names {
		p := start(t, name, append(slices.Clone(args), "--join", seed)...)
		p.secret = secret
		nodes = append(nodes, p)
		seed = nodes[0].gossip
	}
	for _, p := range nodes {
		p.ready().sees(slices.Sorted(slices.Values(names))...)
	}
	return nodes
}

// joining are the arguments of a node that joins the cluster of p.
func (p *process) joining() []string {
	return []string{"--cluster-secret-file", p.secret, "--join", p.gossip}
}

// three is gather for three.
func three(t testing.TB, args ...string) [3]*process {
	t.Helper()
	return [3]*process(gather(t, []string{"n1", "n2", "n3"}, args...))
}

// eventually retries what fails until it does not, or patience ends.
func eventually(t testing.TB, try func() error) {
	t.Helper()
	eventuallyWithin(t, patience, try)
}

func eventuallyWithin(t testing.TB, limit time.Duration, try func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			require.FailNow(t, "it does not happen", "%v", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Guarantees 1 and 2.
func TestProcessesEndWithTheirTest(t *testing.T) {
	t.Parallel()
	var p *process
	t.Run("starts one", func(t *testing.T) {
		p = start(t, "n1")
		for _, addr := range []string{strings.TrimPrefix(p.http, "http://"), p.cluster, p.gossip} {
			host, _, err := net.SplitHostPort(addr)
			require.NoError(t, err)
			require.True(t, net.ParseIP(host).IsLoopback(), "%s", addr)
		}
	})
	<-p.exited
	require.ErrorIs(t, p.cmd.Process.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

// unusedAddr is an address of loopback where nobody listens, and nobody will but who is told to: systems choose higher
// ports than that.
func unusedAddr(t testing.TB) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 20000+rand.N(10000)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no port is free")
	return ""
}

// journal is a log that can be waited for.
type journal struct {
	mu     sync.Mutex
	text   strings.Builder
	grown  chan struct{} // closed at the next line
	closed bool
}

func newJournal() *journal { return &journal{grown: make(chan struct{})} }

func (j *journal) copy(r io.Reader) {
	for lines := bufio.NewReader(r); ; {
		line, err := lines.ReadString('\n')
		j.mu.Lock()
		j.text.WriteString(line)
		close(j.grown)
		j.grown = make(chan struct{})
		j.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (j *journal) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	close(j.grown)
	j.grown = nil
}

// String is all that was logged.
func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// until waits for what the expression matches and returns its last group.
func (j *journal) until(t testing.TB, expr string) string {
	t.Helper()
	re := regexp.MustCompile(expr)
	deadline := time.After(patience)
	for {
		j.mu.Lock()
		text, grown, closed := j.text.String(), j.grown, j.closed
		j.mu.Unlock()
		if m := re.FindStringSubmatch(text); m != nil {
			return m[len(m)-1]
		}
		if closed {
			require.FailNow(t, "the process ended without saying it", "%s\n%s", expr, text)
		}
		select {
		case <-grown:
		case <-deadline:
			require.FailNow(t, "the process does not say it", "%s\n%s", expr, text)
		}
	}
}
