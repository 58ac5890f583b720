package direct

import (
	"fmt"
	"net/http"
	"net/netip"

	"github.com/traffik-io/traffik/httpadapter"
)

// Internal lets requests from our own network pass at no cost. A cost of 0 asks nobody and counts nowhere.
func Internal(limiter httpadapter.Limiter, own netip.Prefix) (http.Handler, error) {
	throttle, err := httpadapter.New("reports", "10/min", httpadapter.Options{
		Limiter: limiter,
		CostFunc: func(r *http.Request, _ httpadapter.Context) (int64, error) {
			peer, err := netip.ParseAddrPort(r.RemoteAddr)
			if err == nil && own.Contains(peer.Addr().Unmap()) {
				return 0, nil
			}
			return 1, nil
		},
	})
	if err != nil {
		return nil, err
	}
	return throttle.Middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "report")
	})), nil
}
