package node

import (
	"context"
	"fmt"

	"github.com/traffik-io/traffik/actor"
	"github.com/traffik-io/traffik/ring"
	"github.com/traffik-io/traffik/strategy"
)

// Local is a limiter of one process: what a Node is, without a cluster or a network. All its methods are safe for
// concurrent use, and those that it shares with Node answer alike.
type Local struct {
	registry *strategy.Registry
	hasher   ring.Hasher
	actors   *actor.System
}

// LocalConfig configures a Local. The zero value is ready to use.
type LocalConfig struct {
	// MaxKeys bounds the keys; at the bound new keys are answered ErrOverloaded. Default 10,000,000.
	MaxKeys int64
	// Strategies are custom strategies that Registry knows beside the fourteen.
	Strategies []strategy.Kind
}

// NewLocal starts a limiter of this process alone. Shutdown stops it.
func NewLocal(cfg LocalConfig) (*Local, error) {
	if cfg.MaxKeys < 0 {
		return nil, fmt.Errorf("max-keys: %d is below 1", cfg.MaxKeys)
	}
	registry, err := strategy.NewRegistry(cfg.Strategies...)
	if err != nil {
		return nil, err
	}
	actors, err := actor.New(actor.Config{MaxKeys: cfg.MaxKeys, Registry: registry})
	if err != nil {
		return nil, err
	}
	return &Local{registry: registry, hasher: ring.NewHasher(nil), actors: actors}, nil
}

// Hit is as Node.Hit.
func (l *Local) Hit(ctx context.Context, h strategy.Hit) (strategy.Decision, error) {
	a := l.ask(ctx, actor.Request{Op: actor.OpHit, Hit: h})
	return a.Decision, a.Err
}

// Check is as Node.Check.
func (l *Local) Check(ctx context.Context, h strategy.Hit) (strategy.Decision, error) {
	h.MaxWait = 0
	a := l.ask(ctx, actor.Request{Op: actor.OpCheck, Hit: h})
	return a.Decision, a.Err
}

// Stat is as Node.Stat.
func (l *Local) Stat(ctx context.Context, h strategy.Hit) (st strategy.Stat, ok bool, err error) {
	h.MaxWait, h.Cost = 0, 1
	a := answer{Answer: l.ask(ctx, actor.Request{Op: actor.OpStat, Hit: h})}
	return a.stat()
}

// Refund is as Node.Refund.
func (l *Local) Refund(ctx context.Context, h strategy.Hit, charged strategy.Time) error {
	h.MaxWait = 0
	return l.ask(ctx, actor.Request{Op: actor.OpRefund, Hit: h, Charged: charged}).Err
}

// Registry knows the strategies that policies may use.
func (l *Local) Registry() *strategy.Registry { return l.registry }

// Shutdown stops the limiter; hits that come later are ErrClosed.
func (l *Local) Shutdown(context.Context) error {
	l.actors.Close()
	return nil
}

func (l *Local) ask(ctx context.Context, r actor.Request) (a actor.Answer) {
	if prepare(&r, &a) {
		return a
	}
	hi, lo := l.hasher.Key(r.Hit.UID, r.Hit.Key, r.Hit.Scope)
	a = l.actors.Ask(ctx, actor.Key{Hi: hi, Lo: lo}, r)
	a.Err = localErr(a.Err)
	return a
}
