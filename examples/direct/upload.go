package direct

import (
	"fmt"
	"net/http"

	"github.com/traffik-io/traffik/httpadapter"
)

// Upload costs by size: one for each megabyte that was begun, so that 100 per minute are 100 small files or one of
// 100 MB.
func Upload(limiter httpadapter.Limiter) (http.Handler, error) {
	throttle, err := httpadapter.New("uploads", "100/min", httpadapter.Options{Limiter: limiter})
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength < 0 {
			http.Error(w, "the length is required", http.StatusLengthRequired)
			return
		}
		megabytes := 1 + r.ContentLength/1_000_000
		if !throttle.Allow(w, r, httpadapter.Cost(megabytes)) {
			return
		}
		fmt.Fprintf(w, "%d bytes for %d\n", r.ContentLength, megabytes)
	}), nil
}
