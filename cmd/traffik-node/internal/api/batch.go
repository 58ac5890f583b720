package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/traffik-io/traffik/strategy"
)

// Bounds of a batch.
const (
	maxBatch     = 1000
	batchWorkers = 64
	// maxBatchTime ends a batch whose hits of one key wait one after the other.
	maxBatchTime = strategy.MaxWait + 10*time.Second
)

// batch serves many requests. Those of one key are decided in their order, others side by side; one that is wrong
// does not disturb the others.
func (h *Handler) batch(w http.ResponseWriter, r *http.Request) error {
	b := h.take()
	defer h.give(b)
	if err := b.read(w, r); err != nil {
		return bodyError(err)
	}
	entries, err := splitBatch(b.in)
	if err != nil {
		return badRequest(err)
	}
	ctx, cancel := context.WithTimeout(r.Context(), maxBatchTime)
	defer cancel()
	answers := h.decideAll(ctx, entries)
	b.out = append(b.out[:0], `{"responses":[`...)
	for i := range answers {
		if i > 0 {
			b.out = append(b.out, ',')
		}
		if err := answers[i].err; err != nil {
			b.out = append(problemOf(err).append(append(b.out, `{"error":`...)), '}')
			continue
		}
		b.out = answers[i].append(b.out)
	}
	b.out = append(b.out, "]}"...)
	b.write(w, http.StatusOK)
	return nil
}

// splitBatch returns the text of each entry.
func splitBatch(data []byte) (entries [][]byte, err error) {
	err = body(data, func(name string, value []byte) error {
		if name != "requests" {
			return errUnknown
		}
		entries = make([][]byte, 0, 16)
		return array(value, func(entry []byte) error {
			if len(entries) == maxBatch {
				return fmt.Errorf("more than %d", maxBatch)
			}
			entries = append(entries, entry)
			return nil
		})
	})
	if err == nil && entries == nil {
		err = errors.New("requests: missing")
	}
	return entries, err
}

// identity is what hits of one key have in common.
type identity struct{ uid, key, scope string }

// decideAll answers the entries in their order, with a bounded number of workers.
func (h *Handler) decideAll(ctx context.Context, entries [][]byte) []answer {
	answers := make([]answer, len(entries))
	requests := make([]request, len(entries))
	// heads are the first requests of each key; next leads from each to the following one of its key, 0 at the last.
	heads, next := make([]int, 0, len(entries)), make([]int, len(entries))
	last := make(map[identity]int, len(entries))
	for i, data := range entries {
		req := &requests[i]
		if answers[i].err = h.parse(req, data, opHit, true); answers[i].err != nil {
			continue
		}
		id := identity{req.hit.UID, req.hit.Key, req.hit.Scope}
		if id.scope == "" {
			id.scope = strategy.DefaultScope
		}
		if before, ok := last[id]; ok {
			next[before] = i
		} else {
			heads = append(heads, i)
		}
		last[id] = i
	}
	var taken atomic.Int64
	work := func() {
		for n := taken.Add(1); n <= int64(len(heads)); n = taken.Add(1) {
			i := heads[n-1]
			for answers[i] = h.decide(ctx, &requests[i]); next[i] != 0; {
				i = next[i]
				answers[i] = h.decide(ctx, &requests[i])
			}
		}
	}
	var workers sync.WaitGroup
	for range min(batchWorkers, len(heads)) - 1 {
		workers.Go(work) // ends when no key is left
	}
	work()
	workers.Wait()
	return answers
}
