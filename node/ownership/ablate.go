package ownership

import "github.com/traffik-io/traffik/internal/ablate"

// rule is one safety rule that a test can turn off, to show that the model misses it.
type rule uint32

const (
	ruleT1      rule = 1 << iota // only the owner of a term creates copies of it
	ruleT2                       // an incomplete copy has no version
	ruleT3                       // whoever knows a higher term says so
	ruleT4                       // a copy that is newer than its successor's parent is merged
	ruleH1                       // copies compare by mutations too
	ruleH2                       // refuse at Offer only
	ruleH3                       // frozen ends by Committed, Fenced or rescue
	ruleH4                       // the holders know the next owner before it serves
	ruleH5                       // a frozen owner whose target died rescues
	ruleH6                       // a claim yields to whoever serves at the highest term
	ruleH7                       // a leaving node keeps its copy until another is complete
	ruleC1                       // ask the named owner whatever the view says
	ruleC2                       // ask those who asked
	ruleC3                       // ask everybody
	rulePause                    // validate after a gap
	ruleOrphan                   // a claim gives up what it cannot reach, and a holder takes over what nobody comes for
	ruleStall                    // a claim does not wait while this process stands still
	ruleLinks                    // close links after a gap
	ruleAcks                     // answers wait for the copies
	ruleMerge                    // a replaced owner keeps what the next one lacks, until that has joined it
	ruleSilent                   // whoever answers nothing is replaced as a holder
	ruleDismiss                  // and is no longer waited for once it has dropped its copy
	ruleCalm                     // ticks pass over partitions that wait for nothing
)

// ablated are the rules that this binary was built to do without: none, but in those that tests are meant to catch.
func ablated() (off rule) {
	if ablate.Acks {
		off |= ruleAcks
	}
	if ablate.Pause {
		off |= rulePause | ruleLinks
	}
	if ablate.Merge {
		off |= ruleMerge
	}
	return off
}

// on reports whether a rule holds: always, outside tests.
func (m *Machine) on(r rule) bool { return m.off&r == 0 }
