package cluster

import (
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/test/cluster/audit"
)

// deaf is a cluster of three where n1 asks n2 about a key, whose copy n3 has, and does not hear the answers.
type deaf struct {
	*network
	nodes []*process
	load  *load
	key   aim
}

func newDeaf(t testing.TB, ablate string) *deaf {
	awayFromMidnight(t, time.Hour)
	d := &deaf{network: newNetwork(t, 3)}
	d.nodes = d.cluster(ablate, "--on-unreachable", "error", "--timeout", "15s", "--replication", "sync")
	for _, a := range aims("k", 200, 1000) {
		if at := d.nodes[0].placeOf(a.key); at.Owner == "n2" && slices.Equal(at.Backups, []string{"n3"}) {
			d.key = a
		}
	}
	require.NotEmpty(t, d.key.key)
	d.load = newLoad(t, audit.NewLog(), []aim{d.key}, d.nodes[0])
	require.Equal(t, "n2", d.load.hit(d.key, 1, 0).Owner) // the link is up
	return d
}

// lostHits is how many hits lose their answers at a time.
const lostHits = 8

// lose sends hits whose answers are dropped, and returns when all are charged. The hits go on; meanwhile is called, and
// then they must be answered.
func (d *deaf) lose(meanwhile func()) []audit.Answer {
	d.t.Helper()
	before, since := d.load.used(d.nodes[2])[d.key.key], d.load.log.Now()
	d.cut(1, 0)
	var hits sync.WaitGroup
	for range lostHits {
		hits.Go(func() { d.load.hit(d.key, 1, d.load.log.Now()) })
	}
	eventually(d.t, func() error {
		if used := d.load.used(d.nodes[2])[d.key.key]; used < before+lostHits {
			return fmt.Errorf("%d used", used)
		}
		return nil
	})
	meanwhile()
	hits.Wait()
	return audit.Between(d.load.log.Answers(), since, d.load.log.Now())
}

// judge requires that every hit got the verdict that was made when it was charged, and was charged once.
func (d *deaf) judge(name string, answers []audit.Answer) {
	d.t.Helper()
	var verdicts []int64
	for _, a := range answers {
		assert.Equal(d.t, audit.Admitted, a.Verdict, "%+v", a)
		verdicts = append(verdicts, a.Used)
	}
	slices.Sort(verdicts)
	report(d.t, len(slices.Compact(slices.Clone(verdicts))) == lostHits && len(verdicts) == lostHits, name, fmt.Sprint(verdicts), "each answer is that of its own charge")
	d.exact(name)
}

// exact requires that all hits so far were charged once.
func (d *deaf) exact(name string) {
	d.t.Helper()
	used := d.load.used(d.nodes[2])
	answers := d.load.log.Answers()
	lost, surplus := audit.Sum(audit.Lost(answers, used)), audit.Sum(audit.Surplus(answers, used))
	report(d.t, lost == 0 && surplus == 0, name, fmt.Sprintf("%d lost, %d twice", lost, surplus), "each hit is charged once")
}

// F17 and I8: a hit whose answer is lost is sent again, and gets the verdict that was made first: from the same owner,
// from the one that took over, and from the backup of one that was killed.
func TestAnswersThatAreLost(t *testing.T) {
	t.Parallel()
	d := newDeaf(t, "")
	d.judge("F17 answers lost", d.lose(d.heal))
	d.judge("F17 answers lost, the owner leaves", d.lose(func() { d.nodes[1].signal(syscall.SIGTERM) }))
	d.heal()
}

func TestAnswersThatAreLostWithTheirOwner(t *testing.T) {
	t.Parallel()
	d := newDeaf(t, "")
	d.judge("F17 answers lost, the owner is killed", d.lose(func() { d.nodes[1].signal(syscall.SIGKILL) }))
}

func TestAnOwnerThatForgetsHitsIsCaught(t *testing.T) {
	t.Parallel()
	d := newDeaf(t, "dedup")
	d.lose(d.heal)
	surplus := audit.Sum(audit.Surplus(d.load.log.Answers(), d.load.used(d.nodes[2])))
	report(t, surplus > 0, "F17 answers lost, without dedup", fmt.Sprintf("%d twice", surplus), "caught: hits are charged twice")
}
