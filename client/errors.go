package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"time"
)

// Errors of a client. All are answered wrapped, with what happened; test with errors.Is.
var (
	// ErrInvalid says that the hit itself is unusable; the wrapped error names the field.
	ErrInvalid = errors.New("invalid hit")
	// ErrUnavailable says that nobody could decide. Whether the hit was charged is unknown.
	ErrUnavailable = errors.New("node is not available")
)

// Error is what a node answered in place of a decision. It is ErrInvalid for the statuses 400 and 413, with which a
// node refuses a hit, and ErrUnavailable for all others.
type Error struct {
	// Status is that of the response.
	Status int
	// Type, Title and Detail are those of the problem (RFC 9457); empty if the answer was none.
	Type, Title, Detail string
	// RetryAfter is how long the node asks to wait; 0 if it does not say.
	RetryAfter time.Duration
}

// Error tells the status and the detail.
func (e *Error) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("status %d", e.Status)
	}
	return fmt.Sprintf("status %d: %s", e.Status, e.Detail)
}

// Is reports whether target is the sentinel of the status.
func (e *Error) Is(target error) bool {
	ours := e.Status == http.StatusBadRequest || e.Status == http.StatusRequestEntityTooLarge
	return target == ErrInvalid && ours || target == ErrUnavailable && !ours
}

func isProblem(res *http.Response) bool {
	kind, _, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	return err == nil && kind == "application/problem+json"
}

// errorOf reads a problem, and makes one of whatever else was answered.
func errorOf(res *http.Response, body []byte) error {
	e := &Error{}
	if isProblem(res) {
		var p struct{ Type, Title, Detail string }
		if json.Unmarshal(body, &p) == nil {
			e.Type, e.Title, e.Detail = p.Type, p.Title, p.Detail
		}
	}
	e.Status = res.StatusCode
	if s, err := strconv.ParseUint(res.Header.Get("Retry-After"), 10, 31); err == nil {
		e.RetryAfter = time.Duration(s) * time.Second
	}
	return e
}
