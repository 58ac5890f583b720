package usage

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"github.com/traffik-io/traffik/client"
	"github.com/traffik-io/traffik/examples/socket"
	"github.com/traffik-io/traffik/httpadapter"
	"github.com/traffik-io/traffik/httpadapter/identify"
	"github.com/traffik-io/traffik/node"
	"github.com/traffik-io/traffik/strategy"
)

func firstThrottle() error {
	limiter, err := node.NewLocal(node.LocalConfig{}) // counts in this process
	if err != nil {
		return err
	}
	defer limiter.Shutdown(context.Background())

	items, err := httpadapter.New("items", "100/min", httpadapter.Options{Limiter: limiter})
	if err != nil {
		return err
	}
	_ = limiter
	_ = items
	return err
}

func allowInHandler(items *httpadapter.Throttle, r *http.Request, w http.ResponseWriter) {
	if !items.Allow(w, r) {
		return
	}
}

func middlewareInFront(handler http.Handler, items *httpadapter.Throttle, mux *http.ServeMux) error {
	mux.Handle("/items/", items.Middleware(handler))
	return nil
}

func behindProxies(limiter httpadapter.Limiter) error {
	proxies, err := identify.Networks("10.0.0.0/8", "2001:db8:ffff::/48")
	if err != nil {
		return err
	}
	client, err := identify.Address(identify.Addresses{Trusted: proxies, Header: identify.XForwardedFor})
	if err != nil {
		return err
	}
	items, err := httpadapter.New("items", "100/min", httpadapter.Options{Limiter: limiter, Identifier: client})
	_ = proxies
	_ = client
	_ = items
	return err
}

func byAPIKey(client identify.Func, isKey func(string) bool) error {
	byKey := identify.ByAPIKey(identify.APIKey{Header: "Authorization", Known: isKey, Otherwise: client})
	_ = byKey
	return nil
}

func ownIdentifier(client identify.Func, probeToken string) error {
	byUser := identify.Header("X-Authenticated-User", client)
	own := func(r *http.Request) (string, error) {
		if r.Header.Get("X-Probe-Token") == probeToken {
			return "", identify.ErrExempt
		}
		return byUser(r)
	}
	_ = byUser
	_ = own
	return nil
}

func perRoute(limiter httpadapter.Limiter) error {
	perRoute, err := httpadapter.New("routes", "10/min", httpadapter.Options{
		Limiter: limiter, PerMethod: true, Route: httpadapter.Pattern,
	})
	_ = perRoute
	return err
}

func staticCost(limiter httpadapter.Limiter) error {
	reports, err := httpadapter.New("reports", "1000/hour", httpadapter.Options{Limiter: limiter, Cost: 10})
	_ = reports
	return err
}

func costFunc(limiter httpadapter.Limiter) error {
	search, err := httpadapter.New("search", "1000/hour", httpadapter.Options{
		Limiter: limiter,
		CostFunc: func(r *http.Request, _ httpadapter.Context) (int64, error) {
			return int64(1 + len(r.URL.Query()["facet"])), nil
		},
	})
	_ = search
	return err
}

func costOfCall(r *http.Request, uploads *httpadapter.Throttle, w http.ResponseWriter) {
	if !uploads.Allow(w, r, httpadapter.Cost(1+r.ContentLength/1_000_000)) {
		return
	}
}

func hitAndRead(items *httpadapter.Throttle, r *http.Request, w http.ResponseWriter) error {
	d, err := items.Hit(r)
	if err != nil {
		return err
	}
	fmt.Println(d.Allowed, d.Remaining, d.Limit, d.Wait)
	items.SetHeaders(w.Header(), r, d)
	_ = d
	return err
}

func check(exports *httpadapter.Throttle, r *http.Request) error {
	d, err := exports.Check(r, httpadapter.Cost(5))
	_ = d
	return err
}

func stat(exports *httpadapter.Throttle, r *http.Request) error {
	stat, ok, err := exports.Stat(r) // ok is false for exempt clients
	_ = stat
	_ = ok
	return err
}

