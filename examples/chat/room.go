package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/traffik-io/traffik/examples/socket"
	"github.com/traffik-io/traffik/httpadapter"
	"github.com/traffik-io/traffik/node"
)

// room is the chat of one replica. What is said in one is relayed to the others, which it finds among the members.
type room struct {
	node     *node.Node
	messages *httpadapter.Throttle
	http     http.Client

	mu    sync.Mutex
	heard map[chan []byte]bool // one for each visitor here
}

func newRoom(n *node.Node, messages *httpadapter.Throttle) *room {
	return &room{node: n, messages: messages, http: http.Client{Timeout: time.Second}, heard: map[chan []byte]bool{}}
}

// said is one message.
type said struct {
	Type    string `json:"type"`
	Visitor string `json:"visitor"`
	Replica string `json:"replica"`
	Text    string `json:"text"`
}

// serve is the chat of one visitor: every message is limited, wherever in the cluster its sender is counted.
func (m *room) serve(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{OriginPatterns: []string{"127.0.0.1:*", "localhost:*"}})
	if err != nil {
		return // Accept has answered
	}
	defer ws.CloseNow()
	ws.SetReadLimit(4 << 10)
	conn, err := httpadapter.NewConn(r, socket.Coder{Conn: ws}, httpadapter.ConnOptions{MaxViolations: 30})
	if err != nil {
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	go m.listen(ctx, ws) // ends with ctx, or with the connection
	for {
		_, text, err := ws.Read(ctx)
		if err != nil {
			return
		}
		ok, err := conn.Allow(ctx, m.messages)
		if err != nil {
			return
		}
		if ok {
			m.say(ctx, said{"message", r.URL.Query().Get("visitor"), m.node.Name(), string(text)})
		}
	}
}

// listen writes what is heard to one visitor.
func (m *room) listen(ctx context.Context, ws *websocket.Conn) {
	ear := make(chan []byte, 64)
	m.mu.Lock()
	m.heard[ear] = true
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		delete(m.heard, ear)
		m.mu.Unlock()
	}()
	for {
		select {
		case text := <-ear:
			if ws.Write(ctx, websocket.MessageText, text) != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// say tells a message here and to the other replicas.
func (m *room) say(ctx context.Context, s said) {
	text, err := json.Marshal(s)
	if err != nil {
		return
	}
	m.tell(text)
	for _, member := range m.node.Members(ctx) {
		if member.Self || member.HTTPAddr == "" {
			continue
		}
		res, err := m.http.Post("http://"+member.HTTPAddr+"/relay", "application/json", bytes.NewReader(text))
		if err == nil { // one that is gone hears nothing
			_ = res.Body.Close()
		}
	}
}

func (m *room) relay(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 16<<10))
	if err == nil {
		m.tell(text)
	}
}

// tell gives a message to all visitors here. One who does not keep up misses it.
func (m *room) tell(text []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for ear := range m.heard {
		select {
		case ear <- text:
		default:
		}
	}
}
