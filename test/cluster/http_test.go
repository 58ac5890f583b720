package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
)

// client keeps enough connections for many callers of one node.
var client = &http.Client{
	Timeout:   patience,
	Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 1024, IdleConnTimeout: time.Second},
}

// routers are the dialers that reach hosts which this machine's own network does not, by address.
var routers sync.Map

// dial connects as a net.Dialer does, through the router if the host has one.
func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if via, ok := routers.Load(host); ok {
		return via.(func(context.Context, string, string) (net.Conn, error))(ctx, network, addr)
	}
	return new(net.Dialer).DialContext(ctx, network, addr)
}

// reply is the answer of a node to a hit, check or stat.
type reply struct {
	Status    int         `json:"-"`
	Header    http.Header `json:"-"`
	Allowed   bool
	Remaining float64 `json:"hits_remaining"`
	WaitMS    int64   `json:"wait_ms"`
	Limit     int64
	Owner     string
	Degraded  bool
	Term      uint64 // in builds for faults
	Detail    string // of a problem
}

func get(url string) (status int, body []byte, err error) {
	res, err := client.Get(url)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err = io.ReadAll(res.Body)
	return res.StatusCode, body, err
}

// send posts a request. The error is that of the connection.
func (p *process) send(path, body string) (r reply, err error) {
	res, err := client.Post(p.http+path, "application/json", strings.NewReader(body))
	if err != nil {
		return r, err
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&r); err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	r.Status, r.Header = res.StatusCode, res.Header
	return r, nil
}

// post is send where the connection must hold.
func (p *process) post(path, format string, args ...any) reply {
	p.t.Helper()
	r, err := p.send(path, fmt.Sprintf(format, args...))
	require.NoError(p.t, err, "%s", p.name)
	return r
}

// member is one of GET /v1/members.
type member struct {
	Name, State, Role string
	Partitions        int // that it serves
	Assigned          int // that it should
	Keys              *int64
}

func (p *process) members() ([]member, error) {
	_, body, err := get(p.http + "/v1/members")
	if err != nil {
		return nil, err
	}
	var answer struct{ Members []member }
	err = json.Unmarshal(body, &answer)
	return answer.Members, err
}

// sees waits until the active members are those of the names, which are sorted.
func (p *process) sees(names ...string) {
	p.t.Helper()
	eventually(p.t, func() error {
		all, err := p.members()
		if err != nil {
			return err
		}
		var active []string
		for _, m := range all {
			if m.State == "active" {
				active = append(active, m.Name)
			}
		}
		if slices.Sort(active); !slices.Equal(active, names) {
			return fmt.Errorf("%s sees %v, not %v", p.name, active, names)
		}
		return nil
	})
}

// placeOf is where a key is kept, in the eyes of p.
func (p *process) placeOf(key string) (at place) {
	p.t.Helper()
	status, body, err := get(p.http + "/v1/owner?key=" + url.QueryEscape(key))
	require.NoError(p.t, err)
	require.Equal(p.t, 200, status, "%s", body)
	require.NoError(p.t, json.Unmarshal(body, &at))
	return at
}

// ownerOf is who decides for a key, in the eyes of p.
func (p *process) ownerOf(key string) string {
	p.t.Helper()
	return p.placeOf(key).Owner
}

// keyOf is a key that the node of that name owns.
func (p *process) keyOf(name string) string {
	p.t.Helper()
	for i := range 1000 {
		if key := fmt.Sprintf("key-%d", i); p.ownerOf(key) == name {
			return key
		}
	}
	require.FailNow(p.t, "no key of it", "%s", name)
	return ""
}

// batch sends entries and counts those that were allowed; none may fail.
func (p *process) batch(entries string) (allowed int) {
	p.t.Helper()
	res, err := client.Post(p.http+"/v1/batch", "application/json", strings.NewReader(`{"requests":[`+entries+`]}`))
	require.NoError(p.t, err)
	defer res.Body.Close()
	require.Equal(p.t, 200, res.StatusCode)
	var answer struct {
		Responses []struct {
			Allowed bool
			Error   *struct{ Detail string }
		}
	}
	require.NoError(p.t, json.NewDecoder(res.Body).Decode(&answer))
	for _, r := range answer.Responses {
		require.Nil(p.t, r.Error)
		if r.Allowed {
			allowed++
		}
	}
	return allowed
}
