package config

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/node"
	"github.com/traffik-io/traffik/strategy"
)

func registry(t testing.TB) *strategy.Registry {
	t.Helper()
	r, err := strategy.NewRegistry()
	require.NoError(t, err)
	return r
}

// load is what args, env and the file "traffik.yaml" make of settings.
func load(t testing.TB, args []string, env map[string]string, file string) (*Settings, error) {
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	s := New(fs)
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	return s, s.Load(registry(t), func(k string) string { return env[k] }, func(path string) ([]byte, error) {
		if path != "traffik.yaml" {
			return nil, &os.PathError{Op: "open", Path: path, Err: os.ErrNotExist}
		}
		return []byte(file), nil
	})
}

func TestDefaults(t *testing.T) {
	s, err := load(t, nil, nil, "")
	require.NoError(t, err)
	s.flags = nil
	assert.Equal(t, &Settings{
		HTTPAddr: "127.0.0.1:8080", ClusterAddr: "127.0.0.1:7947", GossipAddr: "127.0.0.1:7946", OnUnreachable: node.LocalShare,
		Timeout: 250 * time.Millisecond, MaxKeys: 10_000_000, MinMembers: 1, BootstrapWait: 2 * time.Second, Role: node.Full,
		Replicas: 2, Replication: node.Async, ReplicationLag: 10 * time.Millisecond,
		DrainTimeout: 20 * time.Second, LogLevel: slog.LevelInfo, LogFormat: Text,
	}, s)
}

func TestEverySettingIsSet(t *testing.T) {
	want := &Settings{
		Name: "n1", HTTPAddr: ":0", ClusterAddr: "[::1]:1", GossipAddr: "10.0.0.1:2", AdvertiseAddr: "fe80::1", Join: []string{"a", "b:3"},
		OnUnreachable: node.Fail, Timeout: time.Second, MaxKeys: 5, ClusterSecretFile: "/s", MinMembers: 3, BootstrapWait: 0,
		Replicas: 3, Replication: node.Sync, ReplicationLag: 20 * time.Millisecond,
		Role: node.Lite, DrainTimeout: time.Minute, LogLevel: slog.LevelDebug, LogFormat: JSON,
	}
	values := map[string]string{
		"name": "n1", "http-addr": ":0", "cluster-addr": "[::1]:1", "gossip-addr": "10.0.0.1:2", "advertise-addr": "fe80::1", "join": "a, b:3",
		"on-unreachable": "error", "timeout": "1s", "max-keys": "5", "cluster-secret-file": "/s", "min-members": "3", "bootstrap-wait": "0s",
		"replicas": "3", "replication": "sync", "replication-lag": "20ms",
		"role": "lite", "drain-timeout": "1m", "log-level": "debug", "log-format": "json",
	}
	var args []string
	env, file := map[string]string{}, ""
	for k, v := range values {
		args = append(args, "--"+k, v)
		env[Variable(k)] = v
		file += fmt.Sprintf("%s: %q\n", strings.ReplaceAll(k, "-", "_"), v)
	}
	defined := 0
	for _, source := range []func() (*Settings, error){
		func() (*Settings, error) { return load(t, args, nil, "") },
		func() (*Settings, error) { return load(t, nil, env, "") },
		func() (*Settings, error) { return load(t, []string{"--config", "traffik.yaml"}, nil, file) },
	} {
		s, err := source()
		require.NoError(t, err)
		defined = 0
		s.flags.VisitAll(func(*pflag.Flag) { defined++ })
		s.flags, s.file = nil, ""
		assert.Equal(t, want, s)
	}
	assert.Equal(t, defined, len(values)+1, "the test knows every flag, and --config")
}

