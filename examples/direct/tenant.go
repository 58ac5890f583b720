package direct

import (
	"fmt"
	"net/http"

	"github.com/traffik-io/traffik/httpadapter"
)

// Tenant gives each client a bucket of its own at every tenant, named by the path: what it uses up at one does not
// count at another.
func Tenant(limiter httpadapter.Limiter) (http.Handler, error) {
	throttle, err := httpadapter.New("tenants", "60/min", httpadapter.Options{Limiter: limiter})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /tenants/{tenant}/items", func(w http.ResponseWriter, r *http.Request) {
		tenant := r.PathValue("tenant")
		if !throttle.Allow(w, r, httpadapter.Scope("tenant:"+tenant)) {
			return
		}
		fmt.Fprintln(w, "items of", tenant)
	})
	return mux, nil
}
