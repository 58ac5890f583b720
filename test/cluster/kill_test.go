package cluster

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/test/cluster/audit"
)

var flagKills = flag.Int("kills", 50, "how many nodes a long run kills, where answers wait for the copies")

// crash is one kill -9, and where the keys were.
type crash struct {
	at     time.Duration // on the clock of the log, just before the signal
	places map[string]place
	victim string
}

// crashOne kills a random node under load; the balancer learns of it when its port refuses.
func (f *fleet) crashOne(l *load, keys []aim) crash {
	f.t.Helper()
	victim := f.nodes[rand.N(len(f.nodes))]
	c := crash{places: f.nodes[0].places(keys), victim: victim.name}
	l.retryAt(f.drop(victim)...)
	c.at = l.log.Now()
	f.kill(victim)
	l.use(f.nodes...)
	return c
}

// replace adds a node for each that is gone, and waits until all copies are there.
func (f *fleet) replace(l *load, n int) {
	f.t.Helper()
	for len(f.nodes) < n {
		f.join()
	}
	l.use(f.nodes...)
	began := time.Now()
	f.settle()
	f.t.Logf("settled %v after the last was ready", time.Since(began).Round(time.Millisecond))
}

// kill -9 of any node under synchronous replication loses nothing that was answered, and its keys are decided again soon.
func TestKillsWhenReplicatedSynchronously(t *testing.T) {
	together(t)
	n := rounds(2, *flagKills)
	name := fmt.Sprintf("kill -9, sync, %d kills", n)
	awayFromMidnight(t, time.Hour)
	f := launchFleet(t, 3, "", "--replication", "sync")
	keys := aims("open", 200, 1_000_000)
	l := runLoad(t, hitRate(), keys, f.nodes...)
	var crashes []crash
	for range n {
		l.steady(300 * time.Millisecond)
		crashes = append(crashes, f.crashOne(l, keys))
		l.steady(700 * time.Millisecond)
		f.replace(l, 3)
	}
	answers := l.close()
	var outages []time.Duration
	for i, c := range crashes {
		to := l.log.Now()
		if i+1 < len(crashes) {
			to = crashes[i+1].at
		}
		some := audit.Between(answers, c.at-3*time.Second, to)
		for _, wait := range audit.Outages(some, kept(c.places, c.victim), c.at) {
			outages = append(outages, wait)
		}
	}
	l.judgeCrashes(name, answers, f.nodes[0], true)
	t.Logf("outages of %d keys: median %v, p90 %v, longest %v", len(outages),
		audit.Percentile(outages, 0.5), audit.Percentile(outages, 0.9), audit.Percentile(outages, 1))
	reportTime(t, audit.Percentile(outages, 0.99), 500*time.Millisecond, name, "kill to first answer, per key owned or backed: p99 at most 500 ms")
}

// judgeCrashes requires what holds over crashes: nothing is decided twice, and where nothing may be lost, nothing is.
func (l *load) judgeCrashes(name string, answers []audit.Answer, through *process, keeps bool) (lost map[string]int64) {
	l.t.Helper()
	used := l.used(through)
	admitted := int64(0)
	for _, x := range audit.Accounts(answers) {
		admitted += x.Charged
	}
	lost, surplus, failed := audit.Lost(answers, used), audit.Surplus(answers, used), audit.Failed(answers)
	if keeps {
		report(l.t, len(lost) == 0, name, fmt.Sprintf("%d of %d", audit.Sum(lost), admitted), "0 admitted hits lost")
		assert.Empty(l.t, audit.Forgotten(answers), "forgotten by a later decision")
	}
	assert.Empty(l.t, audit.Excess(answers, l.bound), "admitted beyond the limit")
	assert.Empty(l.t, audit.Stale(answers), "of a replaced owner")
	l.t.Logf("%s: %d hits, %d admitted, %d lost, %d charged that nobody may have asked for, %d failed",
		name, len(audit.Hits(answers)), admitted, audit.Sum(lost), audit.Sum(surplus), len(failed))
	for _, a := range failed[:min(3, len(failed))] {
		l.t.Logf("failed: %+v", a)
	}
	return lost
}