// Guarantee 1: for every subset of the sources of every flag, the strongest one wins.
func TestPrecedence(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		env, want := map[string]string{}, map[string]string{}
		var args []string
		file := ""
		for flag, def := range map[string]string{"name": "", "timeout": "250ms", "max-keys": "10000000", "join": "", "role": "full"} {
			values := map[string][]string{"name": {"f", "e", "y"}, "timeout": {"1s", "2s", "3s"}, "max-keys": {"1", "2", "3"}, "join": {"f", "e", "y"}, "role": {"lite", "full", "lite"}}[flag]
			want[flag] = def
			if rapid.Bool().Draw(rt, flag+" in file") {
				file += strings.ReplaceAll(flag, "-", "_") + ": " + values[2] + "\n"
				want[flag] = values[2]
			}
			if rapid.Bool().Draw(rt, flag+" in environment") {
				env[Variable(flag)] = values[1]
				want[flag] = values[1]
			}
			if rapid.Bool().Draw(rt, flag+" as flag") {
				args = append(args, "--"+flag+"="+values[0])
				want[flag] = values[0]
			}
		}
		env["TRAFFIK_CONFIG"] = "traffik.yaml"
		s, err := load(t, args, env, file)
		require.NoError(rt, err)
		for flag, v := range want {
			require.Equal(rt, v, s.flags.Lookup(flag).Value.String(), flag)
		}
	})
}

// Guarantee 2.
func TestBadValuesAreNamed(t *testing.T) {
	for flag, bad := range map[string]map[string]string{
		"name":           {"": "is not 1 to 128 bytes", "a#b": "is not 1 to 128 bytes", "a b": "is not 1 to 128 bytes"},
		"http-addr":      {"8080": "is not host:port", "localhost:http": `has the port "http"`, "localhost:65536": `has the port "65536"`},
		"gossip-addr":    {"::1": "is not host:port"},
		"advertise-addr": {"0.0.0.0": "is no address that other nodes can dial", "::": "is no address that", "10.0.0.1:80": "is not a host name", "": "is not a host name"},
		"join":           {"a,,b": `"" is empty`, "a:b": `"a:b" has the port "b"`, ":7946": `":7946" is neither`, "http://a": `"http://a" is neither`, "1:2:3": `"1:2:3" is neither`},
		"on-unreachable": {"panic": "is none of allow, deny, local, error"},
		"timeout":        {"250": "is not a duration", "0s": "is not between 1ms and 1m0s", "-1s": "is not between", "2m": "is not between"},
		"max-keys":       {"0": "is below 1", "many": "is not a whole number", "9223372036854775808": "is not a whole number"},
		"min-members":    {"-1": "is below 1"},
		"bootstrap-wait": {"2h": "is not between 0s and 1h0m0s"},
		"replicas":       {"0": "is below 1"},
		"replication":    {"later": "is none of async, sync"},
		"role":           {"king": "is none of full, lite"},
		"log-level":      {"loud": "is none of debug, info, warn, error"},
		"log-format":     {"xml": "is none of text, json"},
	} {
		for v, wrong := range bad {
			_, err := load(t, []string{"--" + flag + "=" + v}, nil, "")
			assert.ErrorContains(t, err, fmt.Sprintf(`"%s" for "--%s" flag: %s`, v, flag, wrong))
			if v != "" {
				_, err = load(t, nil, map[string]string{Variable(flag): v}, "")
				assert.ErrorContains(t, err, fmt.Sprintf(`%s=%q: %s`, Variable(flag), v, wrong))
			}
			key := strings.ReplaceAll(flag, "-", "_")
			_, err = load(t, []string{"--config=traffik.yaml"}, nil, fmt.Sprintf("\n  \n%s: %q", key, v))
			assert.ErrorContains(t, err, fmt.Sprintf("traffik.yaml:3:%d: %s: %q %s", len(key)+3, key, v, wrong))
		}
	}
	_, err := load(t, []string{"--config=absent.yaml"}, nil, "")
	assert.ErrorContains(t, err, "--config: open absent.yaml: file does not exist")
	_, err = load(t, []string{"--snapshot-dir=/s"}, nil, "")
	assert.ErrorContains(t, err, "unknown flag: --snapshot-dir")
	_, err = load(t, nil, map[string]string{"TRAFFIK_TIMEOUT": "x", "TRAFFIK_ROLE": "y"}, "")
	assert.ErrorContains(t, err, "TRAFFIK_TIMEOUT")
	assert.ErrorContains(t, err, "TRAFFIK_ROLE", "all errors are told")
}

