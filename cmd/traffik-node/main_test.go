package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// outcome is what a command leaves behind.
type outcome struct {
	status   int
	out, err string
}

func run(t *testing.T, env map[string]string, args ...string) outcome {
	var out, err bytes.Buffer
	p := program{out: &out, err: &err, env: func(k string) string { return env[k] }, signals: make(chan os.Signal)}
	status := p.run(t.Context(), args)
	return outcome{status, out.String(), err.String()}
}

// journal is a log that can be waited for.
type journal struct {
	mu    sync.Mutex
	grown *sync.Cond
	text  strings.Builder
}

func newJournal() *journal {
	j := &journal{}
	j.grown = sync.NewCond(&j.mu)
	return j
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	defer j.grown.Broadcast()
	return j.text.Write(b)
}

// until waits for what the expression matches, and returns its first group.
func (j *journal) until(expr string) string {
	re := regexp.MustCompile(expr)
	j.mu.Lock()
	defer j.mu.Unlock()
	for {
		if m := re.FindStringSubmatch(j.text.String()); m != nil {
			return m[1]
		}
		j.grown.Wait()
	}
}

// serving starts a node in this process, with ports that the system chooses, and returns its URL and how to stop it.
func serving(t *testing.T, args ...string) (url string, log *journal, stop func() outcome) {
	t.Helper()
	log = newJournal()
	signals := make(chan os.Signal, 2)
	var out bytes.Buffer
	p := program{out: &out, err: log, env: func(string) string { return "" }, signals: signals}
	status := make(chan int, 1)
	args = append([]string{"--http-addr=127.0.0.1:0", "--gossip-addr=127.0.0.1:0", "--cluster-addr=127.0.0.1:0"}, args...)
	ctx := context.WithoutCancel(t.Context())  // which ends before cleanups, and the signal would be the second one
	go func() { status <- p.run(ctx, args) }() // ends with the signal
	stop = sync.OnceValue(func() outcome {
		signals <- syscall.SIGTERM
		http.DefaultClient.CloseIdleConnections()
		return outcome{status: <-status, out: out.String(), err: log.text.String()}
	})
	t.Cleanup(func() { assert.Equal(t, 0, stop().status) })
	url = "http://" + log.until(`what"?[=:]"?http"? ?,?"?addr"?[=:]"?([0-9.:]+)`)
	log.until(`what"?[=:]"?gossip"? ?,?"?addr"?[=:]"?([0-9.:]+)`)
	return url, log, stop
}

// Guarantees 1, 2 and 4.
func TestServeAskAndLeave(t *testing.T) {
	url, _, stop := serving(t, "--name=n1")
	for _, c := range []struct {
		args   string
		status int
		out    string
	}{
		{"hit user:42 --rate 2/day", 0, "allowed, 1 of 2 per 24h0m0s remaining, owner n1\n"},
		{"check user:42 --rate 2/day", 0, "allowed, 1 of 2 per 24h0m0s remaining, owner n1\n"},
		{"check user:42 --rate 2/day --cost 2", 1, ""},
		{"hit user:42 --rate 2/day --cost 3", 1, "refused, 1 of 2 per 24h0m0s remaining, never fits, owner n1\n"},
		{"stat user:42 --rate 2/day", 0, "1 of 2 per 24h0m0s remaining, owner n1\n"},
		{"hit user:42 --rate 2/day --scope eu --json", 0, `{"allowed":true,"hits_remaining":1,"wait_ms":0,"limit":2,"period_ms":86400000,"key":"user:42","owner":"n1"}` + "\n"},
		{"hit user:42 --rate 1/s --strategy token_bucket --param burst_size=5 --context tier=pro --context priority=3 --uid u", 0, "allowed, 4 of 5 per 1s remaining, owner n1\n"},
		{"hit user:42 --rate 2/day --cost 0", 0, "allowed\n"},
		{"members", 0, ""},
		{"members --json", 0, ""},
	} {
		got := run(t, nil, append(strings.Fields(c.args), "--addr", url)...)
		assert.Equal(t, c.status, got.status, "%s: %s", c.args, got.err)
		assert.Contains(t, got.out, c.out, "%s", c.args)
		assert.Empty(t, got.err)
	}
	for args, wrong := range map[string]string{
		"hit user:42 --rate 2/fortnight":                `traffik-node hit: rate "2/fortnight"`,
		"hit user:42":                                   "rate: missing",
		"stat user:42 --policy nope":                    `policy: "nope" is not configured`,
		"check k --rate 1/s --param burst":              `--param "burst": is not name=value`,
		"check k --rate 1/s --context a=1 --context a=": `--context "a=": a is set twice`,
		"hit --rate 1/s":                                "KEY is missing",
		"hit k l --rate 1/s":                            `"l" is one argument too many after KEY`,
		"hit k --rate 1/s --cost much":                  `"much" for "--cost" flag`,
		"hit k --rate 1/s --brave":                      "unknown flag: --brave",
		"hit k\xff --rate 1/s":                          "is not UTF-8",
	} {
		got := run(t, nil, append(strings.Fields(args), "--addr", url)...)
		assert.Equal(t, 2, got.status, "%s", args)
		assert.Contains(t, got.err, wrong)
		assert.Empty(t, got.out)
	}
	left := stop()
	assert.Equal(t, 0, left.status, "%s", left.err)
	assert.Empty(t, left.out)
	assert.Contains(t, left.err, "msg=stopped")
}

