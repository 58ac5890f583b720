package httpadapter_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Guarantee 12: an importer is given the standard library and strategy, and nothing else.
func TestDependencies(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".", "./identify").Output()
	require.NoError(t, err)
	const module = "github.com/traffik-io/traffik/"
	assert.ElementsMatch(t, []string{module + "httpadapter", module + "httpadapter/identify", module + "strategy"}, strings.Fields(string(out)))
}
