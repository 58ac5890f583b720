package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
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
//  2. The HTTP server accepts nothing more; requests in flight are answered. Those that are still held after half of
//     the time, because they wait for their turn, are answered as not decided.
//  3. The node leaves the cluster.
func (s *server) leave() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.settings.DrainTimeout)
	defer cancel()
	s.api.Leave()
	half, cancelHalf := context.WithTimeout(ctx, s.settings.DrainTimeout/2)
	defer cancelHalf()
	err := s.http.Shutdown(half)
	s.cancel()
	if err != nil {
		if err = s.http.Shutdown(ctx); err != nil {
			err = s.http.Close()
		}
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, s.node.Shutdown(ctx))
}
