package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/traffik-io/traffik/strategy"
)

// Options are what a Client may know beside its URL. The zero value of each field is its documented default.
type Options struct {
	// HTTPClient sends the requests; set one for TLS, proxies or tracing. Default: one of its own that keeps up to 256
	// idle connections.
	HTTPClient *http.Client
	// Timeout bounds one call; a hit's MaxWait comes on top. Default 1 s, which leaves the node its own budget of 250 ms.
	Timeout time.Duration
}

// maxBody bounds the answer to one call.
const maxBody = 1 << 20

// Client asks one node, or whatever balances load in front of several: every node can answer for every key.
type Client struct {
	base    string
	http    *http.Client
	timeout time.Duration
}

// New returns a client of the node at baseURL, such as "http://127.0.0.1:8080". The error names what is wrong with the
// arguments; the node is not asked.
func New(baseURL string, o Options) (*Client, error) {
	var errs []error
	u, err := url.Parse(baseURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		errs = append(errs, fmt.Errorf("base url: %q is not http://host[:port][/path] or https", baseURL))
	}
	if o.Timeout < 0 {
		errs = append(errs, fmt.Errorf("timeout: %v is negative", o.Timeout))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if o.HTTPClient == nil {
		o.HTTPClient = &http.Client{Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, MaxIdleConns: 256, MaxIdleConnsPerHost: 256, IdleConnTimeout: 90 * time.Second,
		}}
	}
	return &Client{base: u.JoinPath("v1").String(), http: o.HTTPClient, timeout: cmp.Or(o.Timeout, time.Second)}, nil
}

// Close closes idle connections. Calls under way are not affected, and later ones connect again.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Hit charges the cost of h if it fits. Over the limit is a decision; an error wraps ErrInvalid or ErrUnavailable, and
// that of ctx if it ended.
func (c *Client) Hit(ctx context.Context, h strategy.Hit) (strategy.Decision, error) {
	return c.decide(ctx, "/hit", &h)
}

// Check tells what Hit would answer, and charges nothing.
func (c *Client) Check(ctx context.Context, h strategy.Hit) (strategy.Decision, error) {
	h.MaxWait = 0
	return c.decide(ctx, "/check", &h)
}

// Stat tells where the key of h stands under its policy; ok is false if the strategy keeps no statistics.
func (c *Client) Stat(ctx context.Context, h strategy.Hit) (st strategy.Stat, ok bool, err error) {
	h.Cost, h.MaxWait = 1, 0
	if err := h.Validate(); err != nil {
		return st, false, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if h.Policy.IsUnlimited() {
		return strategy.UnlimitedStat(h.Key), true, nil
	}
	var a *answer
	if err := c.call(ctx, "/stat", &h, &a); err != nil || a == nil {
		return st, false, err
	}
	return a.stat(&h), true, nil
}

func (c *Client) decide(ctx context.Context, path string, h *strategy.Hit) (strategy.Decision, error) {
	if err := h.Validate(); err != nil {
		return strategy.Decision{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if h.Cost == 0 || h.Policy.IsUnlimited() {
		return strategy.Allow(), nil
	}
	var a answer
	if err := c.call(ctx, path, h, &a); err != nil {
		return strategy.Decision{}, err
	}
	return a.decision()
}

// call posts h and decodes the answer into result.
func (c *Client) call(ctx context.Context, path string, h *strategy.Hit, result any) error {
	q, err := questionOf(h)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	text, err := json.Marshal(q)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout+h.MaxWait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1)) // to its end, so that the connection can be kept
	switch {
	case err != nil:
		return fmt.Errorf("%w: reading the answer: %w", ErrUnavailable, err)
	case len(body) > maxBody:
		return fmt.Errorf("%w: the answer has more than %d bytes", ErrUnavailable, maxBody)
	case res.StatusCode != http.StatusOK && !refused(res):
		return errorOf(res, body)
	}
	if err := json.Unmarshal(body, result); err != nil {
		return fmt.Errorf("%w: the answer is not that of a node: %w", ErrUnavailable, err)
	}
	return nil
}

// refused reports whether an answer is a decision, and not the refusal of something in between to pass the request on.
func refused(res *http.Response) bool {
	return res.StatusCode == http.StatusTooManyRequests && !isProblem(res)
}
