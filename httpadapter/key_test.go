package httpadapter

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/strategy"
)

// Guarantee 5: no two clients, methods and routes share a key by accident.
func TestKeysDoNotCollide(t *testing.T) {
	part := rapid.OneOf(
		rapid.StringMatching(`[=#:0-9a-c]{0,6}`),
		rapid.String(),
		rapid.Custom(func(t *rapid.T) string { // another key
			return keyOf(rapid.StringN(1, 4, -1).Draw(t, "id"), rapid.SampledFrom([]string{"", "GET"}).Draw(t, "m"), rapid.StringN(0, 4, -1).Draw(t, "r"))
		}),
		rapid.Map(rapid.IntRange(1000, 1100), func(n int) string { return strings.Repeat("x", n) }),
	)
	rapid.Check(t, func(t *rapid.T) {
		name := part.Filter(func(s string) bool { return s != "" })
		a := [3]string{name.Draw(t, "a0"), part.Draw(t, "a1"), part.Draw(t, "a2")}
		b := [3]string{name.Draw(t, "b0"), part.Draw(t, "b1"), part.Draw(t, "b2")}
		ka, kb := keyOf(a[0], a[1], a[2]), keyOf(b[0], b[1], b[2])
		require.Equal(t, a == b, ka == kb, "%q and %q", ka, kb)
		require.True(t, len(ka) >= 1 && len(ka) <= strategy.MaxKeyLen)

		if ka != a[0] { // nobody's name is another's key
			require.NotEqual(t, ka, keyOf(ka, "", ""))
		}

		sa, sb := part.Draw(t, "sa"), part.Draw(t, "sb")
		require.Equal(t, sa == sb, scopeOf(sa) == scopeOf(sb))
		require.LessOrEqual(t, len(scopeOf(sa)), strategy.MaxKeyLen)
		if scoped := scopeOf(sa); scoped != sa {
			require.NotEqual(t, scoped, scopeOf(scoped))
		}
	})
}

func TestMethodAndRouteOnlyWhereAskedFor(t *testing.T) {
	fake := newFake()
	key := func(o Options, r *http.Request) string {
		o.Limiter = fake
		_, err := newThrottle(t, "u", "9/s", o).Hit(r)
		require.NoError(t, err)
		return fake.last(t).Key
	}
	r := httptest.NewRequest(http.MethodPut, "/items/7", nil)
	r.Pattern = "PUT /items/{id}"
	assert.Equal(t, "192.0.2.1", key(Options{}, r))
	assert.Equal(t, "=9:192.0.2.13:PUT0:", key(Options{PerMethod: true}, r))
	assert.Equal(t, "=9:192.0.2.10:15:PUT /items/{id}", key(Options{Route: Pattern}, r))
}

// A client must not get around its limit by a name that is too long for a key.
func TestLongNamesAreLimited(t *testing.T) {
	fake := newFake()
	th := newThrottle(t, "u", "1/min", Options{
		Limiter: fake, OnError: AllowOnError,
		Identifier: func(r *http.Request) (string, error) { return r.Header.Get("X-Name"), nil },
	})
	r := get("/")
	r.Header.Set("X-Name", strings.Repeat("n", 5000))
	for _, want := range []bool{true, false} {
		d, err := th.Hit(r, Scope(strings.Repeat("s", 5000)))
		require.NoError(t, err)
		assert.Equal(t, want, d.Allowed)
	}
}
