package node

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"time"
)

// Joining is tried until it succeeds and, because memberlist forgets the dead and never dials them again, for as long
// as the node runs: that is how the two sides of a healed network find each other.
const (
	firstRetry   = 250 * time.Millisecond
	longestRetry = 10 * time.Second
	joinAtOnce   = 5              // addresses tried in one round
	rememberPeer = 24 * time.Hour // since it was last alive
	defaultPort  = 7946
)

// joinLoop runs until ctx ends. It closes joined once this node is not alone. A node without seeds is not, as it waits
// for nobody, but it looks for members that are gone as all do: they may still see it, and then do not look for it.
func (n *Node) joinLoop(ctx context.Context, joined chan<- struct{}) {
	quiet := quietLog{log: n.log}
	for alone, retry := len(n.cfg.Join) > 0, firstRetry; ; {
		missing := n.missing(ctx)
		answered, err := 0, error(nil)
		if len(missing) > 0 {
			answered, err = n.gossip.join(missing)
		}
		if alone && len(n.view.Load().members) > 1 {
			alone = false
			close(joined)
		}
		pause := longestRetry
		if alone && answered == 0 {
			quiet.warn("no seed answers, trying again", "seeds", strings.Join(n.cfg.Join, ","), "retry_in", retry, "err", err)
		}
		if alone {
			pause, retry = retry, min(2*retry, longestRetry)
		}
		if !sleep(ctx, jitter(pause)) {
			return
		}
	}
}

// quietLog writes a line that repeats less and less often: the silence doubles each time, up to ten minutes.
type quietLog struct {
	log     *slog.Logger
	next    time.Time
	silence time.Duration
}

func (q *quietLog) warn(msg string, args ...any) {
	now := time.Now()
	if now.Before(q.next) {
		return
	}
	q.silence = min(max(2*q.silence, time.Second), 10*time.Minute)
	q.next = now.Add(q.silence)
	q.log.Warn(msg, args...)
}

// jitter is d, 30 % more or less.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.7 + 0.6*rand.Float64()))
}

// sleep reports whether d passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// missing are gossip addresses of seeds and former members that are not alive in the view, a few, in random order.
func (n *Node) missing(ctx context.Context) []string {
	alive := map[string]bool{n.gossip.addr: true}
	for _, m := range n.view.Load().members {
		alive[m.gossipAddr] = true
	}
	var addrs []string
	for _, seed := range n.cfg.Join {
		for _, a := range resolve(ctx, seed) {
			if !alive[a] {
				addrs = append(addrs, a)
				alive[a] = true
			}
		}
	}
	for _, a := range n.formerPeers() {
		if !alive[a] {
			addrs = append(addrs, a)
		}
	}
	rand.Shuffle(len(addrs), func(i, j int) { addrs[i], addrs[j] = addrs[j], addrs[i] })
	return addrs[:min(len(addrs), joinAtOnce)]
}

// resolve returns all addresses of a seed; the seed itself where it does not resolve, so that the error is reported.
func resolve(ctx context.Context, seed string) []string {
	host, port, err := net.SplitHostPort(seed)
	if err != nil {
		host, port = strings.Trim(seed, "[]"), strconv.Itoa(defaultPort)
	}
	ips, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	if err != nil {
		return []string{net.JoinHostPort(host, port)}
	}
	addrs := make([]string, len(ips))
	for i, ip := range ips {
		addrs[i] = net.JoinHostPort(ip.String(), port)
	}
	return addrs
}