func markAndAsk(items *httpadapter.Throttle, mux *http.ServeMux) {
	mux.Handle("/feed", items.Mark(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if httpadapter.IsThrottled(r) {
			fmt.Fprintln(w, "the short feed, for", httpadapter.Wait(r))
			return
		}
		fmt.Fprintln(w, "the whole feed")
	})))
}

func scopeOfCall(items *httpadapter.Throttle, r *http.Request, tenant string, w http.ResponseWriter) {
	if !items.Allow(w, r, httpadapter.Scope("tenant:"+tenant)) {
		return
	}
}

func contextOfCall(items *httpadapter.Throttle, r *http.Request, w http.ResponseWriter) error {
	ok := items.Allow(w, r, httpadapter.With(httpadapter.Context{
		Values: strategy.Context{"tier": "premium"},
		Detail: "Your plan has 1000 items per hour.",
		Extras: map[string]any{"upgrade": "https://example.com/plans"},
	}))
	_ = ok
	return nil
}

func rules(limiter httpadapter.Limiter) error {
	api, err := httpadapter.New("api", "100/min", httpadapter.Options{
		Limiter: limiter,
		Rules: []httpadapter.Rule{
			{Pattern: "/api/", Methods: []string{"POST", "PUT", "DELETE"}},
			{Pattern: "/api/health", Bypass: true},
			{Bypass: true, If: func(r *http.Request, _ httpadapter.Context) bool { return r.Header.Get("X-Dry-Run") != "" }},
		},
	})
	_ = api
	return err
}

func tokenBucket(limiter httpadapter.Limiter) error {
	bucket, err := httpadapter.New("bucket", "100/min", httpadapter.Options{
		Limiter: limiter, Strategy: strategy.TokenBucket{BurstSize: 20},
	})
	_ = bucket
	return err
}

func rateFunc(limiter httpadapter.Limiter) error {
	byPlan, err := httpadapter.New("plans", func(r *http.Request, _ httpadapter.Context) (strategy.Rate, error) {
		if r.Header.Get("X-Plan") == "internal" {
			return strategy.Unlimited(), nil
		}
		return strategy.ParseRate("100/min")
	}, httpadapter.Options{Limiter: limiter})
	_ = byPlan
	return err
}

func severalLimits(limiter httpadapter.Limiter) error {
	both, err := httpadapter.New("both", []strategy.Limit{
		{Name: "burst", Rate: strategy.MustRate("10/s")},
		{Name: "daily", Rate: strategy.MustRate("10000/day"), Strategy: strategy.GCRA{Burst: 100}},
	}, httpadapter.Options{Limiter: limiter})
	_ = both
	return err
}

func chainOfThrottles(handler http.Handler, items *httpadapter.Throttle, mux *http.ServeMux, search *httpadapter.Throttle) error {
	chain, err := httpadapter.NewChain(httpadapter.CheapFirst, httpadapter.Entries(items, search)...)
	if err != nil {
		return err
	}
	mux.Handle("/search", chain.Middleware(handler))
	_ = chain
	return err
}

func group(limiter httpadapter.Limiter) error {
	burst, err := httpadapter.New("burst", "10/s", httpadapter.Options{Limiter: limiter, Group: "api"})
	if err != nil {
		return err
	}
	daily, err := httpadapter.New("daily", "10000/day", httpadapter.Options{Limiter: limiter, Group: "api"})
	if err != nil {
		return err
	}
	exact, err := httpadapter.NewChain(httpadapter.AsGiven, httpadapter.Entries(burst, daily)...)
	_ = burst
	_ = daily
	_ = exact
	return err
}

func entry(items *httpadapter.Throttle) error {
	writes := httpadapter.Entry{
		Throttle: items,
		Rules:    []httpadapter.Rule{{Methods: []string{"POST"}}},
		Options:  []httpadapter.CallOption{httpadapter.Cost(5)},
	}
	_ = writes
	return nil
}