// kill -9 under asynchronous replication loses at most what was answered within the lag, partition by partition.
func TestKillsWhenReplicatedAsynchronously(t *testing.T) {
	together(t)
	n := rounds(1, 20)
	name := fmt.Sprintf("kill -9, async, lag 10 ms, %d kills", n)
	awayFromMidnight(t, time.Hour)
	f := launchFleet(t, 3, "", "--replication", "async", "--replication-lag", "10ms")
	keys := aims("open", 20, 1_000_000) // few, so that many hits of a partition are under way
	l := runLoad(t, hitRate(), keys, f.nodes...)
	var crashes []crash
	for range n {
		l.steady(300 * time.Millisecond)
		crashes = append(crashes, f.crashOne(l, keys))
		l.steady(700 * time.Millisecond)
		f.replace(l, 3)
	}
	answers := l.close()
	l.judgeCrashes(name, answers, f.nodes[0], false)
	longest, forgotten, from := time.Duration(0), audit.Forgotten(answers), time.Duration(0)
	for _, c := range crashes {
		dead := c.at + 50*time.Millisecond // it may have answered some more after that was noted
		group := func(key string) int { return c.places[key].Partition }
		longest = max(longest, audit.Span(audit.Between(forgotten, from, dead), group))
		from = dead
	}
	assert.Empty(t, audit.Between(forgotten, from, l.log.Now()), "forgotten though nobody died any more")
	limit := 10*time.Millisecond + roundTrip(audit.Between(answers, 0, crashes[0].at))
	reportTime(t, longest, limit, name, fmt.Sprintf("all lost hits of a partition, %d in all, answered within 10 ms + one round trip (%v)", len(forgotten), limit))
}

// roundTrip is how long an answer takes while all is well.
func roundTrip(answers []audit.Answer) time.Duration {
	return audit.Percentile(audit.Latencies(answers), 0.5).Round(10 * time.Microsecond)
}

// Killing an owner and its backup at once loses what only they kept, and nothing else.
func TestOwnerAndBackupDieTogether(t *testing.T) {
	together(t)
	const name = "kill -9 of owner and backup together, sync, 5 nodes"
	awayFromMidnight(t, time.Hour)
	f := launchFleet(t, 5, "", "--replication", "sync")
	keys := aims("open", 300, 1_000_000)
	l := runLoad(t, hitRate(), keys, f.nodes...)
	l.steady(time.Second)
	owner, backup := f.nodes[1], f.nodes[3]
	places := f.nodes[0].places(keys)
	l.retryAt(f.drop(owner, backup)...)
	f.kill(owner, backup)
	l.use(f.nodes...)
	l.steady(time.Second)
	f.settle()
	l.steady(time.Second)
	answers := l.close()
	lost := l.judgeCrashes(name, answers, f.nodes[0], false)
	shared, elsewhere := 0, map[string]int64{}
	for _, a := range keys {
		at := places[a.key]
		if between := at.Owner + " " + strings.Join(at.Backups, " "); between == owner.name+" "+backup.name || between == backup.name+" "+owner.name {
			shared++
			continue
		}
		if lost[a.key] > 0 {
			elsewhere[a.key] = lost[a.key]
		}
	}
	require.Positive(t, shared, "no key was kept by both")
	report(t, len(elsewhere) == 0, name, fmt.Sprintf("%d; and %d in the %d keys that both kept", audit.Sum(elsewhere), audit.Sum(lost)-audit.Sum(elsewhere), shared),
		"0 admitted hits lost in partitions that one of them did not keep")
	report(t, len(lost) > 0, name, fmt.Sprintf("%d keys", len(lost)), "the checker finds what only the two kept")
}

// A process that is killed and started at once, with the same name and ports, serves only from what the others kept.
func TestKillAndRestartAtOnce(t *testing.T) {
	together(t)
	n := rounds(1, 10)
	name := fmt.Sprintf("kill -9 and restart at once, same name and ports, sync, %d times", n)
	awayFromMidnight(t, time.Hour)
	f := launchFleet(t, 3, "", "--replication", "sync")
	keys := aims("open", 200, 1_000_000)
	l := runLoad(t, hitRate(), keys, f.nodes...)
	var outages []time.Duration
	for range n {
		l.steady(500 * time.Millisecond)
		victim := f.nodes[1]
		places := f.nodes[0].places(keys)
		l.retryAt(f.drop(victim)...)
		at := l.log.Now()
		f.kill(victim)
		l.use(f.nodes...)
		again := f.launch(victim.name, "--http-addr", strings.TrimPrefix(victim.http, "http://"), "--cluster-addr", victim.cluster, "--gossip-addr", victim.gossip)
		l.steady(1500 * time.Millisecond)
		again.ready()
		f.nodes = append(f.nodes[:1:1], again, f.nodes[1])
		l.use(f.nodes...)
		f.settle()
		for _, wait := range audit.Outages(audit.Between(l.log.Answers(), at, l.log.Now()), kept(places, victim.name), at) {
			outages = append(outages, wait)
		}
	}
	l.judgeCrashes(name, l.close(), f.nodes[0], true)
	reportTime(t, audit.Percentile(outages, 0.99), time.Second, name, "kill to first answer, per key owned or backed: p99 at most 1 s")
}
