package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// remote is a running node, as the client commands see it.
type remote struct {
	addr string
	json bool
}

// askTimeout bounds a command that asks a node.
const askTimeout = 10 * time.Second

func (r *remote) flags(fs *pflag.FlagSet) {
	fs.StringVar(&r.addr, "addr", "http://127.0.0.1:8080", "`URL` of the node")
	fs.BoolVar(&r.json, "json", false, "write the node's answer as it is")
}

// do sends a request and returns the body of the answer. All but the expected statuses are errors with what the node
// says is wrong.
func (r *remote) do(ctx context.Context, method, path string, body io.Reader, expected ...int) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	base, err := r.url()
	if err != nil {
		return 0, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, base+path, body)
	if err != nil {
		return 0, nil, fmt.Errorf("--addr %q: %w", r.addr, err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		var wrapped *url.Error // repeats the address
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return 0, nil, fmt.Errorf("--addr %q: %w", r.addr, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, nil, fmt.Errorf("--addr %q: %w", r.addr, err)
	}
	for _, status := range expected {
		if res.StatusCode == status {
			return status, answer, nil
		}
	}
	return 0, nil, answerError(res.Status, answer)
}

// url is the address with a scheme and without a final slash.
func (r *remote) url() (string, error) {
	addr := r.addr
	if !strings.Contains(addr, "://") {
		addr = "http://" + addr
	}
	u, err := url.Parse(addr)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" {
		return "", fmt.Errorf("--addr %q: is not a URL such as http://127.0.0.1:8080", r.addr)
	}
	return strings.TrimSuffix(addr, "/"), nil
}

// answerError is what an unexpected answer says.
func answerError(status string, answer []byte) error {
	var problem struct{ Detail string }
	if json.Unmarshal(answer, &problem) != nil || problem.Detail == "" {
		return fmt.Errorf("the node answered %s", status)
	}
	return errors.New(problem.Detail)
}
