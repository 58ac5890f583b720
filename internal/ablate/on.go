//go:build ablation

package ablate

import (
	"context"
	"os"
	"slices"
	"strings"
)

// On says that this build can take rules away and tells terms.
const On = true

// The rules that are off.
var (
	Acks   = off("acks")
	Copies = off("copies")
	Dedup  = off("dedup")
	Merge  = off("merge")
	Pause  = off("pause")
)

func off(rule string) bool {
	return slices.Contains(strings.Split(os.Getenv("TRAFFIK_ABLATE"), ","), rule)
}

type listener struct{}

// Listen returns a context for one hit, and where the term in which it is decided will be told; 0 if that is unknown.
func Listen(ctx context.Context) (context.Context, *uint64) {
	term := new(uint64)
	return context.WithValue(ctx, listener{}, term), term
}

// Tell tells whoever listens the term in which a hit was decided.
func Tell(ctx context.Context, term uint64) {
	if told, ok := ctx.Value(listener{}).(*uint64); ok {
		*told = term
	}
}
