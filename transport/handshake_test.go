package transport

import (
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPeersThatMatch holds the first half of Guarantee 5: who belongs together talks.
func TestPeersThatMatch(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"plain":  func(*Config) {},
		"secret": func(c *Config) { c.Secret = []byte("of the cluster") },
		"all":    func(c *Config) { c.Secret, c.Label, c.Partitions, c.Hash = []byte("s"), 1<<63, 16384, 1<<64-1 },
	} {
		synctest.Test(t, func(t *testing.T) {
			server, client := testConfig(2), testConfig(1)
			change(&server)
			change(&client)
			r := newRig(t, server, handler{})
			l := r.link(client, Identity{UID: UID{2}})
			_, err := l.Do(t.Context(), testHit(1))
			assert.NoError(t, err, name)
			anyone := r.link(client, Identity{})
			_, err = anyone.Do(t.Context(), testHit(1))
			assert.NoError(t, err, name)
			assert.Equal(t, server.Self, anyone.Peer(), name)
		})
	}
}

// TestPeersThatDoNotMatch holds the second half of Guarantee 5: who does not belong together is told why, on both
// sides, and not a hit passes.
func TestPeersThatDoNotMatch(t *testing.T) {
	for name, c := range map[string]struct {
		change func(server, client *Config)
		want   error
	}{
		"other secret":     {func(s, c *Config) { s.Secret, c.Secret = []byte("a"), []byte("b") }, ErrSecret},
		"no secret":        {func(s, _ *Config) { s.Secret = []byte("a") }, ErrSecret},
		"one has a secret": {func(_, c *Config) { c.Secret = []byte("a") }, ErrSecret},
		"label":            {func(s, _ *Config) { s.Label = 1 }, ErrLabel},
		"partitions":       {func(s, _ *Config) { s.Partitions = 1 }, ErrPartitions},
		"hash":             {func(s, _ *Config) { s.Hash = 1 }, ErrHash},
		"another process":  {func(s, _ *Config) { s.Self.UID = UID{3} }, ErrWrongPeer},
	} {
		synctest.Test(t, func(t *testing.T) {
			log := &logged{}
			server, client := testConfig(2), testConfig(1)
			c.change(&server, &client)
			server.Logger = newLogger(log)
			r := newRig(t, server, handler{hit: func(*HitRequest, Responder) { t.Error("a hit has passed") }})
			l := r.link(client, Identity{UID: UID{2}})
			_, err := l.Do(t.Context(), testHit(1))
			assert.ErrorIs(t, err, c.want, name)
			assert.ErrorIs(t, err, ErrNotSent, name)
			synctest.Wait()
			lines := log.all()
			require.NotEmpty(t, lines, name)
			assert.Contains(t, lines[0], c.want.Error(), name)
			assert.Zero(t, r.server.Stats().Accepted, name)
		})
	}
}

func TestWrongPeerIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := testConfig(3), testConfig(1)
		server.Secret, client.Secret = []byte("s"), []byte("s")
		r := newRig(t, server, handler{})
		l := r.link(client, Identity{UID: UID{2}, Name: "node"})
		_, err := l.Do(t.Context(), testHit(1))
		var wrong *WrongPeerError
		require.ErrorAs(t, err, &wrong)
		assert.Equal(t, WrongPeerError{Expected: UID{2}, Found: server.Self}, *wrong)
		assert.ErrorIs(t, l.Stats().LastErr, ErrWrongPeer)
	})
}

// stranger is a server's or dialer's counterpart that speaks for itself.
type stranger struct {
	t      *testing.T
	conn   net.Conn
	frames *frameReader
}

func newStranger(t *testing.T, conn net.Conn) *stranger {
	return &stranger{t: t, conn: conn, frames: newFrameReader(conn, 1<<20, 4<<10)}
}

func (s *stranger) write(b []byte) {
	_, err := s.conn.Write(b)
	assert.NoError(s.t, err)
}

func (s *stranger) read() (header, decoder) {
	h, body, err := s.frames.read()
	require.NoError(s.t, err)
	return h, decoder{b: body}
}

// ended asserts that the other side closes the connection, after frames of the given types.
func (s *stranger) ended(types ...frameType) {
	for {
		h, _, err := s.frames.read()
		if err != nil {
			assert.Empty(s.t, types)
			assert.ErrorIs(s.t, err, io.EOF)
			return
		}
		require.NotEmpty(s.t, types, "type %d", h.typ)
		assert.Equal(s.t, types[0], h.typ)
		types = types[1:]
	}
}

func (s *stranger) hello() *hello {
	return &hello{low: 1, high: 1, self: Identity{UID: UID{9}, Name: "stranger"}}
}

// greet runs the dialing side of a handshake without a secret.
func (s *stranger) greet() {
	s.write(appendHello(nil, s.hello()))
	h, _ := s.read()
	assert.Equal(s.t, typeHello, h.typ)
	h, _ = s.read()
	assert.Equal(s.t, typeAuth, h.typ)
	s.write(appendAuth(nil, nil))
	h, d := s.read()
	assert.Equal(s.t, typeReady, h.typ)
	v, err := d.single()
	assert.NoError(s.t, err)
	assert.EqualValues(s.t, 1, v)
}

