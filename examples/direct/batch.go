package direct

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/traffik-io/traffik/httpadapter"
)

// Batch checks that a batch would fit, works through it, and pays for what was really done: items that are skipped
// cost nothing.
func Batch(limiter httpadapter.Limiter, process func(item string) (done bool)) (http.Handler, error) {
	throttle, err := httpadapter.New("batches", "1000/hour", httpadapter.Options{Limiter: limiter})
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var items []string
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&items); err != nil {
			http.Error(w, "a list of strings is required", http.StatusBadRequest)
			return
		}
		d, err := throttle.Check(r, httpadapter.Cost(int64(len(items))))
		if err != nil || !d.Allowed {
			http.Error(w, "the batch does not fit", http.StatusTooManyRequests)
			return
		}
		var done int64
		for _, item := range items {
			if process(item) {
				done++
			}
		}
		if !throttle.Allow(w, r, httpadapter.Cost(done)) {
			return
		}
		fmt.Fprintf(w, "%d of %d\n", done, len(items))
	}), nil
}
