package cluster

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// newSecret draws the secret of a cluster, and writes it to a file for the nodes.
func newSecret(t testing.TB) (secret, file string) {
	t.Helper()
	secret, file = rand.Text(), filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte(secret+"\n"), 0o600))
	return secret, file
}

func TestNodesSpeakWithASecretOnly(t *testing.T) {
	t.Parallel()
	both := gather(t, []string{"n1", "n2"})
	n1, n2 := both[0], both[1]
	_, other := newSecret(t)
	for _, args := range [][]string{{"--cluster-secret-file", other}, nil} {
		stranger := start(t, "n3", append(args, "--join", n1.gossip, "--bootstrap-wait", "0s")...)
		stranger.log.until(t, `no seed answers`)
		stranger.ready().sees("n3")
	}
	n1.sees("n1", "n2")
	key := n1.keyOf("n2")
	require.Equal(t, "n2", n1.post("/v1/hit", `{"key":%q,"rate":"1/day"}`, key).Owner)
	require.Equal(t, 429, n2.post("/v1/hit", `{"key":%q,"rate":"1/day"}`, key).Status)
}

// Guarantee 4, where a node of one looks for another.
func TestFleetsStayApart(t *testing.T) {
	t.Parallel()
	n1 := newFleet(t, "").launch("n1").ready()
	stranger := newFleet(t, "").launch("n2", "--join", n1.gossip, "--bootstrap-wait", "0s")
	stranger.log.until(t, `no seed answers`)
	stranger.ready().sees("n2")
	n1.sees("n1")
}
