package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/traffik-io/traffik/node"
	"github.com/traffik-io/traffik/strategy"
)

// problem is an error with the status that it is answered with, as application/problem+json (RFC 9457).
type problem struct {
	status int
	detail string
}

// Error implements error.
func (p *problem) Error() string { return p.detail }

// problemOf is the problem that err is. Bad input is told apart from what nobody could decide.
func problemOf(err error) *problem {
	var p *problem
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &tooLarge):
		return &problem{http.StatusRequestEntityTooLarge, "body: more than " + strconv.FormatInt(tooLarge.Limit, 10) + " bytes"}
	case errors.Is(err, node.ErrInvalid), errors.Is(err, strategy.ErrTooManyLimits):
		return &problem{http.StatusBadRequest, err.Error()}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &problem{http.StatusServiceUnavailable, "the request ended before anybody decided: " + err.Error()}
	}
	return &problem{http.StatusServiceUnavailable, err.Error()}
}

// badRequest is the problem of input that err finds wrong, unless err is a problem already.
func badRequest(err error) error {
	var p *problem
	if err == nil || errors.As(err, &p) {
		return err
	}
	return &problem{http.StatusBadRequest, err.Error()}
}

func (p *problem) append(b []byte) []byte {
	b = append(b, `{"type":"about:blank","title":`...)
	b = appendString(b, http.StatusText(p.status))
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(p.status), 10)
	b = append(b, `,"detail":`...)
	b = appendString(b, p.detail)
	return append(b, '}')
}

// write answers with p.
func (p *problem) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	if p.status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	w.WriteHeader(p.status)
	_, _ = w.Write(p.append(nil)) // the client is gone if this fails
}
