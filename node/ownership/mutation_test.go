package ownership

import (
	"flag"
	"fmt"
	"strings"
	"testing"
)

var rules = []struct {
	name        string
	rule, cover rule
}{
	{"T1", ruleT1, ruleT4}, {"H1", ruleH1, ruleT4}, {"H2", ruleH2, ruleH4}, {"H3", ruleH3, ruleH4}, {"H5", ruleH5, ruleH7},
	{"H6", ruleH6, ruleH4}, {"C1", ruleC1, 0}, {"C2", ruleC2, 0}, {"C3", ruleC3, 0}, {"links", ruleLinks, 0},
}

var flagOnly = flag.String("only", "", "rule")

func TestExplore(t *testing.T) {
	for _, r := range rules {
		if *flagOnly != "" && *flagOnly != r.name {
			continue
		}
		bad := runSeeds(*flagFirst, *flagSeeds, r.rule|r.cover)
		kinds := map[string]int{}
		n := 0
		for _, b := range bad {
			if r.cover != 0 && len(play(newScenario(b), r.cover, nil).violations) > 0 {
				continue
			}
			n++
			sc := newScenario(b)
			v := play(sc, r.rule|r.cover, nil).violations[0]
			f := strings.Fields(v)
			kinds[f[1]+" "+f[3]+fmt.Sprint(" ", b, sc.Mode)]++
		}
		fmt.Println(r.name, len(bad), n, kinds)
	}
}
