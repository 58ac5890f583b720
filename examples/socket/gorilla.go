package socket

import (
	"context"
	"sync"
	"time"

	gorilla "github.com/gorilla/websocket"
)

// Gorilla is a connection of github.com/gorilla/websocket, which allows one writer at a time: write through it alone.
type Gorilla struct {
	*gorilla.Conn

	writing sync.Mutex
}

// WriteText sends one text message. Its context bounds the writing by its deadline only.
func (s *Gorilla) WriteText(ctx context.Context, text []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	until, _ := ctx.Deadline() // the zero time is no deadline
	if err := s.SetWriteDeadline(until); err != nil {
		return err
	}
	return s.WriteMessage(gorilla.TextMessage, text)
}

// Close sends a close frame and closes.
func (s *Gorilla) Close(code int, reason string) error {
	frame := gorilla.FormatCloseMessage(code, reason)
	err := s.WriteControl(gorilla.CloseMessage, frame, time.Now().Add(time.Second))
	if closeErr := s.Conn.Close(); err == nil {
		err = closeErr
	}
	return err
}
