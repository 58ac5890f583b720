package ownership

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var flagFind = flag.Int("find", 0, "search so many seeds for histories in which each rule bites, instead of replaying the known ones")

var flagOnly = flag.String("only", "", "rules to search for; all if empty")

// mutations are the rules, each with those that hide its absence: several rules guard against the same loss, and what
// one lets through the next one stops. A rule bites where its absence is seen although that of its cover alone is not.
var mutations = map[string]struct{ rule, cover rule }{
	"T1":      {ruleT1, ruleT4},
	"T2":      {ruleT2, 0},
	"T3":      {ruleT3, 0},
	"T4":      {ruleT4, 0},
	"H1":      {ruleH1, ruleT4},
	"H2":      {ruleH2, ruleH4},
	"H3":      {ruleH3, ruleH4},
	"H4":      {ruleH4, ruleC1},
	"H5":      {ruleH5, ruleH7},
	"H6":      {ruleH6, ruleH4},
	"H7":      {ruleH7, 0},
	"C1":      {ruleC1, 0},
	"C2":      {ruleC2, ruleH4 | ruleC1},
	"C3":      {ruleC3, 0},
	"pause":   {rulePause, 0},
	"stall":   {ruleStall, 0},
	"links":   {ruleLinks, ruleH4 | ruleC1},
	"acks":    {ruleAcks, 0},
	"silent":  {ruleSilent, 0},
	"dismiss": {ruleDismiss, ruleT4},
	"orphan":  {ruleOrphan, 0},
}

// TestRulesBite replays histories in which one rule was all that stood between the cluster and a violation: the seeds
// in testdata/mutations.txt and the directed schedules in testdata/*.json. Guarantee 7.
func TestRulesBite(t *testing.T) {
	if *flagFind > 0 {
		find(t)
		return
	}
	bitten := map[string]bool{}
	bites := func(name string, sc scenario) {
		mut, ok := mutations[name]
		require.True(t, ok, name)
		bitten[name] = true
		t.Run(fmt.Sprint(name, "/", sc.Seed), func(t *testing.T) {
			t.Parallel()
			assert.Empty(t, play(sc, 0, nil).violations, "with all rules")
			assert.Empty(t, play(sc, mut.cover, nil).violations, "without the cover")
			assert.NotEmpty(t, play(sc, mut.cover|mut.rule, nil).violations, "without the rule")
		})
	}
	for _, line := range lines(t, "testdata/mutations.txt") {
		name, seed, _ := strings.Cut(line, " ")
		n, err := strconv.ParseUint(seed, 10, 64)
		require.NoError(t, err)
		bites(name, newScenario(n))
	}
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(t, err)
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		var sc scenario
		require.NoError(t, json.Unmarshal(b, &sc))
		bites(strings.TrimSuffix(filepath.Base(f), ".json"), sc)
	}
	for name := range mutations {
		assert.True(t, bitten[name], "nothing shows what %s is for", name)
	}
}

// find prints lines for testdata/mutations.txt.
func find(t *testing.T) {
	for name, mut := range mutations {
		if *flagOnly != "" && !strings.Contains(*flagOnly, name) {
			continue
		}
		found := 0
		for at := 0; at < *flagFind && found < 2; at += 100 {
			var seeds []uint64
			for i := range 100 {
				seeds = append(seeds, *flagFirst+uint64(at+i))
			}
			for _, seed := range failing(seeds, newScenario, mut.rule|mut.cover) {
				sc := newScenario(seed)
				if found < 2 && len(play(sc, 0, nil).violations)+len(play(sc, mut.cover, nil).violations) == 0 {
					found++
					t.Log("found:", name, seed)
				}
			}
		}
	}
}

// lines are those of a file that are neither empty nor comments.
func lines(t *testing.T, file string) []string {
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	var out []string
	for _, l := range strings.Split(string(b), "\n") {
		if l = strings.TrimSpace(l); l != "" && l[0] != '#' {
			out = append(out, l)
		}
	}
	return out
}
