package identify_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/httpadapter/identify"
)

// Guarantee 3.
func TestPeer(t *testing.T) {
	for peer, want := range map[string]string{
		"192.0.2.1:80":                    "192.0.2.1",
		"192.0.2.1":                       "192.0.2.1", // as some middleware leaves it
		"[::ffff:192.0.2.1]:80":           "192.0.2.1",
		"::ffff:192.0.2.1":                "192.0.2.1",
		"[2001:db8:1:2:3:4:5:6]:80":       "2001:db8:1:2::/64",
		"[2001:db8:1:2:ffff::]:81":        "2001:db8:1:2::/64",
		"2001:db8:1:2::9":                 "2001:db8:1:2::/64",
		"[2001:db8:1:3::]:80":             "2001:db8:1:3::/64",
		"[fe80::1%eth0]:80":               "fe80::/64",
		"":                                identify.Anonymous,
		"@":                               identify.Anonymous,
		"pipe":                            identify.Anonymous,
		"192.0.2.300:80":                  identify.Anonymous,
		"[0000:0000::0001]:80":            "::/64",
		"[2001:0db8:0001:0002::0001]:443": "2001:db8:1:2::/64",
	} {
		got, err := identify.Peer(request(peer, "X-Forwarded-For: 1.1.1.1"))
		require.NoError(t, err)
		assert.Equal(t, want, got, "%q", peer)
	}
}

func TestIPv6Prefix(t *testing.T) {
	for bits, want := range map[int]string{1: "::/1", 48: "2001:db8:1::/48", 128: "2001:db8:1:2:3:4:5:6/128"} {
		f, err := identify.Address(identify.Addresses{IPv6Prefix: bits})
		require.NoError(t, err)
		got, err := f(request("[2001:db8:1:2:3:4:5:6]:80"))
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

func TestTrustedNetworksAreFolded(t *testing.T) {
	for _, network := range []string{"::ffff:10.0.0.0/104", "10.0.0.0/8", "10.0.0.7", "::ffff:10.0.0.7", "10.1.2.3/8"} {
		got, err := identifier(t, xff, network)(request(proxy, "X-Forwarded-For: 203.0.113.5"))
		require.NoError(t, err)
		assert.Equal(t, "203.0.113.5", got, network)
	}
	got, err := identifier(t, xff, "2001:0db8::1")(request("[2001:db8::1]:9", "X-Forwarded-For: 203.0.113.5"))
	require.NoError(t, err)
	assert.Equal(t, "203.0.113.5", got)
}

func TestAddressReportsEverythingWrong(t *testing.T) {
	_, err := identify.Address(identify.Addresses{IPv6Prefix: 129, Trusted: []netip.Prefix{{}}})
	assert.ErrorContains(t, err, "129")
	assert.ErrorContains(t, err, "trusted[0]")
	_, err = identify.Address(identify.Addresses{Header: "Forwarded"})
	assert.ErrorContains(t, err, `"Forwarded" is believed from nobody`)
	_, err = identify.Networks("10.0.0.0/33", "10.0.0.0/8", "localhost")
	assert.ErrorContains(t, err, `"10.0.0.0/33"`)
	assert.ErrorContains(t, err, `"localhost"`)
}

func TestPeerOverIPv4DoesNotAllocate(t *testing.T) {
	r := request("192.0.2.1:80")
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = identify.Peer(r) }))
}
