package direct

import (
	"fmt"
	"net/http"

	"github.com/traffik-io/traffik/httpadapter"
)

// Export looks before it works: a check costs nothing, so a client who would be refused is told before the expensive
// part begins. Another request may come in between, and so the hit has the last word.
func Export(limiter httpadapter.Limiter, build func() (string, error)) (http.Handler, error) {
	throttle, err := httpadapter.New("exports", "5/hour", httpadapter.Options{Limiter: limiter})
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d, err := throttle.Check(r)
		if err != nil || !d.Allowed {
			throttle.SetHeaders(w.Header(), r, d)
			http.Error(w, "no exports left", http.StatusTooManyRequests)
			return
		}
		text, err := build()
		if err != nil { // nothing was charged for what failed
			http.Error(w, "the export failed", http.StatusInternalServerError)
			return
		}
		if !throttle.Allow(w, r) {
			return
		}
		fmt.Fprintln(w, text)
	}), nil
}
