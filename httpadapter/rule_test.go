package httpadapter

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRules(t *testing.T) {
	api := Rule{Pattern: "/api/{id}"}
	tests := []struct {
		name    string
		rules   []Rule
		applies []string // "METHOD path"
		not     []string
	}{
		{"none", nil, []string{"GET /", "OPTIONS /"}, nil},
		{"a segment", []Rule{api}, []string{"GET /api/1", "POST /api/a%2Fb"}, []string{"GET /api/1/2", "GET /apis/1", "GET /api"}},
		{"a subtree", []Rule{{Pattern: "/api/"}}, []string{"GET /api/", "GET /api/1/2"}, []string{"GET /ap"}},
		{"exactly", []Rule{{Pattern: "/api/{$}"}}, []string{"GET /api/"}, []string{"GET /api/1"}},
		{"a method in the pattern", []Rule{{Pattern: "GET /a"}}, []string{"GET /a", "HEAD /a"}, []string{"POST /a"}},
		{"methods", []Rule{{Methods: []string{"GET", "PUT"}}}, []string{"GET /", "PUT /"}, []string{"HEAD /"}},
		{"all of several", []Rule{api, {Methods: []string{"GET"}}}, []string{"GET /api/1"}, []string{"PUT /api/1", "GET /b"}},
		{"bypass", []Rule{{Pattern: "/health", Bypass: true}}, []string{"GET /", "GET /healthy"}, []string{"GET /health"}},
		{"all but one", []Rule{api, {Pattern: "/api/free", Bypass: true}}, []string{"GET /api/1"}, []string{"GET /api/free", "GET /x"}},
		{"a path that is not clean is limited", []Rule{{Pattern: "/api/"}}, []string{"GET /x/../api/1", "GET //api/1"}, nil},
		{"and does not bypass", []Rule{{Pattern: "/health", Bypass: true}}, []string{"GET /x/../health", "GET //health"}, nil},
		{"a predicate", []Rule{{If: func(r *http.Request, c Context) bool { return r.URL.Path == "/"+c.Scope }}}, []string{"GET /here"}, []string{"GET /"}},
		{"the zero rule", []Rule{{}}, []string{"GET /"}, nil},
	}
	for _, c := range tests {
		rules, err := compileRules(c.rules)
		require.NoError(t, err)
		check := func(line string, want bool) {
			method, path, _ := strings.Cut(line, " ")
			r := httptest.NewRequest(method, "http://host"+path, nil)
			assert.Equal(t, want, apply(rules, r, Context{Scope: "here"}), "%s: %s", c.name, line)
		}
		for _, line := range c.applies {
			check(line, true)
		}
		for _, line := range c.not {
			check(line, false)
		}
	}
}

func TestPredicatesAreAskedLast(t *testing.T) {
	var calls int
	rules, err := compileRules([]Rule{
		{If: func(*http.Request, Context) bool { calls++; return true }},
		{Pattern: "/a"},
		{Pattern: "/a", Methods: []string{"PUT"}, Bypass: true},
	})
	require.NoError(t, err)
	assert.False(t, apply(rules, get("/b"), Context{}))
	assert.Zero(t, calls)
	assert.True(t, apply(rules, get("/a"), Context{}))
	assert.Equal(t, 1, calls)
}
