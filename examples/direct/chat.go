package direct

import (
	"net/http"

	coder "github.com/coder/websocket"

	"github.com/traffik-io/traffik/examples/socket"
	"github.com/traffik-io/traffik/httpadapter"
)

// Chat limits connections and every message on them. A refused message is answered with a rate_limit message, and who
// goes on nevertheless is disconnected.
func Chat(limiter httpadapter.Limiter, say func(text string)) (http.Handler, error) {
	connections, err := httpadapter.New("chat:connections", "10/min", httpadapter.Options{Limiter: limiter})
	if err != nil {
		return nil, err
	}
	messages, err := httpadapter.New("chat:messages", "5/10s", httpadapter.Options{Limiter: limiter})
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !connections.Allow(w, r) {
			return
		}
		ws, err := coder.Accept(w, r, nil)
		if err != nil {
			return // Accept has answered
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
				return
			}
			if ok {
				say(string(text))
			}
		}
	}), nil
}
