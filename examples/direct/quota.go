package direct

import (
	"encoding/json"
	"math"
	"net/http"

	"github.com/traffik-io/traffik/httpadapter"
)

// Quota tells clients where they stand, at no cost.
func Quota(throttle *httpadapter.Throttle) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stat, ok, err := throttle.Stat(r)
		switch {
		case err != nil:
			http.Error(w, "nobody knows", http.StatusServiceUnavailable)
			return
		case !ok:
			http.Error(w, "there is no quota for you", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"rate":          stat.Rate.String(),
			"remaining":     math.Floor(stat.Remaining),
			"limit":         stat.Limit,
			"retry_seconds": math.Ceil(stat.Wait.Seconds()),
		})
	})
}
