package api_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/traffik-io/traffik/cmd/traffik-node/internal/api"
	"github.com/traffik-io/traffik/node"
	"github.com/traffik-io/traffik/strategy"
)

// one is a cluster of one key and one node.
type one struct{ records *strategy.Records }

func (o one) Hit(_ context.Context, h strategy.Hit) (strategy.Decision, error) {
	return o.records.Decide(0, h, true)
}

func (o one) Check(_ context.Context, h strategy.Hit) (strategy.Decision, error) {
	return o.records.Decide(0, h, false)
}

func (o one) Stat(context.Context, strategy.Hit) (strategy.Stat, bool, error) {
	return strategy.Stat{}, false, nil
}

func (o one) Members(context.Context) []node.Member { return nil }

func (o one) FindOwner(context.Context, string, string, string) node.Ownership {
	return node.Ownership{}
}

func (o one) Ready() bool { return true }

func Example() {
	registry, _ := strategy.NewRegistry()
	n := one{new(strategy.Records)}
	h, _ := api.New(api.Config{Limiter: n, Cluster: n, Registry: registry, Metrics: http.NotFoundHandler()})
	for range 2 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/hit", strings.NewReader(`{"key":"user:42","rate":"1/min"}`)))
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 {"allowed":true,"hits_remaining":0,"wait_ms":0,"limit":1,"period_ms":60000,"key":"user:42","owner":""}
	// 429 {"allowed":false,"hits_remaining":0,"wait_ms":60000,"limit":1,"period_ms":60000,"key":"user:42","owner":""}
}
