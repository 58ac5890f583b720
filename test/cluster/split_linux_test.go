package cluster

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/test/cluster/audit"
)

// healTime is how long the sides of a network that has healed may take to be one cluster again: at most 13 s until they
// dial each other, and 5 s for the partitions.
const healTime = 18 * time.Second

// split is a cluster of five whose network was split 3/2 under load, on each side a load of its own, and has healed.
// Full keys are hit from before the split until after the heal, open ones not while it heals.
type split struct {
	*network
	nodes  []*process
	sides  [2][]*process
	full   []aim
	open   []aim
	before map[string]place

	log              *audit.Log
	cut, healed, one time.Duration // the network was split, was not any more, and all nodes named one owner of each key
	used             map[string]int64
	answers          []audit.Answer
}

// hitBefore is how often each key was hit before the split.
const hitBefore = 5

// runSplit keeps the network split until both sides know it, and then for so long.
func runSplit(t testing.TB, ablate string, stay time.Duration) *split {
	awayFromMidnight(t, time.Hour)
	s := &split{network: newNetwork(t, 5), log: audit.NewLog(), full: aims("full", 20, 20)}
	s.nodes = s.cluster(ablate, "--on-unreachable", "local")
	s.sides = [2][]*process{s.nodes[:3], s.nodes[3:]}
	left, right := aims("left", 40, 100_000), aims("right", 40, 100_000)
	s.open = slices.Concat(left, right)

	first := newLoad(t, s.log, nil, s.nodes...)
	for range hitBefore {
		for _, a := range slices.Concat(s.full, s.open) {
			require.Equal(t, audit.Admitted, first.hit(a, 1, s.log.Now()).Verdict, "%s is fresh", a.key)
		}
	}
	s.before = s.nodes[0].places(s.open)
	time.Sleep(200 * time.Millisecond) // copies lag 10 ms at most

	s.cut = s.log.Now()
	s.split([]int{0, 1, 2}, []int{3, 4})
	onFull := []*load{s.load(s.full, s.sides[0]), s.load(s.full, s.sides[1])}
	onOpen := []*load{s.load(left, s.sides[0]), s.load(right, s.sides[1])}
	s.sides[0][0].sees("n1", "n2", "n3")
	s.sides[1][0].sees("n4", "n5")
	time.Sleep(stay)
	for _, l := range onOpen {
		l.finish()
	}
	s.heal()
	s.healed = s.log.Now()
	s.agree()
	s.one = s.log.Now()
	time.Sleep(500 * time.Millisecond)
	for _, l := range onFull {
		l.finish()
	}
	s.answers = s.log.Answers()
	return s
}

func (s *split) load(keys []aim, side []*process) *load {
	l := newLoad(s.t, s.log, keys, side...)
	l.wg.Go(func() { l.send(100) })
	return l
}

// agree waits until all nodes name one owner of each open key and tell the same of it.
func (s *split) agree() {
	s.t.Helper()
	eventually(s.t, func() error {
		s.used = map[string]int64{}
		owners := map[string]string{}
		for i, p := range s.nodes {
			for _, a := range s.open {
				r, err := p.send("/v1/stat", fmt.Sprintf(`{"key":%q,"rate":"%d/day"}`, a.key, a.limit))
				if err != nil || r.Status != 200 || r.Degraded {
					return errors.Join(fmt.Errorf("%s of %s: %+v", a.key, p.name, r), err)
				}
				n := a.limit - int64(r.Remaining)
				if i == 0 {
					s.used[a.key], owners[a.key] = n, r.Owner
				} else if s.used[a.key] != n || owners[a.key] != r.Owner {
					return fmt.Errorf("%s: %d used of %s, or %d of %s", a.key, s.used[a.key], owners[a.key], n, r.Owner)
				}
			}
		}
		return nil
	})
}

// forgiven are the open keys of which less is known to be used than one side has told its clients: what it admitted
// during the split and, if it kept a copy, what had been before.
func (s *split) forgiven() (keys []string) {
	during := [2]map[string]audit.Account{}
	for i, side := range s.sides {
		during[i] = audit.Accounts(slices.DeleteFunc(slices.Clone(s.answers), func(a audit.Answer) bool {
			return a.Sent < s.cut || !contains(side, a.Asked)
		}))
	}
	for key, at := range s.before {
		for i, side := range s.sides {
			told := during[i][key].Charged
			if slices.ContainsFunc(append(at.Backups, at.Owner), func(name string) bool { return contains(side, name) }) {
				told += hitBefore
			}
			if s.used[key] < told {
				keys = append(keys, fmt.Sprintf("%s: %d of %d", key, s.used[key], told))
			}
		}
	}
	return keys
}

func contains(side []*process, name string) bool {
	return slices.ContainsFunc(side, func(p *process) bool { return p.name == name })
}

// F11, I6 and I15: while the network is split each side admits every limit once, and a node that waits for an owner its
// share. When it has healed, one owner is left, who knows what either side has admitted.
func TestSplit(t *testing.T) {
	t.Parallel()
	const name = "F11 split 3/2, `local`"
	s := runSplit(t, "", time.Duration(rounds(1, 23))*time.Second)

	isFull := func(key string) bool { return strings.HasPrefix(key, "full") }
	full := slices.DeleteFunc(slices.Clone(s.answers), func(a audit.Answer) bool { return !isFull(a.Key) })
	excess := audit.Excess(full, func(string) int64 { return 2 * 20 })
	most := int64(0)
	for _, x := range audit.Accounts(full) {
		most = max(most, x.Charged)
	}
	report(t, len(excess) == 0 && most > 20, name, fmt.Sprintf("%d of a limit of 20", most), "owners admit at most twice the limit, and more than once")
	most = 0
	for _, n := range audit.Shares(full) {
		most = max(most, n)
	}
	report(t, most <= 4, name, fmt.Sprintf("%d of a limit of 20", most), "a node admits at most a fifth without an owner")
	reportTime(t, s.one-s.healed, healTime, name, "one owner of every key at most 18 s after the heal")
	late := audit.Between(full, s.one, s.log.Now())
	assert.NotEmpty(t, late)
	report(t, len(audit.Excess(late, func(string) int64 { return 0 })) == 0, name, fmt.Sprint(audit.Sum(audit.Excess(late, func(string) int64 { return 0 }))), "0 admitted of a used limit then")

	forgiven, surplus := s.forgiven(), audit.Surplus(slices.DeleteFunc(slices.Clone(s.answers), func(a audit.Answer) bool { return isFull(a.Key) }), s.used)
	report(t, len(forgiven) == 0, name, fmt.Sprintf("%d of %d", len(forgiven), len(s.open)), "0 keys of which less is known than a side knew")
	report(t, len(surplus) == 0, name, fmt.Sprintf("%d of %d", len(surplus), len(s.open)), "0 keys of which more is known than both sides knew")
	for key, at := range s.before {
		assert.Equal(t, at.Owner, s.nodes[4].placeOf(key).Owner, "%s is back where it belongs", key)
	}
	failed := audit.Failed(s.answers)
	report(t, len(failed) == 0, name, fmt.Sprintf("%d of %d", len(failed), len(audit.Hits(s.answers))), "0 hits without an answer")
}

func TestASplitThatForgetsIsCaught(t *testing.T) {
	t.Parallel()
	s := runSplit(t, "merge", 0)
	forgiven := s.forgiven()
	report(t, len(forgiven) > 0, "F11 split 3/2, without merge", fmt.Sprintf("%d of %d keys", len(forgiven), len(s.open)), "caught: less is known than a side knew")
}
