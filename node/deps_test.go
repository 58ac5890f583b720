package node

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whoever embeds a node gets these modules, and nothing that only the binary needs.
func TestDependencies(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", ".").Output()
	require.NoError(t, err)
	modules := strings.Fields(string(out))
	slices.Sort(modules)
	ofMemberlist := []string{
		"github.com/google/btree", "github.com/hashicorp/errwrap", "github.com/hashicorp/go-immutable-radix",
		"github.com/hashicorp/go-metrics", "github.com/hashicorp/go-msgpack/v2", "github.com/hashicorp/go-multierror",
		"github.com/hashicorp/go-sockaddr", "github.com/hashicorp/golang-lru", "github.com/miekg/dns", "github.com/sean-/seed",
		"golang.org/x/net", "golang.org/x/sys",
	}
	assert.ElementsMatch(t, append(ofMemberlist,
		"github.com/dchest/siphash",
		"github.com/hashicorp/memberlist",
		"github.com/traffik-io/traffik",
		"github.com/vmihailenco/msgpack/v5",
		"github.com/vmihailenco/tagparser/v2", // of msgpack
		"golang.org/x/sync",
	), slices.Compact(modules))
}