const whole = `
http_addr: 0.0.0.0:8080 # comment
join: [a, "b:7946"]
policies:
  api-items:
    rate: 100/min
    strategy: token_bucket
    params: {burst_size: 150}
  login:
    limits:
      - {name: burst, rate: 10/s}
      - name: daily
        rate: 1000/day
        strategy: gcra
        params:
          burst: 5
  internal:
    unlimited: true
`

func TestFile(t *testing.T) {
	s, err := load(t, []string{"--config=traffik.yaml"}, nil, whole)
	require.NoError(t, err)
	assert.Equal(t, "0.0.0.0:8080", s.HTTPAddr)
	assert.Equal(t, []string{"a", "b:7946"}, s.Join)
	for name, want := range map[string][]strategy.Limit{
		"api-items": {{Rate: strategy.MustRate("100/min"), Strategy: strategy.TokenBucket{BurstSize: 150}}},
		"login":     {{Name: "burst", Rate: strategy.MustRate("10/s")}, {Name: "daily", Rate: strategy.MustRate("1000/day"), Strategy: strategy.GCRA{Burst: 5}}},
		"internal":  {{Rate: strategy.Unlimited()}},
	} {
		if assert.Contains(t, s.Policies, name) {
			assert.Equal(t, strategy.MustPolicy(want...).Encoded(), s.Policies[name].Encoded(), name)
		}
	}
	assert.Len(t, s.Policies, 3)
	for _, empty := range []string{"", "# nothing\n", "---\n"} {
		_, err = load(t, []string{"--config=traffik.yaml"}, nil, empty)
		assert.NoError(t, err, "%q", empty)
	}
}

