package cluster

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/test/cluster/audit"
)

// keptApart reports whether the copies of a key are on nodes that cannot talk to each other, which are n4 and n5.
func keptApart(at place) bool {
	all := append([]string{at.Owner}, at.Backups...)
	return slices.Contains(all, "n4") && slices.Contains(all, "n5")
}

// F13, F14, F21 and I16: links between two of five nodes fail, or all that do not retransmit. Nobody is given up, no
// partition changes hands, and what does not need those links is not disturbed. Keys that do need them are decided again
// once another node has their copies.
func TestLinksThatFail(t *testing.T) {
	t.Parallel()
	awayFromMidnight(t, time.Hour)
	n := newNetwork(t, 5)
	nodes := n.cluster("", "--on-unreachable", "error", "--timeout", "1s")
	keys := aims("k", 200, 1_000_000)
	var places map[string]place
	eventually(t, func() error { // their copies are made
		places = nodes[0].places(keys)
		for key, at := range places {
			if len(at.Backups) != 1 {
				return fmt.Errorf("%s is kept by %+v", key, at)
			}
		}
		return nil
	})
	var apart, others []aim
	for _, a := range keys {
		if keptApart(places[a.key]) {
			apart = append(apart, a)
		} else {
			others = append(others, a)
		}
	}
	require.NotEmpty(t, apart)
	stay := time.Duration(rounds(6, 30)) * time.Second
	log := audit.NewLog()
	for _, f := range []struct {
		name  string
		cut   func()
		nodes []*process // whose hits on others' keys are not disturbed
		apart bool       // keys whose copies are kept apart are decided
	}{
		{"F13 n4 is not heard by n5", func() { n.cut(3, 4) }, nodes[:3], false},
		{"F14 n4 and n5 do not hear each other", func() { n.part(3, 4) }, nodes[:3], false},
		{"F21 no UDP", func() {
			for a := range nodes {
				for b := range nodes {
					n.drop(cut{from: a, to: b, protocol: "udp"})
				}
			}
		}, nodes, true},
	} {
		from := log.Now()
		f.cut()
		undisturbed := newLoad(t, log, others, f.nodes...)
		undisturbed.wg.Go(func() { undisturbed.send(200) })
		rest := newLoad(t, log, apart, f.nodes...)
		rest.wg.Go(func() { rest.send(20) })
		time.Sleep(stay)
		undisturbed.finish()
		rest.finish()
		answers := audit.Between(log.Answers(), from, log.Now())
		isApart := func(a audit.Answer) bool { return keptApart(places[a.Key]) }
		near := slices.DeleteFunc(slices.Clone(answers), isApart)
		failed := audit.Failed(near)
		report(t, len(failed) == 0, f.name, fmt.Sprintf("%d of %d", len(failed), len(audit.Hits(near))), "0 hits fail that need none of these links")
		for _, a := range failed[:min(3, len(failed))] {
			t.Logf("failed: %+v", a)
		}
		far := slices.DeleteFunc(slices.Clone(answers), func(a audit.Answer) bool { return !isApart(a) })
		figure := fmt.Sprintf("%d of %d", len(audit.Failed(far)), len(audit.Hits(far)))
		if f.apart {
			report(t, len(audit.Failed(far)) == 0, f.name, figure, "0 hits fail of those whose copies need them")
		} else {
			note(t, row{f.name, figure, "hits that fail of those whose copies need them", "until another has their copies"})
			last := time.Duration(0)
			for _, a := range audit.Failed(far) {
				last = max(last, a.Sent-from)
			}
			reportTime(t, last, 8*time.Second, f.name, "the last hit that fails is sent at most 8 s after the cut")
		}
		for _, p := range nodes {
			p.sees("n1", "n2", "n3", "n4", "n5")
		}
		n.heal()
		eventually(t, func() error { // their copies are where they were
			for key, at := range nodes[0].places(apart) {
				if !keptApart(at) {
					return fmt.Errorf("%s is kept by %+v", key, at)
				}
			}
			return nil
		})
	}
	terms := map[string]map[uint64]bool{}
	most := 0
	for _, a := range log.Answers() {
		if a.Term == 0 {
			continue
		}
		if terms[a.Key] == nil {
			terms[a.Key] = map[uint64]bool{}
		}
		terms[a.Key][a.Term] = true
		most = max(most, len(terms[a.Key]))
	}
	report(t, most <= 3, "F14 three faults, one after the other", fmt.Sprint(max(most-1, 0)), "a partition changes hands at most twice")
	gone := 0
	for _, p := range nodes {
		gone += strings.Count(p.log.String(), `msg="member is gone"`)
	}
	report(t, gone == 0, "F21 no UDP, and all before", fmt.Sprint(gone), "0 nodes are given up")
	assert.Contains(t, nodes[0].log.String(), "over TCP but UDP probes failed", "it is said")
}
