package transport

import (
	"context"
	"net"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestBytesNeverHarm holds Guarantee 4 for a server that has let the peer in: what breaks the rules ends that
// connection, with a reason in the log, and no other.
func TestBytesNeverHarm(t *testing.T) {
	oversize := appendFrame(nil, typeHit, 0)
	copy(oversize, []byte{0xff, 0xff, 0xff, 0xff})
	truncated := appendHit(nil, testHit(1))
	truncated = endFrame(truncated[:len(truncated)-3], 0)
	for name, c := range map[string]struct {
		sent []byte
		want string
	}{
		"oversize":             {oversize, "4294967299 bytes"},
		"garbage":              {[]byte("garbage garbage garbage"), "bytes, at most"},
		"truncated hit":        {truncated, "malformed body"},
		"bytes behind":         {endFrame(append(appendHit(nil, testHit(1)), 1), 0), "bytes behind the array"},
		"answer to a server":   {appendAnswer(nil, 1, allowed(1)), "frame type 8"},
		"hello again":          {appendHello(nil, &hello{}), "frame type 1"},
		"malformed call":       {endFrame(appendFrame(nil, typeCall, 1), 0), "malformed body"},
		"another frame format": {[]byte{0, 0, 0, 12, 9, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, "frame version 9"},
	} {
		synctest.Test(t, func(t *testing.T) {
			log := &logged{}
			cfg := testConfig(2)
			cfg.Logger = newLogger(log)
			r := newRig(t, cfg, handler{})
			good := r.link(testConfig(1), Identity{})
			_, err := good.Do(t.Context(), testHit(1))
			require.NoError(t, err)
			s := r.stranger()
			s.greet()
			go func() { _, _ = s.conn.Write(c.sent) }() // until read or closed
			s.ended()
			_, err = good.Do(t.Context(), testHit(1))
			assert.NoError(t, err, name)
			assert.EqualValues(t, 1, good.Stats().Connects, name)
			synctest.Wait()
			lines := log.all()
			assert.Contains(t, lines[len(lines)-1], c.want, name)
		})
	}
}

// TestUnknownTypes shows what makes later versions possible: unknown types are answered, unknown fields skipped.
func TestUnknownTypes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, testConfig(2), handler{})
		s := r.stranger()
		s.greet()
		s.write(appendSingle(nil, 200, 7, 1))
		h, d := s.read()
		assert.Equal(t, header{typeUnsupported, 7}, h)
		typ, err := d.single()
		assert.NoError(t, err)
		assert.EqualValues(t, 200, typ)
		s.write(appendEmpty(nil, typeUnsupported, 8)) // is not answered
		s.write(appendEmpty(nil, typePing, 9))
		h, _ = s.read()
		assert.Equal(t, header{typePong, 9}, h)
		_ = s.conn.Close()
	})
}

// TestHitsOfNoUse shows hits that are well formed and yet cannot be decided: they are answered, and the next is served.
func TestHitsOfNoUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, testConfig(2), handler{})
		l := r.link(testConfig(1), Identity{})
		for want, change := range map[string]func(*HitRequest){
			"key: empty":            func(h *HitRequest) { h.Hit.Key = "" },
			"cost: -1 is negative":  func(h *HitRequest) { h.Hit.Cost = -1 },
			"op: 9 is unknown":      func(h *HitRequest) { h.Op = 9 },
			"op: 0 is unknown":      func(h *HitRequest) { h.Op = 0 },
			"context.tier: true is": func(h *HitRequest) { h.Hit.Context = map[string]any{"tier": true} },
		} {
			h := testHit(1)
			change(h)
			got, err := l.Do(t.Context(), h)
			assert.NoError(t, err)
			assert.Equal(t, Failed, got.Status)
			assert.Contains(t, got.Text, want)
		}
		h := testHit(1)
		h.Hit.Policy = nil
		_, err := l.Do(t.Context(), h)
		assert.ErrorIs(t, err, ErrNotSent)
		got, err := l.Do(t.Context(), testHit(5))
		assert.NoError(t, err)
		assert.EqualValues(t, 5, got.Decision.Limit)
		assert.EqualValues(t, 1, l.Stats().Connects)
	})
}

// dishonest is a link to a server that the test plays itself.
func dishonest(t *testing.T, log *logged) (*Link, *stranger) {
	n := newPipes()
	cfg := testConfig(1)
	cfg.Dial, cfg.Logger = n.dial, newLogger(log)
	l, err := NewLink(cfg, "pipes", Identity{})
	require.NoError(t, err)
	conn, err := n.Accept()
	require.NoError(t, err)
	s := newStranger(t, conn)
	_, _ = s.read()
	s.write(appendAuth(appendHello(nil, s.hello()), nil))
	_, _ = s.read()
	s.write(appendSingle(nil, typeReady, 0, 1))
	t.Cleanup(func() {
		require.NoError(t, n.Close())
		_ = conn.Close()
		require.NoError(t, l.Close(context.Background()))
	})
	return l, s
}

