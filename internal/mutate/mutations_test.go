package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMutations: each one can still be applied, so that a change of the code that outdates one is seen at once.
func TestMutations(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range mutations {
		name := m.file + ": " + m.what
		assert.False(t, seen[name], "%s: twice", name)
		seen[name] = true
		source, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(m.file)))
		require.NoError(t, err)
		mutated, err := m.apply(string(source))
		assert.NoError(t, err, name)
		assert.NotEqual(t, string(source), mutated, name)
		_, err = regexp.Compile(m.tests)
		assert.NoError(t, err, name)
	}
}

// TestTry: a mutation that is noticed is told from one that survives, does not apply, does not compile or is not
// looked for, and the file is as it was. Guarantees 1 and 2.
func TestTry(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":        "module sum\n\ngo 1.25\n",
		"sum/s.go":      "package sum\n\nfunc sum(a, b int) int { return a + b }\n",
		"sum/s_test.go": "package sum\n\nimport \"testing\"\n\nfunc TestSum(t *testing.T) {\n\tif sum(1, 2) != 3 {\n\t\tt.Fatal()\n\t}\n}\n",
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	for _, c := range []struct {
		old, new, tests, want string
	}{
		{"a + b", "a - b", "", ""},
		{"a + b", "b + a", "", "it survived"},
		{"a + c", "a", "", "occurs 0 times"},
		{"a + b", "a + c", "", "does not compile"},
		{"a + b", "a - b", "TestProduct", "survived"},
	} {
		m := mutation{file: "sum/s.go", old: c.old, new: c.new, tests: c.tests}
		_, err := m.try(t.Context(), dir)
		if c.want == "" {
			assert.NoError(t, err)
		} else {
			assert.ErrorContains(t, err, c.want)
		}
		source, err := os.ReadFile(filepath.Join(dir, "sum", "s.go"))
		require.NoError(t, err)
		assert.Contains(t, string(source), "a + b")
	}
	require.NoError(t, baseline(t.Context(), dir, []mutation{{file: "sum/s.go"}}))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sum", "s.go"), []byte("package sum\n\nfunc sum(a, b int) int { return 0 }\n"), 0o600))
	require.ErrorContains(t, baseline(t.Context(), dir, []mutation{{file: "sum/s.go"}}), "without any mutation") // Guarantee 3
}
