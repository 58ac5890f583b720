package socket

import (
	"context"

	coder "github.com/coder/websocket"
)

// Coder is a connection of github.com/coder/websocket.
type Coder struct{ *coder.Conn }

// WriteText sends one text message.
func (s Coder) WriteText(ctx context.Context, text []byte) error {
	return s.Write(ctx, coder.MessageText, text)
}

// Close sends a close frame and closes.
func (s Coder) Close(code int, reason string) error {
	return s.Conn.Close(coder.StatusCode(code), reason)
}
