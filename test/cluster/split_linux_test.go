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

// healTime is how long the sides of a network that has healed may take to be one cluster again: at most 13 s until they
// dial each other, and 5 s for the partitions.
const healTime = 18 * time.Second

// split is a cluster of five whose network was split under load, on each side a load of its own, and has healed.
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

// fault is how a network is split.
type fault struct {
	left int // so many nodes are on one side
	cut  func(*split)
	stay time.Duration // in which those who can know of it do
}

func runSplit(t testing.TB, ablate string, f fault) *split {
	awayFromMidnight(t, time.Hour)
	s := &split{network: newNetwork(t, 5), log: audit.NewLog(), full: aims("full", 20, 20)}
	s.nodes = s.cluster(ablate, "--on-unreachable", "local")
	s.sides = [2][]*process{s.nodes[:f.left], s.nodes[f.left:]}
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
	f.cut(s)
	onFull := []*load{s.load(s.full, s.sides[0]), s.load(s.full, s.sides[1])}
	onOpen := []*load{s.load(left, s.sides[0]), s.load(right, s.sides[1])}
	time.Sleep(f.stay)
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
	l.wg.Go(func() { l.send(150) })
	return l
}

// agree waits until all nodes name as the one owner of each open key who had it before, and tell the same of it.
func (s *split) agree() {
	s.t.Helper()
	eventuallyWithin(s.t, time.Minute, func() error { // more than it may take, so that what it takes is known
		used, owners, err := agreed(s.nodes, s.open)
		for key, owner := range owners {
			if owner != s.before[key].Owner {
				return fmt.Errorf("%s is owned by %s, not %s", key, owner, s.before[key].Owner)
			}
		}
		s.used = used
		return err
	})
}

// forgiven are the open keys of which less is known to be used than one side has told its clients: what it admitted
// during the split and, if it kept a copy, what had been before.
func (s *split) forgiven() (keys []string) {
	during := [2]map[string]audit.Account{}
	for i, side := range s.sides {
		during[i] = audit.Accounts(slices.DeleteFunc(slices.Clone(s.answers), func(a audit.Answer) bool {
			return a.Sent < s.cut || !contains(side, a.Owner)
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

// inTwo parts n1, n2 and n3 from n4 and n5, and waits until both sides know it, and for so long.
func inTwo(stay time.Duration) fault {
	return fault{3, func(s *split) {
		s.split([]int{0, 1, 2}, []int{3, 4})
		s.nodes[0].sees("n1", "n2", "n3")
		s.nodes[3].sees("n4", "n5")
	}, stay}
}

// judge requires what holds however a network is split in two.
func (s *split) judge(name string) {
	t := s.t
	isFull := func(a audit.Answer) bool { return strings.HasPrefix(a.Key, "full") }
	full := slices.DeleteFunc(slices.Clone(s.answers), func(a audit.Answer) bool { return !isFull(a) })
	open := slices.DeleteFunc(slices.Clone(s.answers), isFull)
	excess := audit.Excess(full, func(string) int64 { return 2 * 20 })
	most := int64(0)
	for _, x := range audit.Accounts(full) {
		most = max(most, x.Charged)
	}
	report(t, len(excess) == 0, name, fmt.Sprintf("%d of a limit of 20", most), "owners admit at most twice the limit")
	assert.Greater(t, most, int64(20), "nobody noticed the split")
	most = 0
	for _, n := range audit.Shares(full) {
		most = max(most, n)
	}
	report(t, most <= 4, name, fmt.Sprintf("%d of a limit of 20", most), "a node admits at most a fifth without an owner")
	reportTime(t, s.one-s.healed, healTime, name, "one owner of every key at most 18 s after the heal")
	late := audit.Between(full, s.one, s.log.Now())
	assert.NotEmpty(t, late)
	again := audit.Sum(audit.Excess(late, func(string) int64 { return 0 }))
	report(t, again == 0, name, fmt.Sprint(again), "0 admitted of a used limit then")
	forgiven, surplus := s.forgiven(), audit.Surplus(open, s.used)
	report(t, len(forgiven) == 0, name, fmt.Sprintf("%d of %d", len(forgiven), len(s.open)), "0 keys of which less is known than a side knew")
	report(t, len(surplus) == 0, name, fmt.Sprintf("%d of %d", len(surplus), len(s.open)), "0 keys of which more is known than both sides knew")
	failed := audit.Failed(s.answers)
	report(t, len(failed) == 0, name, fmt.Sprintf("%d of %d", len(failed), len(audit.Hits(s.answers))), "0 hits without an answer")
	for _, a := range failed[:min(3, len(failed))] {
		t.Logf("failed: %+v", a)
	}
}

// F11, I6 and I15: while the network is split each side admits every limit once, and a node that waits for an owner its
// share. When it has healed, one owner is left, who knows what either side has admitted.
func TestSplit(t *testing.T) {
	t.Parallel()
	runSplit(t, "", inTwo(time.Duration(rounds(4, 23))*time.Second)).judge("F11 split 3/2, `local`")
}

func TestASplitThatForgetsIsCaught(t *testing.T) {
	t.Parallel()
	s := runSplit(t, "merge", inTwo(3*time.Second))
	forgiven := s.forgiven()
	report(t, len(forgiven) > 0, "F11 split 3/2, without merge", fmt.Sprintf("%d of %d keys", len(forgiven), len(s.open)), "caught: less is known than a side knew")
}

// F13: a node that is cut off in one direction is a side of its own.
func TestANodeThatIsNotHeard(t *testing.T) {
	if !*long {
		t.Skip("in long runs only")
	}
	t.Parallel()
	runSplit(t, "", fault{4, func(s *split) {
		for other := range 4 {
			s.network.cut(4, other)
		}
	}, 30 * time.Second}).judge("F13 one node is not heard, `local`")
}

func TestANodeThatHearsNobody(t *testing.T) {
	if !*long {
		t.Skip("in long runs only")
	}
	t.Parallel()
	runSplit(t, "", fault{4, func(s *split) {
		for other := range 4 {
			s.network.cut(other, 4)
		}
	}, 30 * time.Second}).judge("F13 one node hears nobody, `local`")
}
