package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8000", "where the page is served")
	rate := flag.Int("load", 200, "requests per second that the load sends")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	var err error
	if text := os.Getenv(replicaEnv); text != "" {
		err = runReplica(ctx, text)
	} else {
		err = launch(ctx, *addr, *rate)
	}
	if err != nil {
		slog.Error("stopped", "error", err)
		os.Exit(1)
	}
}

// launch runs three replicas, the load and the page until ctx ends.
func launch(ctx context.Context, addr string, rate int) error {
	fleet, err := newFleet(3)
	if err != nil {
		return err
	}
	defer fleet.stop()
	front := newFront(fleet)
	for i := range fleet.replicas {
		if err := fleet.start(i); err != nil {
			return err
		}
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	slog.Info("the page is ready", "url", "http://"+listener.Addr().String())
	server := &http.Server{Handler: front, ReadHeaderTimeout: 5 * time.Second}
	go func() { // ends with ctx
		<-ctx.Done()
		_ = server.Close()
	}()
	go front.load(ctx, rate) // ends with ctx
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
