package node

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/traffik-io/traffik/actor"
	"github.com/traffik-io/traffik/strategy"
	"github.com/traffik-io/traffik/transport"
)

// unreached puts into a what is answered when no owner answered within the budget: the answer of the unreachable policy,
// which is marked as degraded.
func (n *Node) unreached(ctx context.Context, r *transport.HitRequest, last error, a *answer) {
	*a = answer{}
	if a.Err = ctx.Err(); a.Err != nil {
		return
	}
	if n.stopped.Load() {
		a.Err = ErrClosed
		return
	}
	n.counters.unreachable.Add(1)
	defer func() {
		if a.Err == nil {
			n.counters.degraded.Add(1)
		}
	}()
	switch {
	case r.Op == transport.Refund, n.cfg.OnUnreachable == Fail:
	case n.cfg.OnUnreachable == LocalShare:
		*a = n.shares.ask(ctx, r, n.sharers(), n.id.Name)
		return
	case r.Op != transport.Stat: // which allow and deny know nothing of
		rate := r.Hit.Policy.Limit(0).Rate
		d := strategy.Decision{Degraded: true, Period: rate.Period(), Owner: n.id.Name}
		d.Limit, d.Allowed = rate.Limit(), n.cfg.OnUnreachable == AllowAll
		if !d.Allowed {
			d.Wait = max(n.cfg.Timeout, time.Second) // nobody knows; soon enough to notice that an owner is back
		}
		a.Decision = d
		return
	}
	a.Err = fmt.Errorf("%w: %w", ErrUnreachable, last)
}

// shares decides for keys that other nodes own and cannot be asked about: each node admits its share of the limit.
type shares struct {
	actors *actor.System

	mu       sync.Mutex
	policies map[shareOf]*strategy.Policy
}

type shareOf struct {
	policy *strategy.Policy
	nodes  int
}

// maxShares bounds the policies whose shares are kept.
const maxShares = 1024

func newShares(maxKeys int64, registry *strategy.Registry) (*shares, error) {
	actors, err := actor.New(actor.Config{MaxKeys: maxKeys, Partitions: 256, Registry: registry})
	if err != nil {
		return nil, err
	}
	return &shares{actors: actors, policies: map[shareOf]*strategy.Policy{}}, nil
}

// ask decides r by the share of one of so many nodes. It never waits.
func (s *shares) ask(ctx context.Context, r *transport.HitRequest, nodes int, self string) (a answer) {
	h := r.Hit
	h.MaxWait = 0
	var err error
	if h.Policy, err = s.policy(h.Policy, max(nodes, 1)); err != nil {
		a.Err = fmt.Errorf("%w: this node's share of the policy: %w", ErrUnreachable, err)
		return a
	}
	a.Answer = s.actors.Ask(ctx, actor.Key{Hi: r.Hi, Lo: r.Lo}, actor.Request{Op: actorOp(r.Op), Hit: h})
	a.Err = localErr(a.Err)
	if a.Decision.Degraded, a.Decision.Owner = true, self; a.Stat != nil {
		a.Stat.Degraded, a.Stat.Owner = true, self
	}
	return a
}

func (s *shares) policy(p *strategy.Policy, nodes int) (*strategy.Policy, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := shareOf{p, nodes}
	if share := s.policies[key]; share != nil {
		return share, nil
	}
	share, err := p.Share(nodes)
	if err != nil {
		return nil, err
	}
	if len(s.policies) >= maxShares {
		clear(s.policies)
	}
	s.policies[key] = share
	return share, nil
}

func (s *shares) close() { s.actors.Close() }
