package api

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/strategy"
)

// Guarantee 7.
func TestOneTextIsOnePolicy(t *testing.T) {
	s := newServer(t)
	hit := func(body string) *strategy.Policy {
		w := s.post("/v1/check", `{"key":"k",`+body+`}`)
		require.Equal(t, 200, w.Code, w.Body)
		return s.limiter.asked[len(s.limiter.asked)-1].Policy
	}
	first := hit(`"rate":"5/min","strategy":"token_bucket","params":{"burst_size":7}`)
	assert.Same(t, first, hit(`"rate":"5/min","strategy":"token_bucket","params":{"burst_size":7}`))
	assert.Same(t, first, hit(`"rate":"5 per minute","strategy":"token_bucket","params":{ "burst_size": 7 }`), "interned by meaning")
	assert.Same(t, first, hit(`"limits":[{"rate":"5/m","strategy":"token_bucket","params":{"burst_size":7}}]`))
	assert.NotSame(t, first, hit(`"rate":"5/min","strategy":"token_bucket"`))
	assert.Same(t, hit(`"policy":"api-items"`), hit(`"rate":"3/min","strategy":"token_bucket"`))
}

// Texts of different requests differ: a strategy that continues a rate is not another rate.
func TestTextTellsRequestsApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.SliceOfN(rapid.SampledFrom([]byte("a\x01\x02")), 0, 4)
		draw := func(name string) request {
			return request{rate: part.Draw(t, name+"rate"), strategy: part.Draw(t, name+"strategy"), params: part.Draw(t, name+"params")}
		}
		a, b := draw("a"), draw("b")
		same := string(a.rate) == string(b.rate) && string(a.strategy) == string(b.strategy) && string(a.params) == string(b.params)
		require.Equal(t, same, string(appendText(nil, &a)) == string(appendText(nil, &b)))
	})
}

func TestTextsAreBounded(t *testing.T) {
	s := newServer(t)
	for i := range 2*maxRecent + 1 {
		require.Equal(t, 200, s.post("/v1/check", fmt.Sprintf(`{"key":"k","rate":"%d/min"}`, i+1)).Code)
		require.LessOrEqual(t, len(s.policies.recent), maxRecent)
	}
}

func TestNewRefusesBadPolicies(t *testing.T) {
	registry, err := strategy.NewRegistry()
	require.NoError(t, err)
	c := Config{
		Limiter: &limiter{}, Cluster: &cluster{}, Registry: registry, Metrics: http.NotFoundHandler(),
		Policies: map[string]*strategy.Policy{"naïve": strategy.MustPolicy(strategy.Limit{Rate: strategy.MustRate("1/s")})},
	}
	_, err = New(c)
	assert.ErrorContains(t, err, `policies: the name "naïve"`)
	_, err = New(Config{})
	assert.ErrorContains(t, err, "required")
}
