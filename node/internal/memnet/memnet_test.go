package memnet

import (
	"context"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const latency = 10 * time.Millisecond

// pair is a connection between two hosts, a and b, in a bubble.
type pair struct {
	net       *Network
	a, b      *Host
	near, far net.Conn
	listener  net.Listener
}

func inBubble(t *testing.T, f func(t *testing.T, p *pair)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &pair{net: New(latency)}
		p.a, p.b = p.net.Host("10.0.0.1"), p.net.Host("10.0.0.2")
		var err error
		p.listener, err = p.b.Listen(t.Context(), "10.0.0.2:1")
		require.NoError(t, err)
		start := time.Now()
		p.near, err = p.a.Dial(t.Context(), "10.0.0.2:1")
		require.NoError(t, err)
		assert.Equal(t, 2*latency, time.Since(start), "a round trip")
		p.far, err = p.listener.Accept()
		require.NoError(t, err)
		f(t, p)
		_ = p.near.Close()
		_ = p.far.Close()
		_ = p.listener.Close()
	})
}

// read is what arrives at c within d, and how that ends.
func read(c net.Conn, d time.Duration) (string, error) {
	_ = c.SetReadDeadline(time.Now().Add(d))
	b, err := io.ReadAll(c)
	return string(b), err
}

func send(t *testing.T, c net.Conn, s string) {
	t.Helper()
	_, err := c.Write([]byte(s))
	require.NoError(t, err)
}

func TestWhatIsWrittenArrivesInOrderAndLater(t *testing.T) {
	inBubble(t, func(t *testing.T, p *pair) {
		send(t, p.near, "one ")
		p.net.Set("10.0.0.1", "10.0.0.2", Way{Latency: time.Millisecond})
		send(t, p.near, "two")
		got, err := read(p.far, latency-1)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		assert.Empty(t, got)
		require.NoError(t, p.near.Close())
		got, err = read(p.far, 2*time.Millisecond)
		require.NoError(t, err)
		assert.Equal(t, "one two", got)
	})
}

func TestASilentWayKeepsWhatIsSent(t *testing.T) {
	inBubble(t, func(t *testing.T, p *pair) {
		p.net.Set("10.0.0.1", "10.0.0.2", Way{State: Silent})
		send(t, p.near, "x")
		send(t, p.far, "y")
		got, _ := read(p.near, time.Second)
		assert.Equal(t, "y", got, "the other way is open")
		got, err := read(p.far, time.Hour)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		assert.Empty(t, got)
		for _, h := range []struct {
			from *Host
			addr string
		}{{p.a, "10.0.0.2:1"}, {p.b, "10.0.0.1:1"}} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err = h.from.Dial(ctx, h.addr)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			cancel()
		}
		p.net.Heal()
		got, _ = read(p.far, 1)
		assert.Equal(t, "x", got)
	})
}

func TestAFirewallRejects(t *testing.T) {
	inBubble(t, func(t *testing.T, p *pair) {
		p.net.Set("10.0.0.1", "10.0.0.2", Way{State: Rejects})
		_, err := p.a.Dial(t.Context(), "10.0.0.2:1")
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		_, err = p.near.Write([]byte("x"))
		require.ErrorIs(t, err, syscall.ECONNRESET)
		_, err = read(p.far, time.Hour)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded, "the other end hears nothing")
	})
}

func TestACrashBreaksConnectionsBehindWhatWasSent(t *testing.T) {
	inBubble(t, func(t *testing.T, p *pair) {
		send(t, p.far, "last words")
		p.b.Crash()
		_, err := p.far.Write([]byte("x"))
		require.ErrorIs(t, err, net.ErrClosed)
		got, err := read(p.near, time.Second)
		assert.Equal(t, "last words", got)
		require.ErrorIs(t, err, syscall.ECONNRESET)
		_, err = p.listener.Accept()
		require.ErrorIs(t, err, net.ErrClosed)
		_, err = p.a.Dial(t.Context(), "10.0.0.2:1")
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		_, err = p.b.Dial(t.Context(), "10.0.0.1:1")
		require.ErrorIs(t, err, net.ErrClosed)
		again := p.net.Host("10.0.0.2")
		l, err := again.Listen(t.Context(), "10.0.0.2:1")
		require.NoError(t, err)
		c, err := p.a.Dial(t.Context(), "10.0.0.2:1")
		require.NoError(t, err, "a later process listens")
		require.NoError(t, c.Close())
		require.NoError(t, l.Close())
	})
}

func TestAPausedHostReadsAndSendsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, p *pair) {
		p.b.Pause(true)
		send(t, p.near, "x")
		c, err := p.a.Dial(t.Context(), "10.0.0.2:1")
		require.NoError(t, err, "its host accepts")
		_ = p.far.SetWriteDeadline(time.Now().Add(time.Second))
		_, err = p.far.Write([]byte("y"))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		got, _ := read(p.far, time.Second)
		assert.Empty(t, got)
		p.b.Pause(false)
		got, _ = read(p.far, 1)
		assert.Equal(t, "x", got)
		accepted, err := p.listener.Accept()
		require.NoError(t, err)
		require.NoError(t, c.Close())
		require.NoError(t, accepted.Close())
	})
}

func TestPacketsMayBeLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(latency)
		a, b := n.Host("10.0.0.1"), n.Host("10.0.0.2")
		from, err := a.Gossip("10.0.0.1:1")
		require.NoError(t, err)
		to, err := b.Gossip("10.0.0.2:1")
		require.NoError(t, err)
		say := func(s string) {
			_, err := from.WriteTo([]byte(s), "10.0.0.2:1")
			require.NoError(t, err)
			time.Sleep(latency)
			synctest.Wait()
		}
		n.Set("10.0.0.1", "10.0.0.2", Way{State: Silent})
		say("lost")
		n.Heal()
		b.Pause(true)
		say("late")
		assert.Empty(t, to.PacketCh())
		b.Pause(false)
		say("last")
		assert.Equal(t, "late", string((<-to.PacketCh()).Buf))
		p := <-to.PacketCh()
		assert.Equal(t, "last", string(p.Buf))
		assert.Equal(t, "10.0.0.1:1", p.From.String())
		ip, port, err := to.FinalAdvertiseAddr("", 0)
		require.NoError(t, err)
		assert.True(t, ip.Equal(net.IPv4(10, 0, 0, 2)))
		assert.Equal(t, 1, port)
		c, err := from.DialTimeout("10.0.0.2:1", time.Second)
		require.NoError(t, err)
		stream := <-to.StreamCh()
		require.NoError(t, c.Close())
		require.NoError(t, stream.Close())
		require.NoError(t, from.Shutdown())
		require.NoError(t, to.Shutdown())
		require.NoError(t, to.Shutdown())
	})
}
