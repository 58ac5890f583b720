package driver

import (
	"bytes"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An owner and its backup that do not reach each other: the third node keeps the copy meanwhile, and it is said.
func TestAnotherKeepsTheCopy(t *testing.T) {
	for _, sync := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			c := newCluster(t)
			a := c.add(func(cfg *Config) { cfg.Sync, cfg.Logger = sync, slog.New(slog.NewTextHandler(&log, nil)) })
			b, third := c.add(nil), c.add(nil)
			c.see(a, b, third)
			pass(3 * time.Second)
			require.True(t, a.flowing(0, b))
			a.hit(0, 1)
			pass(20 * time.Millisecond)

			c.split(a, b, true)
			a.hit(0, 1)
			pass(20 * time.Millisecond)
			var w told
			require.False(t, a.Await(0, a.hit(0, 1).Seq, &w))
			pass(time.Second)
			assert.False(t, w.called.Load(), "it may only be busy")
			pass(2 * time.Second)
			assert.True(t, w.called.Load() && w.ok.Load())
			assert.EqualValues(t, 3, third.actors.Seq(0))
			a.hit(0, 1)
			pass(time.Second)
			assert.True(t, a.flowing(0, third))
			a.hit(0, 1)
			pass(20 * time.Millisecond)
			assert.False(t, a.Waits(0) && !sync)
			assert.EqualValues(t, 5, third.has(0))

			c.split(a, b, false)
			pass(3 * time.Second)
			a.hit(0, 1)
			pass(time.Second)
			assert.True(t, a.flowing(0, b))
			a.hit(0, 1)
			pass(20 * time.Millisecond)
			assert.EqualValues(t, 7, b.has(0))
			assert.Contains(t, log.String(), `msg="member does not answer, others keep copies in its place" uid=00000000000000000000000000000002`)
			assert.Contains(t, log.String(), `msg="member answers again, or is gone" uid=00000000000000000000000000000002`)
		})
	}
}
