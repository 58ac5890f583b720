package main

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// senders is how many requests of the load are under way at most.
const senders = 20

// load sends rate requests per second, to each living replica in turn, from when all are ready until ctx ends. All come from one visitor, so
// that all count for one key.
func (p *front) load(ctx context.Context, rate int) {
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { p.watch(ctx) })
	select {
	case <-p.complete:
	case <-ctx.Done():
		return
	}
	var turn atomic.Int64
	for range senders {
		work.Go(func() {
			tick := time.NewTicker(senders * time.Second / time.Duration(max(rate, 1)))
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
					p.send(ctx, int(turn.Add(1)))
				case <-ctx.Done():
					return
				}
			}
		})
	}
}

// send sends one request to a living replica and counts the answer.
func (p *front) send(ctx context.Context, turn int) {
	n := len(p.fleet.replicas)
	for range n {
		if p.fleet.alive(turn % n) {
			break
		}
		turn++
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.fleet.replicas[turn%n].HTTP+"/work?visitor=load", nil)
	if err != nil {
		return
	}
	res, err := p.client.Do(req)
	if ctx.Err() != nil {
		return
	}
	a := answer{at: time.Now().Unix(), failed: true}
	if err == nil {
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		a.admitted = res.StatusCode == http.StatusOK
		a.failed = !a.admitted && res.StatusCode != http.StatusTooManyRequests
		a.degraded = res.Header.Get("X-Degraded") == "true"
		a.owner = res.Header.Get("X-Owner")
		if at, err := strconv.ParseInt(res.Header.Get("X-Second"), 10, 64); err == nil && at > 0 {
			a.at = at
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tally.count(a)
}
