package usage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/coder/websocket"

	"github.com/traffik-io/traffik/examples/socket"
	"github.com/traffik-io/traffik/httpadapter"
	"github.com/traffik-io/traffik/httpadapter/identify"
	"github.com/traffik-io/traffik/node"
	"github.com/traffik-io/traffik/strategy"
)

func pyLocal() error {
	limiter, err := node.NewLocal(node.LocalConfig{})
	_ = limiter
	return err
}

func pyNode(ctx context.Context) error {
	limiter, err := node.Start(ctx, node.Config{
		Name: "app-1", GossipAddr: "10.0.0.1:7946", ClusterAddr: "10.0.0.1:7947", Join: []string{"app.internal"},
	})
	_ = limiter
	return err
}

func pyThrottle(limiter httpadapter.Limiter) error {
	throttle, err := httpadapter.New("items", "100/min", httpadapter.Options{Limiter: limiter})
	_ = throttle
	return err
}

func pyOptions(limiter httpadapter.Limiter) error {
	throttle, err := httpadapter.New("items", strategy.MustRate("100/min"), httpadapter.Options{
		Limiter: limiter, Strategy: strategy.TokenBucket{BurstSize: 150}, Cost: 5,
	})
	_ = throttle
	return err
}

func pyUnlimited(limiter httpadapter.Limiter) error {
	throttle, err := httpadapter.New("items", strategy.Unlimited(), httpadapter.Options{Limiter: limiter})
	_ = throttle
	return err
}

func pyRateFunc(limiter httpadapter.Limiter) error {
	rate := func(r *http.Request, c httpadapter.Context) (strategy.Rate, error) { return strategy.ParseRate("10/s") }
	throttle, err := httpadapter.New("items", rate, httpadapter.Options{Limiter: limiter})
	_ = rate
	_ = throttle
	return err
}

func pyHit(r *http.Request, throttle *httpadapter.Throttle, w http.ResponseWriter) {
	if !throttle.Allow(w, r) {
		return
	}
}

func pyCostAndScope(r *http.Request, throttle *httpadapter.Throttle) error {
	d, err := throttle.Hit(r, httpadapter.Cost(10))
	d, err = throttle.Hit(r, httpadapter.Scope("tenant:7"))
	_ = d
	return err
}

func pyCheck(r *http.Request, throttle *httpadapter.Throttle) error {
	if d, err := throttle.Check(r, httpadapter.Cost(5)); err == nil && d.Allowed {
		return nil
	}
	return nil
}

func pyStat(r *http.Request, throttle *httpadapter.Throttle) error {
	stat, ok, err := throttle.Stat(r)
	fmt.Println(stat.Remaining, stat.Wait, ok, err)
	_ = stat
	_ = ok
	return err
}

func pyIsThrottled(r *http.Request, throttle *httpadapter.Throttle) error {
	r = httpadapter.Track(r)
	d, err := throttle.Hit(r)
	fmt.Println(httpadapter.IsThrottled(r), httpadapter.Wait(r), d.Allowed, err)
	_ = d
	return err
}

func pyHeaderIdentifier() error {
	identifier := identify.Header("X-User", nil)
	_ = identifier
	return nil
}

func pyExempt() error {
	identifier := func(*http.Request) (string, error) { return "", identify.ErrExempt }
	_ = identifier
	return nil
}

func pyProxies() error {
	proxies, err := identify.Networks("10.0.0.0/8")
	if err != nil {
		return err
	}
	identifier, err := identify.Address(identify.Addresses{Trusted: proxies, Header: identify.XForwardedFor})
	_ = proxies
	_ = identifier
	return err
}

func pyRules() error {
	rules := []httpadapter.Rule{{Pattern: "/api/", Methods: []string{"POST"}}, {Pattern: "/api/health", Bypass: true}}
	_ = rules
	return nil
}

func pyHeaders() error {
	headers := httpadapter.AllHeaders()
	_ = headers
	return nil
}

func pyOwnHeader() error {
	headers := []httpadapter.Header{{Name: "X-Reset", Value: func(_ *http.Request, d strategy.Decision) string {
		return strconv.FormatInt(d.Wait.Milliseconds(), 10)
	}}}
	_ = headers
	return nil
}

func pyHandler() error {
	refuse := func(w http.ResponseWriter, r *http.Request, why httpadapter.Refusal) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = refuse
	return nil
}

func pyOnError(o httpadapter.Options, second httpadapter.Limiter) error {
	o.OnError = httpadapter.AllowOnError
	o.Fallback = second
	return nil
}

func pyMiddleware(throttle *httpadapter.Throttle) error {
	chain, err := httpadapter.NewChain(httpadapter.CheapFirst, httpadapter.Entry{
		Throttle: throttle,
		Rules:    []httpadapter.Rule{{Pattern: "/api/", Methods: []string{"GET"}}},
		Options:  []httpadapter.CallOption{httpadapter.Cost(2)},
	})
	_ = chain
	return err
}

func pyDecorator(burst *httpadapter.Throttle, daily *httpadapter.Throttle, mux *http.ServeMux, route http.Handler) error {
	chain, err := httpadapter.NewChain(httpadapter.AsGiven, httpadapter.Entries(burst, daily)...)
	if err != nil {
		return err
	}
	mux.Handle("/route", chain.Middleware(route))
	_ = chain
	return err
}

func pyWebSocket(ctx context.Context, r *http.Request, throttle *httpadapter.Throttle, ws *websocket.Conn) error {
	conn, err := httpadapter.NewConn(r, socket.Coder{Conn: ws}, httpadapter.ConnOptions{})
	if err != nil {
		return err
	}
	ok, err := conn.Allow(ctx, throttle)
	_ = conn
	_ = ok
	return err
}

func pyRegistry(registry *httpadapter.Registry) error {
	throttle, ok := registry.Find("items")
	registry.Disable("items")
	registry.DisableAll()
	err := errors.Join(throttle.SetRate("50/min"), throttle.SetCost(2))
	_ = throttle
	_ = ok
	return err
}
