//go:build !ablation

package ablate

import "context"

// On says that this build can take rules away and tells terms.
const On = false

// The rules that are off.
const (
	Acks   = false
	Copies = false
	Dedup  = false
	Merge  = false
	Pause  = false
)

// Listen returns ctx.
func Listen(ctx context.Context) (context.Context, *uint64) { return ctx, nil }

// Tell does nothing.
func Tell(context.Context, uint64) {}