func ownRefusal(limiter httpadapter.Limiter) error {
	pages, err := httpadapter.New("pages", "100/min", httpadapter.Options{
		Limiter: limiter,
		Refuse: func(w http.ResponseWriter, _ *http.Request, why httpadapter.Refusal) {
			w.WriteHeader(http.StatusTooManyRequests)
			fmt.Fprintf(w, "<h1>Slow down</h1><p>Come back in %d seconds.", why.RetryAfter())
		},
		Headers: append(httpadapter.AllHeaders(), httpadapter.Header{
			Name: "X-Quota-Low",
			When: func(_ *http.Request, d strategy.Decision) bool { return d.Remaining < float64(d.Limit)/10 },
			Value: func(_ *http.Request, d strategy.Decision) string {
				return fmt.Sprintf("%d of %d left", int64(d.Remaining), d.Limit)
			},
		}),
	})
	_ = pages
	return err
}

func ownCondition() error {
	policy := httpadapter.RateLimitPolicy()
	policy.When = httpadapter.Refused
	_ = policy
	return nil
}

func waiting(limiter httpadapter.Limiter) error {
	smooth, err := httpadapter.New("smooth", "10/s", httpadapter.Options{
		Limiter: limiter, Strategy: strategy.LeakyBucketWithQueue{}, MaxWait: 2 * time.Second,
	})
	_ = smooth
	return err
}

func failure(limiter httpadapter.Limiter) error {
	remote, err := client.New("http://traffik.internal:8080", client.Options{Timeout: 300 * time.Millisecond})
	if err != nil {
		return err
	}
	items, err := httpadapter.New("items", "100/min", httpadapter.Options{
		Limiter:  remote,
		Fallback: limiter, // of this process alone
		OnError:  httpadapter.AllowOnError,
		Failed: func(r *http.Request, err error) {
			slog.WarnContext(r.Context(), "limit not decided", "error", err)
		},
	})
	_ = remote
	_ = items
	return err
}

func messages(connections *httpadapter.Throttle, messages *httpadapter.Throttle, r *http.Request, say func([]byte), w http.ResponseWriter) {
	if !connections.Allow(w, r) {
		return
	}
	ws, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer ws.CloseNow()
	conn, err := httpadapter.NewConn(r, socket.Coder{Conn: ws}, httpadapter.ConnOptions{MaxViolations: 20})
	if err != nil {
		return
	}
	for {
		_, text, err := ws.Read(r.Context())
		if err != nil {
			return
		}
		ok, err := conn.Allow(r.Context(), messages)
		if err != nil {
			return // the client is gone, or was sent away with close code 1008
		}
		if ok {
			say(text)
		}
	}
}

func backpressure(conn *httpadapter.Conn, messages *httpadapter.Throttle, r *http.Request) error {
	ok, err := conn.Allow(r.Context(), messages, httpadapter.MaxWait(10*time.Second))
	_ = ok
	return err
}

func registry(limiter httpadapter.Limiter) error {
	var throttles httpadapter.Registry
	items, err := httpadapter.New("items", "100/min", httpadapter.Options{Limiter: limiter, Registry: &throttles})
	if err != nil {
		return err
	}
	if t, ok := throttles.Find("items"); ok {
		err = t.SetRate("50/min")
	}
	_ = items
	return err
}

func update(items *httpadapter.Throttle) error {
	var err error
	err = items.Update(func(o *httpadapter.Options) {
		o.Cost, o.Strategy, o.MinWait = 2, strategy.SlidingWindowCounter{}, 5*time.Second
	})
	return err
}

func switches(throttles *httpadapter.Registry) error {
	throttles.Disable("items")
	throttles.DisableAll() // the emergency switch: everything passes
	throttles.EnableAll()
	return nil
}

func cluster(ctx context.Context) error {
	cluster, err := node.Start(ctx, node.Config{
		Name:        "app-1",
		GossipAddr:  "10.0.0.1:7946",
		ClusterAddr: "10.0.0.1:7947",
		Join:        []string{"app.internal"}, // a DNS name of all replicas
	})
	if err != nil {
		return err
	}
	defer cluster.Shutdown(context.Background()) // hands its keys over
	items, err := httpadapter.New("items", "100/min", httpadapter.Options{Limiter: cluster})
	_ = cluster
	_ = items
	return err
}

func remote() error {
	remote, err := client.New("http://traffik.internal:8080", client.Options{})
	if err != nil {
		return err
	}
	items, err := httpadapter.New("items", "100/min", httpadapter.Options{Limiter: remote})
	_ = remote
	_ = items
	return err
}
