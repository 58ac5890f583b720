package api

import (
	"io"
	"net/http"
)

// maxBody bounds the body of a request.
const maxBody = 1 << 20

// maxKept bounds the buffers that are kept for the next request.
const maxKept = 64 << 10

// buffers are what one request is read into and answered from.
type buffers struct{ in, out []byte }

// take returns empty buffers; give them back with give.
func (h *Handler) take() *buffers { return h.buffers.Get().(*buffers) }

func (h *Handler) give(b *buffers) {
	if cap(b.in) <= maxKept && cap(b.out) <= maxKept {
		h.buffers.Put(b)
	}
}

// read reads the body of r into b.in.
func (b *buffers) read(w http.ResponseWriter, r *http.Request) error {
	body := http.MaxBytesReader(w, r.Body, maxBody)
	b.in = b.in[:0]
	for {
		if len(b.in) == cap(b.in) {
			b.in = append(b.in, make([]byte, max(512, len(b.in)))...)[:len(b.in)]
		}
		n, err := body.Read(b.in[len(b.in):cap(b.in)])
		b.in = b.in[:len(b.in)+n]
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// write answers with b.out, which is JSON.
func (b *buffers) write(w http.ResponseWriter, status int) {
	w.Header()["Content-Type"] = []string{"application/json"}
	w.WriteHeader(status)
	_, _ = w.Write(b.out) // the client is gone if this fails
}
