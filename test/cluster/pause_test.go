package cluster

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/traffik-io/traffik/test/cluster/audit"
)

// suspended is what became of a node that was suspended under load.
type suspended struct {
	answers   []audit.Answer
	stale     []audit.Answer
	took      bool // somebody took its keys over meanwhile
	lost      map[string]int64
	excess    map[string]int64
	surplus   map[string]int64
	forgotten []audit.Answer
}

// suspend stops a node for a while, during which others are asked and so, by one connection that is already open, is the
// node itself: what it answers as it wakes up is what it would answer to those who do not know that it was away.
func suspend(t *testing.T, ablate, replication string, pause time.Duration) (s suspended) {
	t.Helper()
	awayFromMidnight(t, time.Hour)
	f := launchFleet(t, 3, ablate, "--replication", replication)
	open, tight := aims("open", 100, 1_000_000), aims("tight", 100, 4)
	log := audit.NewLog()
	others, own := newLoad(t, log, append(open, tight...), f.nodes...), newLoad(t, log, append(open, tight...), f.nodes[0])
	others.wg.Go(func() { others.send(hitRate()) })
	own.wg.Go(func() { own.send(100) })
	others.steady(time.Second)

	victim := f.nodes[0]
	before := map[*process]float64{}
	for _, p := range f.nodes[1:] {
		before[p] = claimedBy(p)
	}
	others.use(f.nodes[1:]...)
	victim.signal(syscall.SIGSTOP)
	time.Sleep(pause) // the fault itself
	resumed := log.Now()
	victim.signal(syscall.SIGCONT)
	others.steady(2 * time.Second)
	others.use(f.nodes...)
	f.settle()
	others.steady(time.Second)
	own.finish()
	s.answers = others.close()
	used := others.used(f.nodes[1])
	s.stale = append(audit.Stale(s.answers), audit.StaleSince(s.answers, victim.name, resumed)...)
	s.excess = audit.Excess(s.answers, others.bound)
	s.lost, s.surplus, s.forgotten = audit.Lost(s.answers, used), audit.Surplus(s.answers, used), audit.Forgotten(s.answers)
	for _, p := range f.nodes[1:] {
		s.took = s.took || claimedBy(p) > before[p]
	}
	return s
}

// claimedBy is how many partitions p has taken over.
func claimedBy(p *process) float64 {
	values, err := p.metrics("traffik_claimed_partitions_total")
	assert.NoError(p.t, err)
	return values[0]
}

// An owner that was suspended decides nothing that others have taken over, and what it had charged is not lost.
func TestSuspendedOwners(t *testing.T) {
	together(t)
	death := 2400 * time.Millisecond // about when gossip gives a silent member up
	pauses := []time.Duration{3 * time.Second}
	if *long {
		pauses = []time.Duration{
			300 * time.Millisecond, 2 * time.Second, death - 300*time.Millisecond, death, death + 300*time.Millisecond, 10 * time.Second,
		}
	}
	for _, pause := range pauses {
		t.Run(pause.String(), func(t *testing.T) {
			name := fmt.Sprintf("SIGSTOP of an owner for %v, sync", pause)
			s := suspend(t, "", "sync", pause)
			figure := "nobody took over"
			if s.took {
				figure = "others took over"
			}
			report(t, len(s.stale) == 0, name, fmt.Sprintf("%d of %d, %s", len(s.stale), len(s.answers), figure), "no answer of a replaced owner")
			report(t, len(s.excess) == 0, name, fmt.Sprint(audit.Sum(s.excess)), "0 admitted beyond a limit")
			report(t, len(s.lost) == 0 && len(s.forgotten) == 0, name, fmt.Sprintf("%d, %d", audit.Sum(s.lost), len(s.forgotten)), "0 lost, 0 forgotten by its successor")
			t.Logf("%d charged that nobody may have asked for", audit.Sum(s.surplus))
			for _, a := range s.stale[:min(3, len(s.stale))] {
				t.Logf("stale: %+v", a)
			}
		})
	}
}
