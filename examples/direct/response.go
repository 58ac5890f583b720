package direct

import (
	"encoding/json"
	"net/http"

	"github.com/traffik-io/traffik/httpadapter"
)

// Response puts the quota into the body: the decision that allowed the request tells what is left, so nobody is asked
// twice.
func Response(limiter httpadapter.Limiter) (http.Handler, error) {
	throttle, err := httpadapter.New("search", "30/min", httpadapter.Options{Limiter: limiter})
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d, err := throttle.Hit(r)
		if err != nil {
			http.Error(w, "try again later", http.StatusServiceUnavailable)
			return
		}
		throttle.SetHeaders(w.Header(), r, d)
		w.Header().Set("Content-Type", "application/json")
		if !d.Allowed {
			w.WriteHeader(http.StatusTooManyRequests)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"results": []string{},
			"quota":   map[string]any{"remaining": int64(d.Remaining), "limit": d.Limit},
		})
	}), nil
}
