package identify_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/httpadapter/identify"
)

// Guarantee 4: nobody becomes another by naming himself like one.
func TestKindsDoNotCollide(t *testing.T) {
	user := identify.Header("X-User", nil)
	key := identify.ByAPIKey(identify.APIKey{})
	seen := map[string]string{}
	for _, c := range []struct {
		f    identify.Func
		line string
	}{
		{identify.Peer, "X-None: 1"}, {user, "X-User: 192.0.2.1"}, {user, "X-User: anonymous"}, {user, "X-User: apikey=1"},
		{user, "X-User: header=X-User=1"}, {key, "X-API-Key: 192.0.2.1"}, {key, "X-API-Key: 1"}, {identify.Header("X-Team", nil), "X-Team: anonymous"},
	} {
		name, err := c.f(request("192.0.2.1:1", c.line))
		require.NoError(t, err)
		assert.Empty(t, seen[name], "%s is also %s", c.line, name)
		seen[name] = c.line
	}
}

func TestHeader(t *testing.T) {
	f := identify.Header("x-user", nil)
	for want, r := range map[string]*http.Request{
		"header=X-User=42":  request("192.0.2.1:1", "X-User: 42"),
		"header=X-User=4,2": request("192.0.2.1:1", "X-User: 4", "X-User: 2"),
		"192.0.2.1":         request("192.0.2.1:1", "X-User: "),
	} {
		got, err := f(r)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

// Guarantee 5.
func TestAPIKey(t *testing.T) {
	f := identify.ByAPIKey(identify.APIKey{
		Header: "authorization",
		Known:  func(key string) bool { return key == "secret" },
	})
	plain, err := f(request("192.0.2.1:1", "Authorization: secret"))
	require.NoError(t, err)
	assert.Len(t, plain, len("apikey=")+64)
	assert.NotContains(t, plain, "secret")
	bearer, err := f(request("192.0.2.9:1", "Authorization: bearer secret"))
	require.NoError(t, err)
	assert.Equal(t, plain, bearer)
	made, err := f(request("192.0.2.1:1", "Authorization: made up"))
	require.NoError(t, err)
	assert.Equal(t, "192.0.2.1", made, "a key that is not known gives no quota of its own")
	none, err := f(request("192.0.2.1:1"))
	require.NoError(t, err)
	assert.Equal(t, "192.0.2.1", none)
}

func Example() {
	proxies, err := identify.Networks("10.0.0.0/8", "192.0.2.1")
	if err != nil {
		panic(err)
	}
	client, err := identify.Address(identify.Addresses{Trusted: proxies})
	if err != nil {
		panic(err)
	}
	r, _ := http.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = "10.1.2.3:50000" // the proxy
	r.Header.Set("X-Forwarded-For", "1.1.1.1, 2001:db8:1:2::99")
	fmt.Println(client(r))
	// Output: 2001:db8:1:2::/64 <nil>
}
