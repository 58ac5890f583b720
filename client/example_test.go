package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/traffik-io/traffik/client"
	"github.com/traffik-io/traffik/strategy"
)

func Example() {
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { // a traffik-node
		fmt.Fprint(w, `{"allowed":true,"hits_remaining":99,"wait_ms":0,"limit":100,"period_ms":60000,"key":"user:42","owner":"n1"}`)
	}))
	defer node.Close()

	c, err := client.New(node.URL, client.Options{})
	if err != nil {
		panic(err)
	}
	defer c.Close()
	policy := strategy.MustPolicy(strategy.Limit{Rate: strategy.MustRate("100/min")})
	d, err := c.Hit(context.Background(), strategy.NewHit("user:42", policy))
	if errors.Is(err, client.ErrUnavailable) {
		fmt.Println("nobody could decide")
		return
	}
	fmt.Println(d.Allowed, d.Remaining, d.Owner, err)
	// Output: true 99 n1 <nil>
}
