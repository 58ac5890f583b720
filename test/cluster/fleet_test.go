package cluster

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// partitions of the ring.
const partitions = 16384

// fleet is a cluster whose nodes come and go. All its answers are decisions of owners, or errors; its binary is the one
// that tells terms, and that does without the rules in ablate. It has a secret that no other cluster has.
type fleet struct {
	t      testing.TB
	ablate string
	secret string
	args   []string
	env    map[string][]string // more, for nodes of these names
	nodes  []*process
	count  int // of all that were started
}

// newFleet is one without nodes.
func newFleet(t testing.TB, ablate string, args ...string) *fleet {
	secret, file := newSecret(t)
	args = append([]string{"--on-unreachable", "error", "--timeout", "2s", "--log-level", "info", "--cluster-secret-file", file}, args...)
	return &fleet{t: t, ablate: ablate, secret: secret, args: args, env: map[string][]string{}}
}

// launchFleet starts n nodes and waits until they are one cluster.
func launchFleet(t testing.TB, n int, ablate string, args ...string) *fleet {
	t.Helper()
	return newFleet(t, ablate, args...).begin(n)
}

// begin starts the first n nodes and waits until they are one cluster.
func (f *fleet) begin(n int) *fleet {
	f.t.Helper()
	for i := range n {
		args := []string{"--min-members", strconv.Itoa(n), "--bootstrap-wait", "10s"}
		if i == 0 {
			args = append(args, "--join", nobody)
		}
		f.nodes = append(f.nodes, f.launch(fmt.Sprintf("n%d", f.count+1), args...))
	}
	for _, p := range f.nodes {
		p.ready()
	}
	f.settle()
	return f
}

// launch starts a node that joins the others, who need not be there yet.
func (f *fleet) launch(name string, args ...string) *process {
	f.t.Helper()
	path, err := ablatable()
	require.NoError(f.t, err)
	args = append(slices.Clone(f.args), args...)
	if len(f.nodes) > 0 {
		args = append(args, "--join", f.nodes[0].gossip)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(append(os.Environ(), "TRAFFIK_ABLATE="+f.ablate), f.env[name]...)
	f.count++
	return startAs(f.t, name, cmd)
}

// join adds a node and returns when that is ready.
func (f *fleet) join() *process {
	f.t.Helper()
	p := f.launch(fmt.Sprintf("n%d", f.count+1)).ready()
	f.nodes = append(f.nodes, p)
	return p
}

// drop takes nodes off the list.
func (f *fleet) drop(gone ...*process) []*process {
	f.nodes = slices.DeleteFunc(slices.Clone(f.nodes), func(p *process) bool { return slices.Contains(gone, p) })
	return f.nodes
}

// kill ends a process as kill -9 does, and returns when it has ended.
func (f *fleet) kill(victims ...*process) {
	f.t.Helper()
	f.drop(victims...)
	for _, p := range victims {
		p.signal(syscall.SIGKILL)
	}
	for _, p := range victims {
		p.wait()
	}
}

// settle waits until every node sees the others only, serves the partitions that it should, and has copied them, and
// returns since when that is so. It paces a test and proves nothing.
func (f *fleet) settle() (since time.Time) {
	f.t.Helper()
	still := 0
	eventuallyWithin(f.t, 3*patience, func() error {
		time.Sleep(time.Duration(rounds(50, 200)) * time.Millisecond) // to ask costs the nodes what is to be measured
		now := time.Now()
		err := f.unsettled()
		if still++; err != nil {
			still = 0
		} else if still == 1 {
			since = now
		}
		if err == nil && still < 3 {
			err = errors.New("it is not still yet")
		}
		return err
	})
	return since
}

// unsettled is why f is not settled.
func (f *fleet) unsettled() error {
	for _, p := range f.nodes {
		all, err := p.members()
		if err != nil {
			return err
		}
		if len(all) != len(f.nodes) {
			return fmt.Errorf("%s sees %d members", p.name, len(all))
		}
		should := 0
		for _, m := range all {
			if m.Name == p.name {
				should = m.Assigned
			}
		}
		now, err := p.metrics(`traffik_partitions{state="owned"}`, "traffik_under_replicated_partitions")
		switch {
		case err != nil:
			return err
		case now[0] != float64(should) || should == 0:
			return fmt.Errorf("%s serves %v partitions of %d", p.name, now[0], should)
		case now[1] > 0 && len(f.nodes) > 1:
			return fmt.Errorf("%s has not copied %v partitions", p.name, now[1])
		}
	}
	return nil
}

// served is how many partitions the nodes serve, all together.
func served(nodes []*process) (sum float64, err error) {
	for _, p := range nodes {
		now, err := p.metrics(`traffik_partitions{state="owned"}`)
		if err != nil {
			return 0, err
		}
		sum += now[0]
	}
	return sum, nil
}

// metrics are the values of series of p.
func (p *process) metrics(series ...string) ([]float64, error) {
	status, body, err := get(p.http + "/metrics")
	if err != nil || status != 200 {
		return nil, fmt.Errorf("metrics of %s: %d %w", p.name, status, err)
	}
	values := make([]float64, len(series))
	for lines := bufio.NewScanner(bytes.NewReader(body)); lines.Scan(); {
		for i, name := range series {
			if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
				if values[i], err = strconv.ParseFloat(value, 64); err != nil {
					return nil, fmt.Errorf("%s: %w", name, err)
				}
			}
		}
	}
	return values, nil
}

// place is where a key is kept.
type place struct {
	Partition int
	Owner     string
	Backups   []string
	Term      uint64
}

// places tells where keys are, in the eyes of p.
func (p *process) places(keys []aim) map[string]place {
	p.t.Helper()
	found := make(map[string]place, len(keys))
	for _, a := range keys {
		found[a.key] = p.placeOf(a.key)
	}
	return found
}

// kept are the keys that a node owns or keeps a copy of.
func kept(places map[string]place, name string) (keys []string) {
	for key, at := range places {
		if at.Owner == name || slices.Contains(at.Backups, name) {
			keys = append(keys, key)
		}
	}
	return keys
}