func (r *rig) stranger() *stranger {
	conn, err := r.net.dial(r.t.Context(), "")
	require.NoError(r.t, err)
	return newStranger(r.t, conn)
}

// TestStrangersAtTheDoor holds Guarantee 4 for the handshake of a server.
func TestStrangersAtTheDoor(t *testing.T) {
	version := func(low, high uint64) []byte {
		h := (&stranger{}).hello()
		h.low, h.high = low, high
		return appendHello(nil, h)
	}
	oversize := appendFrame(nil, typeHello, 0)
	oversize = append(oversize, make([]byte, handshakeMax)...)
	noUID := (&stranger{}).hello()
	noUID.self.UID = UID{}
	other := appendString(appendArray(appendFrame(nil, typeHello, 0), 1), "another")
	for name, c := range map[string]struct {
		sent []byte
		want []frameType
	}{
		"http":           {[]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), []frameType{typeRefused}},
		"later version":  {version(2, 3), []frameType{typeRefused}},
		"oversize":       {endFrame(oversize, 0), []frameType{typeRefused}},
		"a hit first":    {appendHit(nil, testHit(1)), []frameType{typeRefused}},
		"empty body":     {endFrame(appendFrame(nil, typeHello, 0), 0), []frameType{typeRefused}},
		"no uid":         {appendHello(nil, noUID), []frameType{typeRefused}},
		"other magic":    {endFrame(other, 0), []frameType{typeRefused}},
		"frame version":  {[]byte{0, 0, 0, 12, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, []frameType{typeRefused}},
		"short frame":    {[]byte{0, 0, 0, 3, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, []frameType{typeRefused}},
		"refusal":        {appendSingle(nil, typeRefused, 0, 2), nil},
		"wider versions": {version(1, 7), []frameType{typeHello, typeAuth}},
		"silence":        {nil, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, testConfig(2), handler{})
			s := r.stranger()
			if c.sent != nil {
				go func() { _, _ = s.conn.Write(c.sent) }() // until read or closed
			}
			began := time.Now()
			s.ended(c.want...)
			assert.LessOrEqual(t, time.Since(began), 3*time.Second, name)
			synctest.Wait()
			assert.Zero(t, r.server.Stats().Conns, name)
			_ = s.conn.Close()
		})
	}
}

// TestImpostor shows a server that does not know the secret: it gets no proof, and a replay of one helps nobody.
func TestImpostor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newPipes()
		cfg := testConfig(1)
		cfg.Dial, cfg.Secret = n.dial, []byte("s")
		l, err := NewLink(cfg, "pipes", Identity{})
		require.NoError(t, err)
		conn, err := n.Accept()
		require.NoError(t, err)
		s := newStranger(t, conn)
		h, _ := s.read()
		assert.Equal(t, typeHello, h.typ)
		mine := s.hello()
		mine.secured = true
		s.write(appendAuth(appendHello(nil, mine), make([]byte, macLen)))
		s.ended(typeRefused)
		require.NoError(t, n.Close())
		_, err = l.Do(t.Context(), testHit(1))
		assert.ErrorIs(t, err, ErrNotSent)
		require.NoError(t, l.Close(t.Context()))
	})
}

// TestReflection shows a dialer without the secret that sends the server's own proof back.
func TestReflection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig(2)
		cfg.Secret = []byte("s")
		r := newRig(t, cfg, handler{})
		s := r.stranger()
		mine := s.hello()
		mine.secured = true
		s.write(appendHello(nil, mine))
		_, _ = s.read()
		_, d := s.read()
		mac, err := d.auth()
		require.NoError(t, err)
		require.Len(t, mac, macLen)
		s.write(appendAuth(nil, mac))
		s.ended(typeRefused)
	})
}

func TestTooManyConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := testConfig(2)
		cfg.MaxConns = 1
		r := newRig(t, cfg, handler{})
		l := r.link(testConfig(1), Identity{})
		_, err := l.Do(t.Context(), testHit(1))
		require.NoError(t, err)
		s := r.stranger()
		s.ended()
		assert.Equal(t, ServerStats{Conns: 1, Accepted: 1, Turned: 1}, r.server.Stats())
	})
}

func TestConfigNamesFields(t *testing.T) {
	_, err := NewServer(Config{MaxInFlight: 1 << 20, MaxFrame: 1, MaxConns: -1, PingAfter: -1, DeadAfter: -2})
	for _, want := range []string{
		"Self.UID: missing", "Registry: missing", "MaxInFlight: 1048576", "MaxFrame: 1", "MaxConns: -1", "PingAfter: -1ns",
	} {
		assert.ErrorContains(t, err, want)
	}
	cfg := testConfig(1)
	cfg.PingAfter, cfg.DeadAfter = time.Second, time.Second
	cfg.Self.Name = strings.Repeat("n", 401)
	_, err = NewLink(cfg, "", Identity{})
	assert.ErrorContains(t, err, "DeadAfter: 1s")
	assert.ErrorContains(t, err, "Self.Name: 401 bytes")
}
