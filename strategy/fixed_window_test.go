package strategy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestFixedWindow(t *testing.T) {
	p := MustPolicy(Limit{Rate: MustRate("5/s")})
	var rs Records
	second := Time(time.Second.Microseconds())
	for _, c := range []struct {
		at        Time
		cost      int64
		allowed   bool
		remaining float64
		wait      time.Duration
	}{
		{0, 3, true, 2, 0},
		{second / 4, 3, false, 2, 750 * time.Millisecond},
		{second / 4, 2, true, 0, 0},
		{second - 1, 1, false, 0, time.Microsecond},
		{second, 6, false, 5, Never},
		{second, 5, true, 0, 0},
		{second / 2, 1, false, 0, 1500 * time.Millisecond}, // the clock went back: still in the later window
	} {
		h := NewHit("k", p)
		h.Cost = c.cost
		d, err := rs.Decide(c.at, h, true)
		assert.NoError(t, err)
		assert.Equal(t, Verdict{c.allowed, c.remaining, c.wait, 5}, d.Verdict, "%+v", c)
	}
}
