package policy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/strategy"
)

func registry(t testing.TB) *strategy.Registry {
	t.Helper()
	r, err := strategy.NewRegistry()
	require.NoError(t, err)
	return r
}

// Guarantee 1.
func TestErrorsNameFieldAndValue(t *testing.T) {
	for _, c := range []struct {
		limits []Limit
		want   []string
	}{
		{[]Limit{{Rate: "fast"}}, []string{`rate "fast"`}},
		{[]Limit{{Rate: "1/min", Strategy: "leaky_cauldron"}}, []string{`strategy: "leaky_cauldron" is unknown`, "token_bucket"}},
		{[]Limit{{Rate: "1/min", Params: []byte(`{"burst_size":3}`)}}, []string{"params.burst_size: fixed_window has no such parameter"}},
		{[]Limit{{Rate: "1/min", Strategy: "token_bucket", Params: []byte(`{"burst_size":-3}`)}}, []string{"params.burst_size: -3 is negative"}},
		{[]Limit{{Rate: "1/min", Name: "naïve"}}, []string{`name: "naïve"`}},
		{[]Limit{{Rate: "1/min", Name: strings.Repeat("x", 65)}}, []string{"name: ", "64"}},
		{[]Limit{{Name: "a", Rate: "1/s"}, {Name: "b", Rate: "x"}, {Name: "c", Strategy: "y", Rate: "1/s"}}, []string{`limits[1].rate "x"`, `limits[2].strategy: "y"`}},
		{[]Limit{{Name: "a", Rate: "1/s"}, {Name: "a", Rate: "1/m"}}, []string{`limits[1].name: "a" is taken`}},
		{nil, []string{"limits: empty"}},
	} {
		_, err := New(registry(t), c.limits...)
		for _, want := range c.want {
			assert.ErrorContains(t, err, want, "%+v", c.limits)
		}
	}
}

// Guarantee 2.
func TestUnlimitedIsExplicit(t *testing.T) {
	_, err := New(registry(t), Limit{})
	assert.ErrorContains(t, err, "rate: missing")
	_, err = New(registry(t), Limit{Rate: "unlimited"})
	assert.ErrorContains(t, err, `rate "unlimited"`)
	for _, l := range []Limit{
		{Unlimited: true, Rate: "1/s"}, {Unlimited: true, Strategy: "gcra"}, {Unlimited: true, Params: []byte("{}")},
	} {
		_, err = New(registry(t), l)
		assert.ErrorContains(t, err, "unlimited: true", "%+v", l)
	}
	p, err := New(registry(t), Limit{Unlimited: true})
	require.NoError(t, err)
	assert.True(t, p.IsUnlimited())
}

func TestPolicyEqualsItsGoForm(t *testing.T) {
	p, err := New(registry(t), Limit{Name: "daily", Rate: "100 per day", Strategy: "gcra", Params: []byte(`{ "burst" : 100 }`)})
	require.NoError(t, err)
	want := strategy.MustPolicy(strategy.Limit{Name: "daily", Rate: strategy.MustRate("100/day"), Strategy: strategy.GCRA{Burst: 100}})
	assert.Equal(t, want.Encoded(), p.Encoded())
}

func ExampleNew() {
	registry, _ := strategy.NewRegistry()
	p, err := New(registry,
		Limit{Name: "burst", Rate: "10/s"},
		Limit{Name: "daily", Rate: "1000/day", Strategy: "token_bucket", Params: []byte(`{"burst_size":50}`)},
	)
	fmt.Println(p.Len(), err)
	_, err = New(registry, Limit{Rate: "10 per fortnight"})
	fmt.Println(err)
	// Output:
	// 2 <nil>
	// rate "10 per fortnight": period "fortnight" has no known unit (ms, s, min, h, day)
}
