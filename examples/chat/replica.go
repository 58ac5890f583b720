package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/traffik-io/traffik/httpadapter"
	"github.com/traffik-io/traffik/httpadapter/identify"
	"github.com/traffik-io/traffik/node"
	"github.com/traffik-io/traffik/strategy"
)

// The two limits of the app, over all replicas together.
const (
	workRate    = "50/s"  // of the load
	messageRate = "5/10s" // of one visitor
)

// replica is one process of the app.
type replica struct {
	node *node.Node
	room *room
	mux  http.ServeMux
}

// runReplica runs the replica that text describes until ctx ends or the launcher is gone.
func runReplica(ctx context.Context, text string) error {
	var c replicaConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // ends with the launcher, or with this process
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return serveReplica(ctx, c)
}

func serveReplica(ctx context.Context, c replicaConfig) error {
	n, err := node.Start(ctx, node.Config{
		Name: c.Name, HTTPAddr: c.HTTP, GossipAddr: c.Gossip, ClusterAddr: c.Cluster, Join: c.Join,
		MinMembers: len(c.Join), BootstrapWait: 2 * time.Second,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		return err
	}
	defer func() {
		leave, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		_ = n.Shutdown(leave)
	}()
	r, err := newReplica(n)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.HTTP)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: &r.mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { // ends with ctx
		<-ctx.Done()
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// newReplica makes the throttles and routes of the app. Its visitors name themselves, which is enough for a demo on
// loopback, and nowhere else.
func newReplica(n *node.Node) (*replica, error) {
	visitor := func(r *http.Request) (string, error) {
		if name := r.URL.Query().Get("visitor"); name != "" {
			return "visitor=" + name, nil
		}
		return identify.Peer(r)
	}
	work, err := httpadapter.New("work", workRate, httpadapter.Options{
		Limiter: n, Identifier: visitor, OnError: httpadapter.ReturnErrors,
		Headers: append(httpadapter.DefaultHeaders(), told("X-Owner", func(d strategy.Decision) string { return d.Owner }),
			told("X-Second", func(d strategy.Decision) string { return strconv.FormatInt(d.At.Go().Unix(), 10) }),
			told("X-Degraded", func(d strategy.Decision) string { return strconv.FormatBool(d.Degraded) })),
	})
	if err != nil {
		return nil, err
	}
	messages, err := httpadapter.New("messages", messageRate, httpadapter.Options{
		Limiter: n, Identifier: visitor, Strategy: strategy.SlidingWindowLog{},
		Context: httpadapter.Context{Extras: map[string]any{"replica": n.Name()}},
	})
	if err != nil {
		return nil, err
	}
	r := &replica{node: n, room: newRoom(n, messages)}
	r.mux.Handle("GET /work", work.Middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "done by", n.Name())
	})))
	r.mux.HandleFunc("GET /chat", r.room.serve)
	r.mux.HandleFunc("POST /relay", r.room.relay)
	r.mux.HandleFunc("GET /status", r.status)
	return r, nil
}

// told is a header that tells the launcher of a decision.
func told(name string, value func(strategy.Decision) string) httpadapter.Header {
	return httpadapter.Header{Name: name, Value: func(_ *http.Request, d strategy.Decision) string { return value(d) }}
}

// status is what a replica knows of the cluster.
type status struct {
	Ready      bool
	Members    []string
	Keys       int64
	Partitions int
}

func (r *replica) status(w http.ResponseWriter, req *http.Request) {
	s := status{Ready: r.node.Ready()}
	for _, m := range r.node.Members(req.Context()) {
		if m.State == node.Active {
			s.Members = append(s.Members, m.Name)
		}
		if m.Self {
			s.Keys, s.Partitions = m.Keys, m.Partitions
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s)
}