func TestServeFromAFile(t *testing.T) {
	dir := t.TempDir()
	file, secret := filepath.Join(dir, "traffik.yaml"), filepath.Join(dir, "secret")
	require.NoError(t, os.WriteFile(secret, []byte("a secret of some length\n"), 0o600))
	require.NoError(t, os.WriteFile(file, []byte("name: n7\nlog_format: json\ncluster_secret_file: "+secret+"\npolicies:\n  login:\n    limits:\n      - {name: burst, rate: 1/min}\n      - {name: daily, rate: 5/day}\n"), 0o600))
	url, log, _ := serving(t, "--config", file)
	log.until(`"name":"(n7)"`)
	assert.Equal(t, outcome{0, "allowed, 0 of 1 per 1m0s remaining, owner n7\n", ""}, run(t, nil, "hit", "k", "--policy=login", "--addr", url))
	got := run(t, nil, "hit", "k", "--policy=login", "--addr", url)
	assert.Equal(t, 1, got.status)
	assert.Contains(t, got.out, "refused, limited by burst, 0 of 1 per 1m0s remaining, wait ")
}

// Guarantee 3.
func TestServeSaysWhyItCannotStart(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	dir := t.TempDir()
	short := filepath.Join(dir, "short")
	require.NoError(t, os.WriteFile(short, []byte("brief\n"), 0o600))
	for _, c := range []struct {
		env  map[string]string
		args []string
		want []string
	}{
		{nil, []string{"--http-addr", taken.Addr().String()}, []string{"--http-addr", taken.Addr().String(), "address already in use"}},
		{nil, []string{"--cluster-addr", taken.Addr().String()}, []string{"cluster", taken.Addr().String(), "address already in use"}},
		{nil, []string{"--gossip-addr", taken.Addr().String()}, []string{"gossip", taken.Addr().String(), "address already in use"}},
		{nil, []string{"--cluster-secret-file", short}, []string{"--cluster-secret-file", short, "5 bytes are too few"}},
		{nil, []string{"--cluster-secret-file", dir + "/none"}, []string{"--cluster-secret-file", "no such file"}},
		{nil, []string{"--config", dir + "/none"}, []string{"--config", "no such file"}},
		{nil, []string{"--role", "king"}, []string{"--role", "king", "full, lite"}},
		{nil, []string{"--resp-addr", ":1"}, []string{"unknown flag: --resp-addr"}},
		{nil, []string{"serve", "fast"}, []string{`"fast"`}},
		{nil, []string{"bench"}, []string{`unknown command "bench"`}},
		{map[string]string{"TRAFFIK_TIMEOUT": "soon"}, nil, []string{"TRAFFIK_TIMEOUT", "soon"}},
	} {
		args := append([]string{"--http-addr=127.0.0.1:0", "--gossip-addr=127.0.0.1:0", "--cluster-addr=127.0.0.1:0"}, c.args...)
		if len(c.args) > 0 && !strings.HasPrefix(c.args[0], "-") {
			args = c.args
		}
		got := run(t, c.env, args...)
		assert.Equal(t, 1, got.status, "%v", c.args)
		assert.Empty(t, got.out)
		for _, want := range c.want {
			assert.Contains(t, got.err, want)
		}
	}
}

