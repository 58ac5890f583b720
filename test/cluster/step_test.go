package cluster

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/test/cluster/audit"
)

// Three nodes take part in a handoff, which goes in five steps, and any of them may die at any step.
var (
	handRoles = []string{"owner", "target", "backup"}
	handSteps = []string{"offered", "copying", "told", "frozen", "committed"}
)

// unaware are those who cannot know that a handoff is at a step: a target is not told of intents, nor a backup of offers,
// copies and commits. They are killed while the owner, which is at that step, is suspended. All others kill themselves.
var unaware = []string{"target told", "backup offered", "backup copying", "backup frozen"}

// nthHandoff says at which of the partitions it happens: some are further by then, others are not. Of commits a backup of
// the third may not hear: the new node is the backup then.
func nthHandoff(role, step string) int {
	if role == "backup" && step == "committed" {
		return 1
	}
	return 3
}

// F7: kill -9 of the owner, the target and the backup at each step of a handoff loses nothing that was answered, and soon
// there is one owner again. Packages ablate and driver say what the steps are.
func TestDieInAHandoff(t *testing.T) {
	short := []string{"owner told", "target frozen", "backup frozen"} // by what is sent, by what is received, while suspended
	for _, role := range handRoles {
		for _, step := range handSteps {
			if !*long && !slices.Contains(short, role+" "+step) {
				continue
			}
			t.Run(role+" "+step, func(t *testing.T) {
				together(t)
				name := fmt.Sprintf("F7 kill -9 of the %s, handoff %s", role, step)
				d := dieInHandoff(t, "", role, step)
				report(t, len(d.lost) == 0 && len(d.surplus) == 0, name, fmt.Sprintf("%d of %d lost, %d twice", audit.Sum(d.lost), d.admitted, audit.Sum(d.surplus)),
					"0 admitted hits lost, 0 charged twice")
				reportTime(t, d.took, 5*time.Second, name, "one owner of every partition at most 5 s later")
				assert.Empty(t, d.forgotten, "forgotten by a later decision")
				assert.Empty(t, d.stale, "of a replaced owner")
				assert.Empty(t, d.failed, "failed though every partition had an owner")
			})
		}
	}
}

// What moves with a partition arrives empty, and the owner, which knows better, dies.
func TestDyingInAHandoffWithoutCountersIsCaught(t *testing.T) {
	if !*long {
		t.Skip("in long runs only")
	}
	caught(t, "copies", "hits lost with an owner that has handed over", func(ablate string) int {
		return int(audit.Sum(dieInHandoff(t, ablate, "owner", "committed").lost))
	})
}

// death is what came of one in a handoff.
type death struct {
	admitted                 int64
	lost, surplus            map[string]int64
	forgotten, stale, failed []audit.Answer
	took                     time.Duration // until every partition had an owner and every key was decided
}

// dieInHandoff has a fourth node join three others under load, which hand partitions over to it, and one of those die who
// take part in such a handoff: the third as its owner or backup, the fourth as its target.
func dieInHandoff(t *testing.T, ablate, role, step string) (d death) {
	t.Helper()
	awayFromMidnight(t, time.Hour)
	f := newFleet(t, ablate, "--replication", "sync")
	m := newMoves(t, f.secret)
	keys, first := m.keys(100)
	dies, there, sees := "n3", "n3", role
	fault := fmt.Sprintf("TRAFFIK_KILL=%s:%s:%d", role, step, nthHandoff(role, step))
	if slices.Contains(unaware, role+" "+step) {
		dies, sees = "", "owner"
		fault = fmt.Sprintf("TRAFFIK_STOP=owner:%s:%d", step, nthHandoff(role, step))
	} else if role == "target" {
		dies, there = "n4", "n4"
	}
	f.env[there] = []string{fault, "TRAFFIK_PARTITIONS=" + m.with(sees, first)}
	f.begin(3)
	places := f.nodes[0].places(keys)
	l := runLoad(t, hitRate(), keys, f.nodes...)
	l.steady(500 * time.Millisecond)
	if dies == "n3" {
		l.retryAt(f.nodes[:2]...)
	}
	owner, target := f.nodes[2], f.launch("n4")
	f.nodes = append(f.nodes, target)
	var at time.Duration
	switch dies {
	case "n3":
		at = f.diesItself(l, owner)
	case "n4":
		at = f.diesItself(l, target)
	default:
		p := owner.log.until(t, `reached \S+ of partition (\d+)`)
		victim := target
		if role == "backup" {
			victim = f.backupOf(p, places)
		}
		l.retryAt(f.drop(victim)[:2]...)
		at = l.log.Now()
		f.kill(victim)
		owner.signal(syscall.SIGCONT)
	}
	l.use(f.nodes[:2]...) // the fourth is not ready yet, or dead

	eventuallyWithin(t, 3*patience, func() error { // more than it may take, so that what it takes is known
		n, err := served(f.nodes)
		if err != nil || n != partitions {
			return errors.Join(fmt.Errorf("%v partitions are served", n), err)
		}
		return nil
	})
	d.took = l.log.Now() - at
	f.settle()
	settled := l.log.Now()
	l.steady(time.Second)
	l.finish()
	d.judge(l, at, settled, f.nodes[0])
	return d
}

// diesItself waits until p, which kills itself at a point of a handoff, has ended, and returns when it had got there.
func (f *fleet) diesItself(l *load, p *process) time.Duration {
	f.t.Helper()
	p.log.until(f.t, "reached (.*)")
	at := l.log.Now()
	p.wait()
	f.drop(p)
	return at
}

// judge tells what came of the death at an instant, after which f had settled at another.
func (d *death) judge(l *load, at, settled time.Duration, through *process) {
	answers, used := l.log.Answers(), l.used(through)
	for _, x := range audit.Accounts(answers) {
		d.admitted += x.Charged
	}
	d.lost, d.surplus = audit.Lost(answers, used), audit.Surplus(answers, used)
	d.forgotten, d.stale = audit.Forgotten(answers), audit.Stale(answers)
	d.failed = audit.Failed(audit.Between(answers, settled, l.log.Now()))
	all := make([]string, len(l.keys))
	for i, a := range l.keys {
		all[i] = a.key
	}
	for _, wait := range audit.Outages(answers, all, at) {
		d.took = max(d.took, wait)
	}
	for _, a := range d.forgotten[:min(3, len(d.forgotten))] {
		l.t.Logf("forgotten: %+v", a)
	}
	l.t.Logf("%d hits, %d failed", len(audit.Hits(answers)), len(audit.Failed(answers)))
}

// backupOf is the node that keeps the copy of a partition.
func (f *fleet) backupOf(partition string, places map[string]place) *process {
	f.t.Helper()
	for _, at := range places {
		if strconv.Itoa(at.Partition) == partition {
			for _, p := range f.nodes {
				if slices.Contains(at.Backups, p.name) {
					return p
				}
			}
		}
	}
	require.FailNow(f.t, "nobody keeps a copy", "of partition %s", partition)
	return nil
}
