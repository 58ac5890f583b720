package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"
)

//go:embed page.html
var page []byte

// front serves the page, and tells it what the load is answered and what became of the replicas.
type front struct {
	fleet    *fleet
	mux      http.ServeMux
	client   http.Client
	complete chan struct{} // closed once all replicas have been ready

	mu    sync.Mutex
	tally tally
	seen  []replicaState
}

// replicaState is what the page shows of a replica.
type replicaState struct {
	Name  string
	HTTP  string
	Alive bool
	status
}

func newFront(f *fleet) *front {
	p := &front{fleet: f, complete: make(chan struct{}), client: http.Client{
		Timeout:   2 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: 30 * time.Second},
	}}
	p.mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page)
	})
	p.mux.HandleFunc("GET /state", p.state)
	p.mux.HandleFunc("POST /kill/{i}", p.control(f.kill, "was killed, without a chance to hand over its keys"))
	p.mux.HandleFunc("POST /start/{i}", p.control(f.start, "was started"))
	return p
}

func (p *front) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// control does something to a replica and notes it. Only the page itself may ask, and no other site in the browser.
func (p *front) control(do func(i int) error, what string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		i, err := strconv.Atoi(r.PathValue("i"))
		site := r.Header.Get("Sec-Fetch-Site")
		if err != nil || i < 0 || i >= len(p.fleet.replicas) || site != "" && site != "same-origin" {
			http.Error(w, "no such replica", http.StatusBadRequest)
			return
		}
		name := p.fleet.replicas[i].Name
		if err := do(i); err != nil {
			http.Error(w, err.Error(), http.StatusConflict)
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		text := name + " " + what + "."
		if name == p.tally.owner {
			text += " It decided for the load."
		}
		p.tally.note(time.Now(), text)
	}
}

func (p *front) state(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	state := map[string]any{
		"limit": workLimit, "owner": p.tally.owner, "replicas": p.seen, "now": time.Now().Unix(),
		"seconds": p.tally.recent(time.Now()), "events": p.tally.events,
	}
	text, err := json.Marshal(state)
	p.mu.Unlock()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text)
}

// watch asks the replicas how they are and closes the books of past seconds, until ctx ends.
func (p *front) watch(ctx context.Context) {
	tick, complete := time.NewTicker(500*time.Millisecond), false
	defer tick.Stop()
	for {
		seen := make([]replicaState, len(p.fleet.replicas))
		var asked sync.WaitGroup
		for i, c := range p.fleet.replicas {
			seen[i] = replicaState{Name: c.Name, HTTP: c.HTTP, Alive: p.fleet.alive(i)}
			if seen[i].Alive {
				asked.Go(func() { p.ask(ctx, &seen[i]) })
			}
		}
		asked.Wait()
		if !complete && allReady(seen) {
			complete = true
			close(p.complete)
		}
		p.mu.Lock()
		p.seen = seen
		p.tally.settle(time.Now())
		p.mu.Unlock()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// allReady reports whether every replica is ready and knows of all.
func allReady(seen []replicaState) bool {
	for _, s := range seen {
		if !s.Ready || len(s.Members) != len(seen) {
			return false
		}
	}
	return true
}

func (p *front) ask(ctx context.Context, s *replicaState) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.HTTP+"/status", nil)
	if err != nil {
		return
	}
	res, err := p.client.Do(req)
	if err != nil {
		return
	}
	defer res.Body.Close()
	_ = json.NewDecoder(res.Body).Decode(&s.status) // one that does not tell is shown without
}