// Guarantees 2 and 3.
func TestFileProblems(t *testing.T) {
	for _, c := range []struct {
		file string
		want []string // with line and column
	}{
		{"- a\n", []string{"1:1: want a mapping"}},
		{"name: [\n", []string{"1:7: "}},
		{"name: a\nname: b\n", []string{`2:1: mapping key "name" already defined at [1:1]`}},
		{"name: a\n---\nname: b\n", []string{"a second document"}},
		{"nam: a\nconfig: b\nhttp-addr: c\n", []string{"1:1: nam: unknown setting", "2:1: config: unknown setting", "3:1: http-addr: unknown setting, write http_addr"}},
		{"name:\nrole: [a]\ntimeout: {}\n", []string{"name: want a single value", "2:7: role: want a single value", "3:10: timeout: want a single value"}},
		{"name: &x a\nrole: *x\n", []string{"name: want a single value", "role: want a single value"}},
		{"timeout: 5\nmax_keys: 1.5\n", []string{`1:10: timeout: "5" is not a duration`, `2:11: max_keys: "1.5" is not a whole number`}},
		{"join: [a, [b]]\n", []string{"1:11: join: want a single value"}},
		{"policies: [a]\n", []string{"1:11: policies: want a mapping"}},
		{"policies:\n  a: 100/min\n  b:\n    rate: fast\n  c:\n    rates: 1/s\n", []string{
			"2:6: policies.a: want a mapping", `4:11: policies.b.rate "fast": want a limit`, "6:5: policies.c.rates: unknown field"}},
		{"policies:\n  a: {}\n  b: {unlimited: false}\n", []string{"2:3: policies.a.rate: missing", "3:3: policies.b.rate: missing"}},
		{"policies:\n  a: {unlimited: true, rate: 1/s}\n  b: {unlimited: sure}\n", []string{
			"2:18: policies.a.unlimited: true leaves no place", "3:18: policies.b.unlimited: want true or false"}},
		{"policies:\n  a: {rate: 1/s, strategy: leaky}\n  b: {rate: 1/s, strategy: gcra, params: {burst: -1}}\n", []string{
			`2:28: policies.a.strategy: "leaky" is unknown`, "policies.b.params.burst: -1 is negative"}},
		{"policies:\n  a:\n    rate: 1/s\n    params: [1]\n  b:\n    rate: 1/s\n    params: {x: *y}\n", []string{"4:13: policies.a.params: want a mapping", "policies.b.params: "}},
		{"policies:\n  a: {name: x, rate: 1/s}\n", []string{"2:7: policies.a.name: unknown field"}},
		{"policies:\n  a: {limits: 5}\n  b: {limits: []}\n", []string{"2:15: policies.a.limits: want a list", "3:7: policies.b.limits: empty"}},
		{"policies:\n  a:\n    rate: 1/s\n    limits: [{name: x, rate: 1/s}]\n", []string{"4:5: policies.a.limits: leave no place"}},
		{"policies:\n  a:\n    limits:\n      - {name: x, rate: 1/s}\n      - {name: x, rate: 1/m}\n", []string{`3:5: policies.a.limits[1].name: "x" is taken`}},
		{"policies:\n  a:\n    limits:\n      - {name: x, rate: 1/s}\n      - {name: y, rate: 1/fortnight}\n", []string{`5:25: policies.a.limits[1].rate "1/fortnight"`}},
		{"policies:\n  ä: {rate: 1/s}\n", []string{`2:3: policies: the name "ä" is not`}},
		{"1: a\n", []string{"1:1: 1: a name is a plain string"}},
	} {
		_, err := ParseFile(registry(t), "f", []byte(c.file))
		var wrong *FileError
		if !assert.True(t, errors.As(err, &wrong), "%q: %v", c.file, err) {
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		assert.Len(t, lines, len(c.want), "%q: %v", c.file, err)
		for i, want := range c.want {
			assert.Contains(t, lines[min(i, len(lines)-1)], want, "%q", c.file)
			assert.Regexp(t, `^f:\d+:\d+: `, lines[min(i, len(lines)-1)])
		}
	}
}

// Guarantee 3: what a flag overrides is checked like any other.
func TestOverriddenValuesAreChecked(t *testing.T) {
	_, err := load(t, []string{"--config=traffik.yaml", "--timeout=1s"}, nil, "timeout: never\n")
	assert.ErrorContains(t, err, `traffik.yaml:1:10: timeout: "never" is not a duration`)
}

// FuzzParseFile: any file gets settings or problems with a place, and no panic.
func FuzzParseFile(f *testing.F) {
	f.Add(whole)
	for _, s := range []string{"a: [1\n", "policies: {a: {rate: 1/s, limits: []}}", "name: &a [*a]", "? x\n: y", "\t", "policies:\n  a: {params: {x: .nan}, rate: 1/s}"} {
		f.Add(s)
	}
	r := registry(f)
	f.Fuzz(func(t *testing.T, s string) {
		_, err := ParseFile(r, "f", []byte(s))
		var wrong *FileError
		if err != nil && errors.As(err, &wrong) {
			for _, p := range wrong.Problems {
				require.Positive(t, p.Line)
				require.NotEmpty(t, p.Text)
			}
		}
	})
}

func Example() {
	registry, _ := strategy.NewRegistry()
	_, err := ParseFile(registry, "traffik.yaml", []byte("timeout: soon\npolicies:\n  login:\n    rate: 5 per minuet\n"))
	fmt.Println(err)

	flags := pflag.NewFlagSet("traffik-node", pflag.ContinueOnError)
	settings := New(flags)
	_ = flags.Parse([]string{"--timeout", "100ms"})
	env := func(name string) string {
		return map[string]string{"TRAFFIK_TIMEOUT": "1s", "TRAFFIK_ROLE": "lite"}[name]
	}
	err = settings.Load(registry, env, os.ReadFile)
	fmt.Println(settings.Timeout, settings.Role, err)
	// Output:
	// traffik.yaml:1:10: timeout: "soon" is not a duration such as 250ms or 20s
	// traffik.yaml:4:11: policies.login.rate "5 per minuet": period "minuet" has no known unit (ms, s, min, h, day)
	// 100ms lite <nil>
}
