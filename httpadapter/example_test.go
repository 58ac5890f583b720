package httpadapter_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/traffik-io/traffik/httpadapter"
	"github.com/traffik-io/traffik/node"
)

func Example() {
	limiter, err := node.NewLocal(node.LocalConfig{})
	if err != nil {
		panic(err)
	}
	defer limiter.Shutdown(context.Background())

	throttle, err := httpadapter.New("api:items", "2/day", httpadapter.Options{Limiter: limiter})
	if err != nil {
		panic(err)
	}
	items := func(w http.ResponseWriter, r *http.Request) {
		if !throttle.Allow(w, r) {
			return
		}
		fmt.Fprintln(w, "items")
	}

	for range 2 {
		w := httptest.NewRecorder()
		items(w, httptest.NewRequest(http.MethodGet, "/items", nil))
		fmt.Println(w.Code, w.Header().Get("RateLimit-Policy"), w.Header().Get("RateLimit"))
	}
	// Output:
	// 200 "api:items";q=2;w=86400 "api:items";r=1
	// 200 "api:items";q=2;w=86400 "api:items";r=0
}