// TestAnswersToNothing holds Guarantees 1 and 4: an answer that nobody waits for, and one that comes twice, are logged
// once and reach no other request.
func TestAnswersToNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &logged{}
		l, s := dishonest(t, log)
		for cost := range int64(3) {
			got := make(chan HitResponse, 1)
			go func() { // until answered
				r, err := l.Do(t.Context(), testHit(cost))
				assert.NoError(t, err)
				got <- r
			}()
			h, _ := s.read()
			s.write(appendAnswer(nil, h.stream+1<<slotBits, allowed(77)))
			s.write(appendAnswer(nil, h.stream+1, allowed(77)))
			s.write(appendAnswer(nil, h.stream, allowed(cost)))
			s.write(appendAnswer(nil, h.stream, allowed(77)))
			r := <-got
			assert.Equal(t, cost, r.Decision.Limit)
		}
		synctest.Wait()
		odd := 0
		for _, line := range log.all() {
			if line == "answer to an unknown request" {
				odd++
			}
		}
		assert.Equal(t, 1, odd)
		_ = s.conn.Close()
	})
}

// TestAnswersThatBreak holds Guarantee 4 for a link.
func TestAnswersThatBreak(t *testing.T) {
	for name, answer := range map[string]func(stream uint64) []byte{
		"malformed":        func(stream uint64) []byte { return endFrame(appendFrame(nil, typeAnswer, stream), 0) },
		"of a call":        func(stream uint64) []byte { return appendResult(nil, stream, nil) },
		"unknown status":   func(stream uint64) []byte { return appendAnswer(nil, stream, &HitResponse{Status: 99}) },
		"oversize":         func(uint64) []byte { return []byte("oversize oversize") },
		"end in the frame": func(stream uint64) []byte { return appendAnswer(nil, stream, allowed(1))[:20] },
	} {
		synctest.Test(t, func(t *testing.T) {
			l, s := dishonest(t, &logged{})
			outcome := make(chan error, 1)
			go func() { // until the connection breaks
				_, err := l.Do(t.Context(), testHit(1))
				outcome <- err
			}()
			h, _ := s.read()
			s.write(answer(h.stream))
			if name == "end in the frame" {
				_ = s.conn.Close()
			}
			err := <-outcome
			assert.ErrorIs(t, err, ErrBroken, name)
			assert.NotErrorIs(t, err, ErrNotSent, name)
			synctest.Wait()
			assert.False(t, l.Stats().Connected, name)
		})
	}
}

func TestLinkAnswersUnknownTypes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, s := dishonest(t, &logged{})
		s.write(appendSingle(nil, 99, 5, 1))
		h, _ := s.read()
		assert.Equal(t, header{typeUnsupported, 5}, h)
		assert.True(t, l.Stats().Connected)
		outcome := make(chan error, 1)
		go func() { // until answered
			_, err := l.Do(t.Context(), testHit(1))
			outcome <- err
		}()
		h, _ = s.read()
		s.write(appendSingle(nil, typeUnsupported, h.stream, uint64(typeHit)))
		assert.ErrorIs(t, <-outcome, ErrUnsupported)
		assert.True(t, l.Stats().Connected)
	})
}

// TestPeerThatDoesNotRead holds Guarantee 3 on the accepting side: answers do not pile up without end.
func TestPeerThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var replies []CallResponder
		r := newRig(t, testConfig(2), handler{call: func(_ uint8, _ []byte, reply CallResponder) { replies = append(replies, reply) }})
		s := r.stranger()
		s.greet()
		for i := range 8 {
			s.write(setStreamOf(appendCall(nil, 1, nil), uint64(i)))
		}
		synctest.Wait()
		for _, reply := range replies { // one in the hands of the connection, four fill the queue, and the rest is too much
			reply.Result(make([]byte, 1<<20-100))
			synctest.Wait()
		}
		synctest.Wait()
		assert.Zero(t, r.server.Stats().Conns)
	})
}

func setStreamOf(b []byte, stream uint64) []byte {
	setStream(b, stream)
	return b
}

// failing is a listener that fails.
type failing struct{ *pipes }

func (failing) Accept() (net.Conn, error) { return nil, errNobody }

func TestServeReportsItsListener(t *testing.T) {
	s, err := NewServer(testConfig(1))
	require.NoError(t, err)
	assert.ErrorIs(t, s.Serve(failing{newPipes()}, handler{}), errNobody)
	require.NoError(t, s.Close())
}
