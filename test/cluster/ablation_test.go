package cluster

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/traffik-io/traffik/test/cluster/audit"
)

// caught plays a scenario with a build that lacks a rule, in which it must find something; and in long runs with one that
// does not, in which it must not.
func caught(t *testing.T, rule, how string, play func(ablate string) (violations int)) {
	t.Helper()
	if *long {
		report(t, play("") == 0, "known-bad builds: none", how, "not caught")
	}
	n := play(rule)
	report(t, n > 0, "known-bad builds: without "+rule, fmt.Sprintf("%s: %d", how, n), "caught")
}

// Counters that do not move with their keys are found by the history of a key, and by the account of it.
func TestHandoffWithoutCountersIsCaught(t *testing.T) {
	together(t)
	caught(t, "copies", "keys that are not linearizable while nodes join and leave", func(ablate string) int {
		return len(nonlinear(movesUnder(t, ablate), 200))
	})
}

// A retry that is charged again is found by the account of a key: its owner is suspended for long enough that others send
// their hits again, and for too short to be replaced.
func TestChargingRetriesTwiceIsCaught(t *testing.T) {
	together(t)
	caught(t, "dedup", "charges that nobody asked for, an owner being suspended for 0.3 s", func(ablate string) int {
		return int(audit.Sum(suspend(t, ablate, "sync", 300*time.Millisecond).surplus))
	})
}

// Decisions of an owner that was replaced while it was suspended are found by their terms.
func TestDecidingAfterAPauseIsCaught(t *testing.T) {
	together(t)
	caught(t, "pause", "answers of a replaced owner, after a pause of 5 s", func(ablate string) int {
		return len(suspend(t, ablate, "async", 5*time.Second).stale)
	})
}

// Answers that do not wait for the copies are found by what the next owner forgot: the backup of a node is suspended for
// a moment, in which that node dies.
func TestAnsweringBeforeTheCopiesIsCaught(t *testing.T) {
	together(t)
	caught(t, "acks", "hits that the next owner forgot", func(ablate string) int {
		f := launchFleet(t, 3, ablate, "--replication", "sync")
		keys := aims("open", 100, 1_000_000)
		l := runLoad(t, hitRate(), keys, f.nodes...)
		l.steady(500 * time.Millisecond)
		victim, backup := f.nodes[0], f.nodes[1]
		l.use(victim)
		backup.signal(syscall.SIGSTOP)
		time.Sleep(400 * time.Millisecond) // the fault itself
		l.retryAt(f.nodes[2])
		f.kill(victim)
		backup.signal(syscall.SIGCONT)
		l.use(f.nodes...)
		l.steady(2 * time.Second)
		f.settle()
		answers := l.close()
		return len(audit.Forgotten(answers)) + int(audit.Sum(audit.Lost(answers, l.used(f.nodes[0]))))
	})
}
