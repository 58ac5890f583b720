package httpadapter

import (
	"context"

	"github.com/traffik-io/traffik/strategy"
)

// Limiter decides: a node of a cluster, a limiter of one process, a client of a remote node. It must be safe for
// concurrent use, and its errors mean that nobody could decide.
type Limiter interface {
	// Hit charges h if it fits.
	Hit(ctx context.Context, h strategy.Hit) (strategy.Decision, error)
	// Check tells what Hit would answer, and charges nothing.
	Check(ctx context.Context, h strategy.Hit) (strategy.Decision, error)
	// Stat tells where the key stands; false means that the strategy keeps no statistics.
	Stat(ctx context.Context, h strategy.Hit) (strategy.Stat, bool, error)
}

// Refunder is a Limiter that can give back what an allowed hit charged; charged is Decision.At of that hit. A [Chain]
// uses it where a later throttle refuses.
type Refunder interface {
	Refund(ctx context.Context, h strategy.Hit, charged strategy.Time) error
}
