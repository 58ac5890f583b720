package identify_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/httpadapter/identify"
)

const (
	proxy  = "10.0.0.7:4711"     // a trusted peer
	direct = "198.51.100.9:4711" // a client without a proxy
	xff    = identify.XForwardedFor
	fwd    = identify.Forwarded
	cf     = "CF-Connecting-IP"
)

// request is a request from a peer with header lines in the form "Name: value".
func request(peer string, lines ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = peer
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func identifier(t testing.TB, header string, trusted ...string) identify.Func {
	nets, err := identify.Networks(trusted...)
	require.NoError(t, err)
	f, err := identify.Address(identify.Addresses{Trusted: nets, Header: header})
	require.NoError(t, err)
	return f
}

// Guarantees 1 and 2. Where a proxy appended its part, it is the last one, and 203.0.113.5 is the client it saw.
func TestSpoofing(t *testing.T) {
	tests := []struct {
		name, header, peer, want string
		lines                    []string
	}{
		{"headers from a stranger", xff, direct, "198.51.100.9", []string{"X-Forwarded-For: 1.1.1.1"}},
		{"a stranger poses as a proxy", xff, direct, "198.51.100.9", []string{"X-Forwarded-For: 1.1.1.1, 10.0.0.7"}},
		{"Forwarded from a stranger", fwd, direct, "198.51.100.9", []string{"Forwarded: for=1.1.1.1"}},
		{"single header from a stranger", cf, direct, "198.51.100.9", []string{"CF-Connecting-IP: 1.1.1.1"}},
		{"a header that nobody configured", xff, proxy, "10.0.0.7", []string{"X-Real-IP: 1.1.1.1"}},
		{"Forwarded beside the configured header", xff, proxy, "203.0.113.5", []string{"Forwarded: for=1.1.1.1", "X-Forwarded-For: 203.0.113.5"}},
		{"X-Forwarded-For beside the configured header", fwd, proxy, "203.0.113.5", []string{"X-Forwarded-For: 1.1.1.1", "Forwarded: for=203.0.113.5"}},
		{"CF-Connecting-IP beside the configured header", xff, proxy, "203.0.113.5", []string{"CF-Connecting-IP: 1.1.1.1", "X-Forwarded-For: 203.0.113.5"}},
		{"an invented hop on the left", xff, proxy, "203.0.113.5", []string{"X-Forwarded-For: 1.1.1.1, 203.0.113.5"}},
		{"many invented hops", xff, proxy, "203.0.113.5", []string{"X-Forwarded-For: " + strings.Repeat("1.1.1.1, ", 500) + "203.0.113.5"}},
		{"an invented hop inside the trusted network", xff, proxy, "203.0.113.5", []string{"X-Forwarded-For: 10.0.0.1, 203.0.113.5"}},
		{"an invented line before the proxy's", xff, proxy, "203.0.113.5", []string{"X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 203.0.113.5"}},
		{"a name in lower case", xff, proxy, "203.0.113.5", []string{"x-forwarded-for: 1.1.1.1, 203.0.113.5"}},
		{"two trusted proxies", xff, proxy, "203.0.113.5", []string{"X-Forwarded-For: 1.1.1.1, 203.0.113.5, 10.9.9.9"}},
		{"two trusted proxies, two lines", xff, proxy, "203.0.113.5", []string{"X-Forwarded-For: 1.1.1.1, 203.0.113.5", "X-Forwarded-For: 10.9.9.9"}},
		{"an untrusted proxy between", xff, proxy, "192.0.2.77", []string{"X-Forwarded-For: 1.1.1.1, 192.0.2.77, 10.9.9.9"}},
		{"only trusted hops", xff, proxy, "10.1.1.1", []string{"X-Forwarded-For: 10.1.1.1, 10.2.2.2"}},
		{"more trusted hops than are read", xff, proxy, "10.2.2.2", []string{"X-Forwarded-For: 1.1.1.1, " + strings.Repeat("10.3.3.3, ", 40) + strings.TrimSuffix(strings.Repeat("10.2.2.2, ", 32), ", ")}},
		{"unknown", xff, proxy, "10.0.0.7", []string{"X-Forwarded-For: 1.1.1.1, unknown"}},
		{"garbage", xff, proxy, "10.0.0.7", []string{"X-Forwarded-For: 1.1.1.1, <script>"}},
		{"garbage behind a trusted hop", xff, proxy, "10.9.9.9", []string{"X-Forwarded-For: 1.1.1.1, garbage, 10.9.9.9"}},
		{"an empty hop", xff, proxy, "10.0.0.7", []string{"X-Forwarded-For: 1.1.1.1, "}},
		{"an empty header", xff, proxy, "10.0.0.7", []string{"X-Forwarded-For: "}},
		{"octal octets", xff, proxy, "10.0.0.7", []string{"X-Forwarded-For: 1.1.1.1, 0203.0.113.5"}},
		{"a short form of IPv4", xff, proxy, "10.0.0.7", []string{"X-Forwarded-For: 1.1.1.1, 127.1"}},
		{"a port", xff, proxy, "203.0.113.5", []string{"X-Forwarded-For: 1.1.1.1, 203.0.113.5:443"}},
		{"a port out of range", xff, proxy, "10.0.0.7", []string{"X-Forwarded-For: 1.1.1.1, 203.0.113.5:99999"}},
		{"a zone", xff, proxy, "10.0.0.7", []string{"X-Forwarded-For: 1.1.1.1, fe80::1%eth0"}},
		{"an IPv4-mapped hop", xff, proxy, "203.0.113.5", []string{"X-Forwarded-For: 1.1.1.1, ::ffff:203.0.113.5"}},
		{"an IPv4-mapped trusted hop", xff, proxy, "203.0.113.5", []string{"X-Forwarded-For: 1.1.1.1, 203.0.113.5, ::ffff:10.2.2.2"}},
		{"other bits of one /64", xff, proxy, "2001:db8:1:2::/64", []string{"X-Forwarded-For: 1.1.1.1, 2001:db8:1:2:dead:beef:0:1"}},
		{"quotes, which X-Forwarded-For has not", xff, proxy, "10.0.0.7", []string{`X-Forwarded-For: 1.1.1.1, "203.0.113.5"`}},
		{"an invented element", fwd, proxy, "203.0.113.5", []string{"Forwarded: for=1.1.1.1, for=203.0.113.5;proto=https"}},
		{"an open quote on the left", fwd, proxy, "203.0.113.5", []string{`Forwarded: for="1.1.1.1, for=203.0.113.5`}},
		{"an open quote before a quoted element", fwd, proxy, "2001:db8:7:7::/64", []string{`Forwarded: for=1.1.1.1;x=", for="[2001:db8:7:7::1]:443";proto=https`}},
		{"a backslash at the end of the left", fwd, proxy, "2001:db8:7:7::/64", []string{`Forwarded: for="1.1.1.1\`, `Forwarded: for="[2001:db8:7:7::1]"`}},
		{"for twice in one element", fwd, proxy, "10.0.0.7", []string{"Forwarded: for=1.1.1.1;for=203.0.113.5"}},
		{"an element without for", fwd, proxy, "10.0.0.7", []string{"Forwarded: for=1.1.1.1, proto=https"}},
		{"a hidden name", fwd, proxy, "10.0.0.7", []string{"Forwarded: for=1.1.1.1, for=_hidden"}},
		{"unknown, quoted", fwd, proxy, "10.0.0.7", []string{`Forwarded: for=1.1.1.1, for="unknown"`}},
		{"something after a quoted value", fwd, proxy, "10.0.0.7", []string{`Forwarded: for="203.0.113.5"x`}},
		{"escapes and an odd spelling", fwd, proxy, "203.0.113.5", []string{`Forwarded: for=1.1.1.1,  FOR="203.0.11\3.5" ; Proto=https`}},
		{"an escaped quote and a comma in another value", fwd, proxy, "203.0.113.5", []string{`Forwarded: for=1.1.1.1, for=203.0.113.5;host="a\",b"`}},
		{"a list in a header of one address", cf, proxy, "10.0.0.7", []string{"CF-Connecting-IP: 1.1.1.1, 203.0.113.5"}},
		{"two lines of a header of one address", cf, proxy, "10.0.0.7", []string{"CF-Connecting-IP: 1.1.1.1", "CF-Connecting-IP: 203.0.113.5"}},
		{"a header of one address", cf, proxy, "203.0.113.5", []string{"CF-Connecting-IP: 203.0.113.5", "X-Forwarded-For: 1.1.1.1"}},
	}
	require.GreaterOrEqual(t, len(tests), 40)
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			got, err := identifier(t, c.header, "10.0.0.0/8")(request(c.peer, c.lines...))
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

// Guarantee 2: whatever a client writes, what honest proxies append decides.
func TestHonestProxiesWin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		evil := rapid.OneOf(
			rapid.StringMatching(`[ -~]{0,40}`),
			rapid.StringMatching(`(for=|"|\\|,|;|=|10\.0\.0\.1|1\.1\.1\.1|unknown| ){0,12}`),
		).Draw(t, "evil")
		client := rapid.SampledFrom([][3]string{
			{"203.0.113.5", "203.0.113.5", "203.0.113.5"},
			{"2001:db8:1:2:3::4", `"[2001:db8:1:2:3::4]:80"`, "2001:db8:1:2::/64"},
		}).Draw(t, "client")
		tail := rapid.SampledFrom([]string{"", `;proto=https`, `;by="[2001:db8::9]";host="a,b;c"`}).Draw(t, "tail")
		proxies := rapid.IntRange(0, 5).Draw(t, "further proxies")
		lines := rapid.Bool().Draw(t, "own lines")

		for header, text := range map[string]string{xff: client[0], fwd: "for=" + client[1] + tail} {
			elements := []string{evil, text}
			for range proxies {
				elements = append(elements, map[string]string{xff: "10.1.2.3", fwd: `for="10.1.2.3:99"` + tail}[header])
			}
			r := request(proxy)
			r.Header[header] = elements
			if !lines {
				r.Header[header] = []string{strings.Join(elements, ", ")}
			}
			nets, _ := identify.Networks("10.0.0.0/8")
			f, err := identify.Address(identify.Addresses{Trusted: nets, Header: header})
			require.NoError(t, err)
			got, err := f(r)
			require.NoError(t, err)
			require.Equal(t, client[2], got, "%s: %q", header, r.Header[header])
		}
	})
}

func FuzzHops(f *testing.F) {
	for _, s := range []string{`for="[2001:db8::1]:80";proto=https`, "1.1.1.1, 10.0.0.1", `for=a;for="b\"`, `",=;\`} {
		f.Add(s)
	}
	trusted, _ := identify.Networks("0.0.0.0/0", "::/0")
	f.Fuzz(func(t *testing.T, value string) {
		for _, header := range []string{xff, fwd, cf} {
			id, err := identify.Address(identify.Addresses{Trusted: trusted, Header: header})
			require.NoError(t, err)
			r := request(proxy)
			r.Header[http.CanonicalHeaderKey(header)] = []string{value}
			name, err := id(r)
			require.NoError(t, err)
			_, err = identify.Networks(name)
			assert.NoError(t, err, "%q from %q is no address", name, value)
		}
	})
}
