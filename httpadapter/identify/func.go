package identify

import (
	"errors"
	"net/http"
)

// Func names the client of a request. The same name shares one quota. An empty name is an error of the caller's; Exempt
// lets the request pass uncounted, and any other error is covered by the failure policy of the throttle. It is called
// from many goroutines.
type Func func(*http.Request) (string, error)

// ErrExempt is what a Func returns as its error for a client who is not limited. It affects only the throttle that asked.
var ErrExempt = errors.New("exempt from the limit")
