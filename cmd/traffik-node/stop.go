package main

import (
	"context"
	"fmt"
	"os"
	"time"
)

// stop leaves within the drain timeout, or at once if another signal comes; then what still runs ends with the
// process.
func (s *server) stop(signals <-chan os.Signal) error {
	left := make(chan error, 1)
	go func() { left <- s.leave() }() // ends with the drain timeout
	select {
	case err := <-left:
		if err != nil {
			return fmt.Errorf("leaving: %w", err)
		}
		s.log.Info("stopped")
		return nil
	case sig := <-signals:
		return fmt.Errorf("stopped at once by a second signal: %s", sig)
	}
}

// leave stops, in this order:
//
//  1. /readyz says that the node leaves, so that load balancers look elsewhere.
//  2. The node hands its keys over. It goes on answering meanwhile.
//  3. Hits are refused; those in flight are answered. Those that are still held after half of the time that is left,
//     because they wait for their turn, are answered as not decided.
//  4. The node leaves the cluster.
//  5. The HTTP server stops: /livez is answered for as long as the process runs.
func (s *server) leave() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.settings.DrainTimeout)
	defer cancel()
	s.api.Leave()
	handOver, cancelHandOver := context.WithTimeout(ctx, s.settings.DrainTimeout*3/4)
	defer cancelHandOver()
	s.node.Leave(handOver)
	if err := s.drain(ctx); err != nil {
		s.log.Warn("leaving with hits that are not answered")
	}
	err := s.node.Shutdown(ctx)
	s.cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close() // who is still connected has been answered, or cannot be
	}
	return err
}

// drain answers the hits in flight.
func (s *server) drain(ctx context.Context) error {
	end, _ := ctx.Deadline()
	half, cancel := context.WithTimeout(ctx, time.Until(end)/2)
	defer cancel()
	if s.api.Drain(half) == nil {
		return nil
	}
	s.cancel()
	return s.api.Drain(ctx)
}
