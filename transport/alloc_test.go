//go:build !race

package transport

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestNothingAllocated holds Guarantee 8: of both ends together, what a hit allocates rounds to 0. (Under the race
// detector a sync.Pool forgets on purpose.)
func TestNothingAllocated(t *testing.T) {
	answer := allowed(1)
	_, l, _ := overTCP(t, testConfig(2), handler{hit: func(_ *HitRequest, reply Responder) { reply.Answer(answer) }})
	hit := testHit(1)
	hit.Hit.UID = "api"
	ctx := inTime(t)
	got := testing.AllocsPerRun(2000, func() {
		if r, err := l.Do(ctx, hit); err != nil || !r.Decision.Allowed {
			t.Error(r, err)
		}
	})
	assert.Zero(t, got)
}
