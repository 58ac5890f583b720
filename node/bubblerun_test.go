package node

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/strategy"
)

var (
	flagPlans = flag.Int("plans", 8, "plans that each test of bubbles draws")
	flagFirst = flag.Int("first", 0, "the seed of the first of them")
	flagLog   = flag.Bool("bubble-log", false, "show what the nodes in bubbles log")
)

// What happens in a bubble, by test; what is named more often is likelier.
var (
	churn  = []string{"hit", "join", "leave", "crash", "restart", "pause", "wait", "settle"}
	splits = []string{"hit", "split", "part", "heal", "wait", "wait", "settle"}
	chaos  = []string{"hit", "join", "leave", "crash", "restart", "pause", "cut", "reject", "heal", "wait"}
)

// run carries out the plan in a bubble of its own, after change, and says what went wrong.
func (p plan) run(t *testing.T, change func(*bubble)) (wrong []string) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, p)
		if change != nil {
			change(b)
		}
		for range p.nodes {
			b.join("")
		}
		for _, step := range p.steps {
			if b.log.Info("step", "step", step); !b.failed() {
				b.do(step)
			}
		}
		wrong = b.end()
		t.Logf("%+v", b.total)
	})
	return wrong
}

// check runs plans of such steps. Which steps a seed stands for does not change; how goroutines take turns does, and so a
// plan that failed may need a few runs to fail again. It belongs into testdata/bubbles, with what was wrong.
func check(t *testing.T, words []string) {
	for i := range *flagPlans {
		seed := *flagFirst + i
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			p := drawPlan(words, seed)
			if wrong := p.run(t, nil); len(wrong) > 0 {
				t.Errorf("%s\n\n%v", strings.Join(wrong, "\n"), p)
			}
		})
	}
}

// drawPlan is the plan of that seed.
func drawPlan(words []string, seed int) plan {
	return rapid.Custom(func(t *rapid.T) plan { return newPlan(t, words) }).Example(seed)
}

// Nodes that join, leave, crash and stop for a moment lose no charge, admit no more than the limit, and charge no hit
// twice: guarantees 1, 2, 8 and 9.
func TestNodesComeAndGo(t *testing.T) { check(t, churn) }

// Both sides of a split serve; once it is over one does, and holds no less than either.
func TestSidesPart(t *testing.T) { check(t, splits) }

// Whatever happens, once it is over there is one owner, and no hit was charged twice.
func TestAnythingHappens(t *testing.T) { check(t, chaos) }

// What failed once is tried again.
func TestFoundPlans(t *testing.T) {
	files, err := filepath.Glob("testdata/bubbles/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(f)
			require.NoError(t, err)
			p, err := readPlan(string(text))
			require.NoError(t, err)
			assert.Empty(t, p.run(t, nil))
		})
	}
}

// The checks bite: a cluster that forgets something is caught.
func TestForgetfulClustersAreCaught(t *testing.T) {
	for name, c := range map[string]struct {
		wrong  string
		plan   string
		change func(*bubble)
	}{
		"without copies": {"the copies of", "seed 1\nnodes 3\nsync\nlatency 1ms\nsettle\ncrash n1\nsettle", func(b *bubble) {
			b.change = func(c *Config) { c.Replicas = 1 }
		}},
		"without hit ids": {"charged, not", "seed 1\nnodes 3\nsync\nlatency 1ms\nsettle\npause n1 500ms\nsettle", func(b *bubble) {
			b.tasks.Go(func() {
				for b.rest(time.Millisecond) {
					b.mu.Lock()
					for _, r := range b.residents {
						for _, o := range b.residents {
							r.origins.forget(o.id.UID)
						}
					}
					b.mu.Unlock()
				}
			})
		}},
		"with too long a lag": {"charged, not", "seed 1\nnodes 3\nasync\nlatency 1ms\nsettle\nwait 1s\ncrash n1\nsettle", func(b *bubble) {
			b.change = func(c *Config) { c.ReplicationLag = 2 * time.Second }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := readPlan(c.plan)
			require.NoError(t, err)
			assert.Empty(t, p.run(t, nil), "with nothing forgotten")
			assert.Contains(t, strings.Join(p.run(t, c.change), "\n"), c.wrong)
		})
	}
}

// A node that has heard nothing of a partition for long finds its owner however often that has changed.
func TestOwnersAreFoundAfterManyMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, plan{replication: Sync, latency: time.Millisecond})
		b.mu.Lock()
		b.silent = true
		b.mu.Unlock()
		b.join("")
		r, p := b.residents[0], 0
		for i, ring := 1, r.view.Load().ring; i < 250; i++ {
			name := fmt.Sprintf("n%d", i)
			if with := ring.With(name); with.Owner(p) == name { // the next owner
				ring = with
				b.join(name)
				time.Sleep(3 * time.Second)
			}
		}
		way := b.follow(r, p)
		require.Greater(t, strings.Count(way, ","), maxHops+1, "%s is not too long to be followed at once", way)
		for i := range 1000 {
			h := strategy.NewHit(fmt.Sprint(i), hour())
			if hi, _ := r.hasher.Key(h.UID, h.Key, strategy.DefaultScope); r.partition(hi) != p {
				continue
			}
			d, err := r.Hit(t.Context(), h)
			require.NoError(t, err, way)
			assert.Equal(t, r.Owner(h.UID, h.Key, "").Owner, d.Owner)
		}
		assert.Equal(t, 1, strings.Count(b.follow(r, p), ","), "it knows now")
		assert.Empty(t, b.end())
	})
}

// A way that leads nowhere, or that a firewall rejects, has no partition change its owner: others still hear of both.
func TestABadWayMovesNothing(t *testing.T) {
	for _, step := range []string{"cut n0 n1", "reject n0 n1"} {
		t.Run(step, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBubble(t, plan{seed: 5, replication: Sync, latency: time.Millisecond})
				for range 3 {
					b.join("")
				}
				b.settle()
				changes := func() (n int64) {
					for _, r := range b.residents {
						n += r.Stats().In + r.Stats().Claimed
					}
					return n
				}
				before := changes()
				b.do(step)
				time.Sleep(10 * time.Second)
				assert.Equal(t, before, changes())
				b.do("heal")
				b.settle()
				assert.Empty(t, b.end())
			})
		})
	}
}
