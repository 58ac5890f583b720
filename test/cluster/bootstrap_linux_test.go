package cluster

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/test/cluster/audit"
)

// F25 and I15: five nodes that start at once and see nobody serve alone. When they see each other they become one
// cluster, where each partition has one owner, and what any of them has admitted is known.
func TestBootstrapWithoutSeeds(t *testing.T) {
	t.Parallel()
	const name = "F25 bootstrap, seeds out of reach"
	awayFromMidnight(t, time.Hour)
	n := newNetwork(t, 5)
	var seeds []string
	for a := range n.hosts {
		seeds = append(seeds, n.gossip(a))
		for b := range a {
			n.part(a, b)
		}
	}
	var nodes []*process
	for host := range n.hosts {
		nodes = append(nodes, n.launch(host, "", "--join", strings.Join(seeds, ",")))
	}
	log, keys := audit.NewLog(), aims("k", 40, 1000)
	const each = 3
	for _, p := range nodes {
		p.log.until(t, "what=gossip addr=(.+)")
		p.ready().sees(p.name)
		l := newLoad(t, log, nil, p)
		for _, a := range keys {
			for range each {
				require.Equal(t, p.name, l.hit(a, 1, log.Now()).Owner)
			}
		}
	}
	time.Sleep(time.Duration(rounds(3, 20)) * time.Second)

	n.heal()
	healed := log.Now()
	var used map[string]int64
	eventuallyWithin(t, time.Minute, func() error { // more than it may take, so that what it takes is known
		for _, p := range nodes {
			all, err := p.members()
			if err != nil || len(all) != len(nodes) {
				return fmt.Errorf("%s sees %d members: %w", p.name, len(all), err)
			}
		}
		serving, err := served(nodes)
		if err != nil || serving != partitions {
			return errors.Join(fmt.Errorf("%v partitions are served", serving), err)
		}
		used, _, err = agreed(nodes, keys)
		return err
	})
	took := log.Now() - healed
	reportTime(t, took, 15*time.Second, name, "one cluster at most 15 s after the nodes see each other")
	wrong := 0
	for _, a := range keys {
		if used[a.key] < each || used[a.key] > int64(each*len(nodes)) {
			wrong++
		}
	}
	report(t, wrong == 0, name, fmt.Sprintf("%d of %d", wrong, len(keys)), "0 keys of which less is known than one node knew, or more than all")
	assert.Empty(t, audit.Failed(log.Answers()))
}
