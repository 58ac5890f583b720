//go:build ablation

package node

import (
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Bubbles of nodes from which one rule is taken away are caught, and those of whole nodes are not. What package ablate
// takes away is settled when a process starts, so each is one of its own.
func TestAblationsAreCaught(t *testing.T) {
	for rule, tests := range map[string]string{
		"":       "TestNodesComeAndGo|TestSidesPart",
		"acks":   "TestNodesComeAndGo",
		"copies": "TestNodesComeAndGo",
		"dedup":  "TestNodesComeAndGo",
		"merge":  "TestSidesPart",
	} {
		t.Run("without "+rule, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^("+tests+")$", "-plans=24")
			cmd.Env = append(os.Environ(), "TRAFFIK_ABLATE="+rule)
			out, err := cmd.CombinedOutput()
			if rule == "" {
				assert.NoError(t, err, "%s", out)
			} else {
				assert.Error(t, err, "%s", out)
				assert.Regexp(t, "charged, not|copies of", string(out))
			}
		})
	}
}
