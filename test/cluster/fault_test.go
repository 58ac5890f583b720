package cluster

import (
	"fmt"
	"net"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestKillingANonOwnerDisturbsNothing(t *testing.T) {
	t.Parallel()
	c := three(t, "--timeout", "2s") // the owner may wait for its backup until that is proven dead
	key := c[0].keyOf("n1")
	left := 100_000
	hit := func() {
		t.Helper()
		r := c[1].post("/v1/hit", `{"key":%q,"rate":"100000/day"}`, key)
		left--
		require.Equal(t, reply{Status: 200, Header: r.Header, Allowed: true, Remaining: float64(left), Limit: 100_000, Owner: "n1"}, r)
	}
	hit()
	c[2].signal(syscall.SIGKILL)
	c[2].wait()
	eventually(t, func() error { // hits go on while the others find out
		hit()
		all, err := c[1].members()
		for _, m := range all {
			if m.Name == "n3" && m.State == "active" {
				return fmt.Errorf("n3 is still active")
			}
		}
		return err
	})
	hit()
	c[0].sees("n1", "n2")
	for range 20 {
		hit()
	}
}

// When an owner is silent, its hits are answered by the unreachable policy and marked.
func TestDecidedWithoutTheOwner(t *testing.T) {
	t.Parallel()
	both := gather(t, []string{"n1", "silent"}, "--on-unreachable", "local")
	n1, silent := both[0], both[1]
	policies := map[string]*process{"local": n1}
	for _, policy := range []string{"allow", "deny", "error"} {
		policies[policy] = start(t, policy, append(n1.joining(), "--on-unreachable", policy, "--role", "lite")...).ready()
	}
	for _, p := range policies {
		p.sees("allow", "deny", "error", "n1", "silent")
	}
	body := fmt.Sprintf(`{"key":%q,"rate":"2/day"}`, n1.keyOf("silent"))
	silent.signal(syscall.SIGSTOP)
	silent.muted()
	var asked sync.WaitGroup
	for policy, p := range policies { // at once, before the others give silent up and take its keys
		asked.Go(func() {
			r, err := p.send("/v1/hit", body)
			if !assert.NoError(t, err) {
				return
			}
			assert.Equal(t, map[string]int{"local": 200, "allow": 200, "deny": 429, "error": 503}[policy], r.Status, "%s %s", policy, r.Detail)
			assert.Equal(t, policy != "error", r.Degraded, "%s", policy)
			assert.Equal(t, r.Status >= 400, r.Header.Get("Retry-After") != "", "%s", policy)
			if policy == "error" {
				assert.Equal(t, "application/problem+json", r.Header.Get("Content-Type"))
				assert.Contains(t, r.Detail, "no owner answered in time")
			}
		})
	}
	asked.Wait()
}

func TestOfTwoProcessesWithOneNameTheOlderLeaves(t *testing.T) {
	t.Parallel()
	both := gather(t, []string{"twin", "zoe"})
	old, other := both[0], both[1]
	young := start(t, "twin", old.joining()...).ready()
	assert.Equal(t, 1, old.wait())
	assert.Regexp(t, `(?m)^time=\S+ level=ERROR msg="leaving the cluster" .*twin.* belongs to a newer process`, old.log.String())
	assert.NotContains(t, old.log.String(), "nobody took over")
	young.sees("twin", "zoe")
	other.sees("twin", "zoe")
	assert.Equal(t, 200, other.post("/v1/hit", `{"key":%q,"rate":"1/day"}`, other.keyOf("twin")).Status)
}

func TestATakenPortIsSaid(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	addr := taken.Addr().String()
	for _, what := range []string{"http", "cluster", "gossip"} {
		args := []string{"--http-addr", "127.0.0.1:0", "--cluster-addr", "127.0.0.1:0", "--gossip-addr", "127.0.0.1:0"}
		p := launch(t, append(args, "--"+what+"-addr", addr)...)
		assert.Equal(t, 1, p.wait(), "%s", what)
		assert.Regexp(t, what+".*"+regexp.QuoteMeta(addr)+".*address already in use", p.log.String())
		assert.Empty(t, p.out.String())
	}
}

// A seed that does not answer is asked for ever, less and less often, while the node serves; and when it is there at
// last, the node joins.
func TestADeadSeedIsRetried(t *testing.T) {
	t.Parallel()
	seed := unusedAddr(t)
	_, secret := newSecret(t)
	p := start(t, "n2", "--cluster-secret-file", secret, "--join", seed, "--bootstrap-wait", "0s").ready()
	assert.Equal(t, 200, p.post("/v1/hit", `{"key":"k","rate":"1/day"}`).Status)
	pauses := regexp.MustCompile(`no seed answers.*retry_in=(\S+)`)
	p.log.until(t, `(?s)(?:no seed answers.*){3}`)
	last := time.Duration(0)
	for _, m := range pauses.FindAllStringSubmatch(p.log.String(), -1) {
		pause, err := time.ParseDuration(m[1])
		require.NoError(t, err)
		assert.Greater(t, pause, last, "the retries back off")
		last = pause
	}
	late := launch(t, "--name", "n1", "--cluster-secret-file", secret, "--gossip-addr", seed, "--http-addr", "127.0.0.1:0", "--cluster-addr", "127.0.0.1:0")
	late.log.until(t, `what=gossip addr=(\S+)`)
	p.sees("n1", "n2")
}
