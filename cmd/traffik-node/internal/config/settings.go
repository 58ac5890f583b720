package config

import (
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/traffik-io/traffik/node"
	"github.com/traffik-io/traffik/strategy"
)

// Settings are those of a node. They are made by [New], which sets the defaults.
type Settings struct {
	Name              string
	HTTPAddr          string
	ClusterAddr       string
	GossipAddr        string
	AdvertiseAddr     string
	Join              []string
	OnUnreachable     node.Unreachable
	Timeout           time.Duration
	MaxKeys           int64
	ClusterSecretFile string
	MinMembers        int
	BootstrapWait     time.Duration
	Role              node.Role
	Replicas          int
	Replication       node.Replication
	ReplicationLag    time.Duration
	DrainTimeout      time.Duration
	LogLevel          slog.Level
	LogFormat         LogFormat
	// Policies are those of the file, by name.
	Policies map[string]*strategy.Policy

	file  string
	flags *pflag.FlagSet
}

// LogFormat is how log lines are written.
type LogFormat string

// Formats of log lines.
const (
	Text LogFormat = "text"
	JSON LogFormat = "json"
)

// fileFlag names the file, and so cannot be set in it.
const fileFlag = "config"

// New returns settings with their defaults, and defines their flags in fs. Parse fs, then call Load.
func New(fs *pflag.FlagSet) *Settings {
	s := &Settings{
		HTTPAddr:      "127.0.0.1:8080",
		ClusterAddr:   node.DefaultClusterAddr,
		GossipAddr:    node.DefaultGossipAddr,
		OnUnreachable: node.LocalShare,
		Timeout:       250 * time.Millisecond,
		MaxKeys:       10_000_000,
		MinMembers:    1,
		BootstrapWait: 2 * time.Second,
		Role:          node.Full,
		Replicas:      2,
		Replication:   node.Async,
		DrainTimeout:  20 * time.Second,
		LogFormat:     Text,
		flags:         fs,

		ReplicationLag: 10 * time.Millisecond,
	}
	fs.SortFlags = false
	fs.Var(text(&s.file), fileFlag, "YAML `file`; flags win over the environment, it over the file, and that over defaults")
	fs.Var(name(&s.Name), "name", "stable `name` of this node, unique in the cluster (default host name and port)")
	fs.Var(addr(&s.HTTPAddr), "http-addr", "`host:port` of the HTTP API, health and metrics; port 0 lets the system choose, here and below")
	fs.Var(addr(&s.ClusterAddr), "cluster-addr", "`host:port` where other nodes send hits (TCP)")
	fs.Var(addr(&s.GossipAddr), "gossip-addr", "`host:port` of the membership protocol (TCP and UDP)")
	fs.Var(host(&s.AdvertiseAddr), "advertise-addr", "`host` that other nodes dial (default the bound host)")
	fs.Var(seeds(&s.Join), "join", "gossip `addresses` or DNS names of nodes to join, comma-separated; tried again while the node runs")
	fs.Var(oneOf(&s.OnUnreachable, node.AllowAll, node.DenyAll, node.LocalShare, node.Fail), "on-unreachable",
		"`answer` when no owner answers in time: allow, deny, local (this node's share) or error")
	fs.Var(span(&s.Timeout, time.Millisecond, time.Minute), "timeout", "budget of one decision, retries included")
	fs.Var(number(&s.MaxKeys, 1), "max-keys", "keys owned by this node, at most")
	fs.Var(text(&s.ClusterSecretFile), "cluster-secret-file", "`file` with the secret of the cluster, at least 16 bytes")
	fs.Var(number(&s.MinMembers, 1), "min-members", "members to wait for before serving, with --join")
	fs.Var(span(&s.BootstrapWait, 0, time.Hour), "bootstrap-wait", "how long to wait for them at most")
	fs.Var(oneOf(&s.Role, node.Full, node.Lite), "role", "`role` of this node: full, or lite (forwards, owns nothing)")
	fs.Var(number(&s.Replicas, 1), "replicas", "copies of each key's counters, the owner's included")
	fs.Var(oneOf(&s.Replication, node.Async, node.Sync), "replication",
		"when an answer goes out: `async` (while the copies are at most --replication-lag behind) or sync (when they hold the charge)")
	fs.Var(span(&s.ReplicationLag, time.Millisecond, time.Minute), "replication-lag", "with async, what a crash can lose")
	fs.Var(span(&s.DrainTimeout, 0, time.Hour), "drain-timeout", "time that a stopping node takes to hand its keys over")
	fs.Var(level(&s.LogLevel), "log-level", "`level`: debug, info, warn or error")
	fs.Var(oneOf(&s.LogFormat, Text, JSON), "log-format", "`format` of the log: text or json")
	return s
}

// Variable is the environment variable of a flag.
func Variable(flag string) string {
	return "TRAFFIK_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Load completes the settings that no flag has set, from the environment and from the file. It returns all errors
// that it finds, joined. An empty variable is as good as none.
func (s *Settings) Load(r *strategy.Registry, env func(string) string, read func(path string) ([]byte, error)) error {
	return (&loader{Settings: s, registry: r, env: env, read: read}).load()
}
