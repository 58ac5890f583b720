package cluster

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/test/cluster/audit"
)

// hitRate is how many hits a second scenarios send.
func hitRate() int { return rounds(500, 2000) }

// fill uses up the limits of keys.
func (l *load) fill(keys []aim) {
	l.t.Helper()
	for _, a := range keys {
		l.aims[a.key] = a
		require.Equal(l.t, audit.Admitted, l.hit(a, a.limit, l.log.Now()).Verdict, "%s is fresh", a.key)
	}
}

// judge requires what holds however nodes come and go, and says how much of it there was.
func (l *load) judge(name string, answers []audit.Answer, through *process) {
	l.t.Helper()
	used := l.used(through)
	accounts, admitted := audit.Accounts(answers), int64(0)
	for _, x := range accounts {
		admitted += x.Charged
	}
	n := len(audit.Hits(answers))
	lost, surplus := audit.Lost(answers, used), audit.Surplus(answers, used)
	report(l.t, len(lost) == 0, name, fmt.Sprintf("%d of %d", audit.Sum(lost), admitted), "0 admitted hits lost")
	report(l.t, len(surplus) == 0, name, fmt.Sprint(audit.Sum(surplus)), "0 charged that nobody asked for")
	failed := audit.Failed(answers)
	report(l.t, len(failed) == 0, name, fmt.Sprintf("%d of %d", len(failed), n), "0 failed")
	for _, a := range failed[:min(3, len(failed))] {
		l.t.Logf("failed: %+v", a)
	}
	assert.Empty(l.t, audit.Excess(answers, l.bound), "admitted beyond the limit")
	assert.Empty(l.t, audit.Missing(answers, l.bound), "denied below the limit")
	assert.Empty(l.t, audit.Reopened(answers), "admitted after a denial")
	assert.Empty(l.t, audit.Forgotten(answers), "forgotten by a later decision")
	assert.Empty(l.t, audit.Stale(answers), "of a replaced owner")
	assert.Empty(l.t, audit.Degraded(answers), "degraded")
}

// leave stops nodes with a signal, as a deployment does: the balancer learns of it when their ports refuse, and what
// was sent to them meanwhile is sent again to another.
func (f *fleet) leave(l *load, victims ...*process) {
	f.t.Helper()
	l.retryAt(f.drop(victims...)...)
	for _, p := range victims {
		p.signal(syscall.SIGTERM)
	}
	time.Sleep(50 * time.Millisecond)
	l.use(f.nodes...)
	for _, p := range victims {
		require.Zero(f.t, p.wait(), "%s", p.name)
	}
}

// A node that joins takes counters over and gives them back when it leaves: no key regains allowance, and no hit fails.
func TestScaleUpAndDown(t *testing.T) {
	together(t)
	const name = "scale 3 → 4 → 3"
	awayFromMidnight(t, time.Hour)
	f := launchFleet(t, 3, "")
	full, open := aims("full", 1000, 3), aims("open", 200, 1_000_000)
	l := newLoad(t, audit.NewLog(), append(open, full...), f.nodes...)
	l.fill(full)
	l.wg.Go(func() { l.send(hitRate()) })
	calm := l.log.Now()
	l.steady(time.Duration(rounds(1, 10)) * time.Second)
	joins := l.log.Now()
	f.join()
	l.use(f.nodes...)
	f.settle()
	joined := l.log.Now()
	l.steady(time.Duration(rounds(1, 5)) * time.Second)
	leaves := l.log.Now()
	f.leave(l, f.nodes[3])
	left := l.log.Now()
	f.settle()
	l.steady(time.Second)

	answers := l.close()
	l.judge(name, answers, f.nodes[1])
	p99 := func(from, to time.Duration) time.Duration {
		return audit.Percentile(audit.Latencies(audit.Between(answers, from, to)), 0.99)
	}
	before, join, leave := p99(calm, joins), p99(joins, joined), p99(leaves, left)
	t.Logf("p99 before %v, while the fourth joins (%v) %v, while it leaves (%v) %v", before, joined-joins, join, left-leaves, leave)
	reportTime(t, max(join, leave)-before, 20*time.Millisecond, name, "p99 while moving at most 20 ms above that before")
}

// Any node may be stopped, also two at once.
func TestGracefulStops(t *testing.T) {
	together(t)
	const name = "graceful stop of one and of two of 5"
	awayFromMidnight(t, time.Hour)
	f := launchFleet(t, 5, "")
	l := runLoad(t, hitRate(), aims("open", 300, 1_000_000), f.nodes...)
	for range rounds(1, 3) {
		l.steady(time.Second)
		f.leave(l, f.nodes[0])
		l.steady(time.Second)
		f.leave(l, f.nodes[1], f.nodes[3])
		l.steady(time.Second)
		for len(f.nodes) < rounds(2, 5) {
			f.join()
		}
		l.use(f.nodes...)
		f.settle()
	}
	l.judge(name, l.close(), f.nodes[0])
}

// Every node is replaced under load, one after the other.
func TestRollingReplacement(t *testing.T) {
	together(t)
	name := fmt.Sprintf("rolling replacement, %d rounds of 3", rounds(1, 3))
	awayFromMidnight(t, time.Hour)
	f := launchFleet(t, 3, "")
	l := runLoad(t, hitRate(), aims("open", 300, 1_000_000), f.nodes...)
	for range 3 * rounds(1, 3) {
		old := f.nodes[0]
		f.join()
		l.use(f.nodes...)
		f.leave(l, old)
	}
	f.settle()
	l.steady(time.Second)
	l.judge(name, l.close(), f.nodes[0])
}
