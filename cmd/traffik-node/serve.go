package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/traffik-io/traffik/cmd/traffik-node/internal/api"
	"github.com/traffik-io/traffik/cmd/traffik-node/internal/config"
	"github.com/traffik-io/traffik/cmd/traffik-node/internal/metrics"
	"github.com/traffik-io/traffik/node"
	"github.com/traffik-io/traffik/strategy"
)

func (p *program) serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run a node",
		Long: `Run a node. Without flags it is a single node on loopback.

Every flag can be given by an environment variable: --http-addr is TRAFFIK_HTTP_ADDR.
SIGTERM and SIGINT leave gracefully; a second one stops at once.`,
		Example: `  traffik-node
  traffik-node serve --config /etc/traffik.yaml
  traffik-node --name n2 --http-addr :8080 --cluster-addr :7947 --gossip-addr :7946 --join n1.example:7946 \
      --cluster-secret-file /run/secrets/traffik`,
		Args: cobra.NoArgs,
	}
	settings := config.New(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		registry, err := strategy.NewRegistry()
		if err != nil {
			return err
		}
		if err := settings.Load(registry, p.env, os.ReadFile); err != nil {
			return err
		}
		s := &server{settings: settings, log: newLogger(p.err, settings)}
		return s.run(cmd.Context(), p.signals)
	}
	return cmd
}

// newLogger is the log of a node.
func newLogger(w io.Writer, s *config.Settings) *slog.Logger {
	options := &slog.HandlerOptions{Level: s.LogLevel}
	if s.LogFormat == config.JSON {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// server is a node with its HTTP API.
type server struct {
	settings *config.Settings
	log      *slog.Logger

	listener net.Listener
	node     *node.Node
	api      *api.Handler
	http     *http.Server
	cancel   context.CancelFunc // of requests that are still waiting
}

// run serves until a signal comes, ctx ends, or the node stops by itself.
func (s *server) run(ctx context.Context, signals <-chan os.Signal) error {
	if err := s.start(ctx); err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(s.listener) }() // ends when the server is shut down
	select {
	case sig := <-signals:
		s.log.Info("leaving", "signal", sig.String(), "drain_timeout", s.settings.DrainTimeout)
		return s.stop(signals)
	case <-ctx.Done():
		s.log.Info("leaving", "drain_timeout", s.settings.DrainTimeout)
		return s.stop(signals)
	case err := <-served:
		return errors.Join(fmt.Errorf("--http-addr %q: %w", s.settings.HTTPAddr, err), s.stop(signals))
	case <-s.node.Done():
		return errors.Join(s.node.Err(), s.stop(signals))
	}
}

// start listens and starts the node. What it started is stopped if it returns an error.
func (s *server) start(ctx context.Context) (err error) {
	secret, err := readSecret(s.settings.ClusterSecretFile)
	if err != nil {
		return err
	}
	var lc net.ListenConfig
	if s.listener, err = lc.Listen(ctx, "tcp", s.settings.HTTPAddr); err != nil {
		return fmt.Errorf("--http-addr %q: %w", s.settings.HTTPAddr, err)
	}
	m := metrics.New(version())
	if s.node, err = node.Start(ctx, s.nodeConfig(secret, m)); err != nil {
		s.listener.Close()
		return err
	}
	m.Read(s.node)
	s.api, err = api.New(api.Config{
		Limiter: s.node, Cluster: s.node, Registry: s.node.Registry(), Policies: s.settings.Policies, Metrics: m.Handler(),
	})
	if err != nil {
		s.listener.Close()
		return errors.Join(err, s.node.Shutdown(ctx))
	}
	s.http = s.newHTTP()
	s.announce(secret)
	return nil
}

func (s *server) nodeConfig(secret []byte, m *metrics.Metrics) node.Config {
	c := s.settings
	return node.Config{
		Name: c.Name, GossipAddr: c.GossipAddr, ClusterAddr: c.ClusterAddr, AdvertiseHost: c.AdvertiseAddr,
		HTTPAddr: advertised(s.listener.Addr().String(), c.AdvertiseAddr), Join: c.Join, Secret: secret, Role: c.Role,
		Replicas: c.Replicas, Replication: c.Replication, ReplicationLag: c.ReplicationLag,
		OnUnreachable: c.OnUnreachable, Timeout: c.Timeout, MaxKeys: c.MaxKeys, MinMembers: c.MinMembers,
		// To a node 0 means its default; here it means not to wait.
		BootstrapWait: max(c.BootstrapWait, 1), Version: version(), Logger: s.log, Hooks: node.Hooks{Decided: m.Decided},
	}
}

// advertised is the bound address as others reach it, if it says where that is.
func advertised(bound, host string) string {
	boundHost, port, err := net.SplitHostPort(bound)
	if err == nil && host != "" && net.ParseIP(boundHost).IsUnspecified() {
		return net.JoinHostPort(host, port)
	}
	return bound
}

// Limits of the HTTP server. A request's answer may take as long as it waits and is decided.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 15 * time.Second
	idleTimeout   = 2 * time.Minute
	writeMargin   = 15 * time.Second
	maxHeader     = 32 << 10
)

func (s *server) newHTTP() *http.Server {
	requests, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	return &http.Server{
		Handler:           s.api,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      strategy.MaxWait + s.settings.Timeout + writeMargin,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		BaseContext:       func(net.Listener) context.Context { return requests },
	}
}

// announce logs who listens where, for people and for scripts that let the system choose ports.
func (s *server) announce(secret []byte) {
	s.log.Info("node started", "name", s.node.Name(), "version", version(), "role", string(s.settings.Role))
	for _, l := range []struct{ what, addr string }{
		{"http", s.listener.Addr().String()}, {"cluster", s.node.ClusterAddr()}, {"gossip", s.node.GossipAddr()},
	} {
		s.log.Info("listening", "what", l.what, "addr", l.addr)
	}
	if len(secret) == 0 {
		warnOfOpenness(s.log, s.node.ClusterAddr(), s.node.GossipAddr())
	}
}

// warnOfOpenness warns loudly if a node without a secret can be reached from elsewhere.
func warnOfOpenness(log *slog.Logger, cluster, gossip string) {
	if isLoopback(cluster) && isLoopback(gossip) {
		return
	}
	log.Warn("NO CLUSTER SECRET BEYOND LOOPBACK: whoever reaches these addresses can join the cluster, read its keys and change its counters; set --cluster-secret-file",
		"cluster", cluster, "gossip", gossip)
}

func isLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err == nil && net.ParseIP(host).IsLoopback()
}

// minSecret is the least length of a cluster secret in bytes.
const minSecret = 16

// readSecret is the content of the file without the blanks around it, nil if there is no file.
func readSecret(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--cluster-secret-file: %w", err)
	}
	if b = bytes.TrimSpace(b); len(b) < minSecret {
		return nil, fmt.Errorf("--cluster-secret-file %q: %d bytes are too few, at least %d are needed", path, len(b), minSecret)
	}
	return b, nil
}
