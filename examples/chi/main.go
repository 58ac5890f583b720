package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/go-chi/chi/v5"

	"github.com/traffik-io/traffik/httpadapter"
	"github.com/traffik-io/traffik/node"
)

// pattern is the pattern of the route that chi found, such as /items/{id}.
func pattern(r *http.Request) string { return chi.RouteContext(r.Context()).RoutePattern() }

// newRouter limits each client to 100 requests per minute altogether, and to 10 per route and method.
func newRouter(limiter httpadapter.Limiter) (http.Handler, error) {
	all, err := httpadapter.New("all", "100/min", httpadapter.Options{
		Limiter: limiter,
		Rules:   []httpadapter.Rule{{Pattern: "/health", Bypass: true}},
	})
	if err != nil {
		return nil, err
	}
	route, err := httpadapter.New("route", "10/min", httpadapter.Options{Limiter: limiter, PerMethod: true, Route: pattern})
	if err != nil {
		return nil, err
	}
	r := chi.NewRouter()
	r.Use(all.Middleware)
	r.Get("/health", func(http.ResponseWriter, *http.Request) {})
	r.With(route.Middleware).Get("/items/{id}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "item", chi.URLParam(r, "id"))
	})
	return r, nil
}

func main() {
	limiter, err := node.NewLocal(node.LocalConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer limiter.Shutdown(context.Background())
	router, err := newRouter(limiter)
	if err != nil {
		log.Fatal(err)
	}
	addr := cmp.Or(os.Getenv("ADDR"), "127.0.0.1:8000")
	log.Printf("try: curl -i http://%s/items/1", addr)
	log.Fatal(http.ListenAndServe(addr, router))
}