func TestValidate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "traffik.yaml")
	require.NoError(t, os.WriteFile(file, []byte("role: lite\npolicies: {a: {rate: 1/s}}\n"), 0o600))
	assert.Equal(t, outcome{0, file + ": valid, 1 policies\n", ""}, run(t, nil, "validate", file))
	require.NoError(t, os.WriteFile(file, []byte("role: king\nplicies: {}\n"), 0o600))
	got := run(t, nil, "validate", file)
	assert.Equal(t, 1, got.status)
	assert.Empty(t, got.out)
	assert.Contains(t, got.err, file+":1:7: role: \"king\" is none of full, lite\n"+file+":2:1: plicies: unknown setting\n")
	assert.Contains(t, run(t, nil, "validate").err, "FILE is missing")
	assert.Equal(t, 1, run(t, nil, "validate", file+".not").status)
}

func TestEveryCommandHelpsWithExamples(t *testing.T) {
	p := program{out: io.Discard, err: io.Discard, env: func(string) string { return "" }}
	for _, cmd := range append(p.root().Commands(), p.root()) {
		assert.NotEmpty(t, cmd.Example, cmd.Name())
		got := run(t, nil, strings.Fields(strings.TrimPrefix(cmd.CommandPath(), "traffik-node")+" --help")...)
		assert.Equal(t, 0, got.status)
		assert.Contains(t, got.out, "Examples:\n")
	}
}

func TestAnswersOfOtherServers(t *testing.T) {
	var status int
	var body string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	defer s.Close()
	for _, c := range []struct {
		status int
		body   string
		args   string
		want   outcome
	}{
		{200, "null", "stat k --rate 1/s", outcome{0, "the strategy keeps no statistics\n", ""}},
		{200, `{"allowed":true,"hits_remaining":null,"limit":null,"wait_ms":0,"degraded":true}`, "hit k --rate 1/s", outcome{0, "allowed, decided without the owner\n", ""}},
		{500, "oops", "hit k --rate 1/s", outcome{2, "", "traffik-node hit: the node answered 500 Internal Server Error\n"}},
		{200, "oops", "members", outcome{1, "", "traffik-node members: the node's answer cannot be read: invalid character 'o' looking for beginning of value\n"}},
		{200, `{"members":[{"name":"n1","http_addr":"h","state":"active","role":"full","partitions":3,"keys":null,"version":"v1"}]}`, "members",
			outcome{0, "NAME  ADDRESS  STATE   ROLE  PARTITIONS  KEYS  VERSION\nn1    h        active  full  3           ?     v1\n", ""}},
	} {
		status, body = c.status, c.body
		assert.Equal(t, c.want, run(t, nil, append(strings.Fields(c.args), "--addr", s.URL+"/")...))
	}
	http.DefaultClient.CloseIdleConnections()
	for _, addr := range []string{"", "ftp://x", "http://", "http://a b", "http://x?y=1"} {
		got := run(t, nil, "hit", "k", "--rate=1/s", "--addr="+addr)
		assert.Equal(t, 2, got.status)
		assert.Contains(t, got.err, "--addr", addr)
	}
}

func TestWarnsWithoutASecretBeyondLoopback(t *testing.T) {
	for _, c := range []struct {
		cluster, gossip string
		loud            bool
	}{
		{"127.0.0.1:1", "[::1]:2", false}, {"10.0.0.1:1", "127.0.0.1:2", true}, {"127.0.0.1:1", "[::]:2", true},
	} {
		var b bytes.Buffer
		warnOfOpenness(slog.New(slog.NewTextHandler(&b, nil)), c.cluster, c.gossip)
		assert.Equal(t, c.loud, strings.Contains(b.String(), "level=WARN"), "%+v", c)
	}
}

func TestAdvertised(t *testing.T) {
	assert.Equal(t, "127.0.0.1:80", advertised("127.0.0.1:80", "n1.example"))
	assert.Equal(t, "n1.example:80", advertised("[::]:80", "n1.example"))
	assert.Equal(t, "[::]:80", advertised("[::]:80", ""))
}

func Example() {
	p := program{out: os.Stdout, err: os.Stdout, env: os.Getenv}
	status := p.run(context.Background(), []string{"hit"})
	os.Stdout.WriteString(strings.Repeat("!", status) + "\n")
	// Output:
	// traffik-node hit: KEY is missing
	// !!
}
