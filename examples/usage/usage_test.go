package usage

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/httpadapter"
	"github.com/traffik-io/traffik/node"
)

// lines is code without indentation and blank lines, so that it may stand at any depth.
func lines(code string) string {
	var b strings.Builder
	b.WriteByte('\n')
	for line := range strings.Lines(code) {
		if line = strings.TrimSpace(line); line != "" {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// Every Go snippet of the pages is part of a file here that the compiler and vet have seen.
func TestSnippetsCompile(t *testing.T) {
	var code strings.Builder
	for _, dir := range []string{".", "../socket"} {
		files, err := filepath.Glob(dir + "/*.go")
		require.NoError(t, err)
		for _, f := range files {
			text, err := os.ReadFile(f)
			require.NoError(t, err)
			code.WriteString(lines(string(text)))
		}
	}
	for page, atLeast := range map[string]int{"usage.md": 35, "from-python.md": 23} {
		text, err := os.ReadFile("../../docs/" + page)
		require.NoError(t, err)
		n := 0
		for _, block := range strings.Split(string(text), "\n```go\n")[1:] {
			block, _, closed := strings.Cut(block, "```")
			require.True(t, closed)
			assert.True(t, strings.Contains(code.String(), lines(block)), "%s: a snippet that is not compiled:\n%s", page, block)
			n++
		}
		assert.GreaterOrEqual(t, n, atLeast, page)
	}
}

// The snippets that make throttles make valid ones.
func TestSnippetsRun(t *testing.T) {
	limiter, err := node.NewLocal(node.LocalConfig{})
	require.NoError(t, err)
	defer limiter.Shutdown(context.Background())
	assert.NoError(t, firstThrottle())
	for _, snippet := range []func(httpadapter.Limiter) error{
		behindProxies, perRoute, staticCost, costFunc, rules, tokenBucket, rateFunc, severalLimits, group, ownRefusal, waiting,
		failure, registry, pyThrottle, pyOptions, pyUnlimited, pyRateFunc,
	} {
		assert.NoError(t, snippet(limiter))
	}
}

func TestSnippetOfTests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limiter, err := node.NewLocal(node.LocalConfig{})
		require.NoError(t, err)
		defer limiter.Shutdown(context.Background())
		items, err := httpadapter.New("items", "1/min", httpadapter.Options{Limiter: limiter})
		require.NoError(t, err)

		r := httptest.NewRequest(http.MethodGet, "/items", nil)
		assert.True(t, items.Allow(httptest.NewRecorder(), r))
		assert.False(t, items.Allow(httptest.NewRecorder(), r))
		time.Sleep(time.Minute) // of the bubble: takes no time
		assert.True(t, items.Allow(httptest.NewRecorder(), r))
	})
}
