// Package socket makes connections of two WebSocket libraries a httpadapter.Socket. Copy the one that you need: the
// library itself depends on neither.
package socket
