package transport

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"
)

// handshake is how two nodes meet, before any request:
//
//	dialing side                         accepting side
//	HELLO ───────────────────────────►   label, partitions, hash, version
//	server's proof, its uid    ◄──────   HELLO, AUTH(server, both HELLOs)
//	AUTH(client, both HELLOs) ───────►   client's proof, its expectation
//	requests                   ◄──────   READY
//
// Either side may say REFUSED with a code instead. Each proof is an HMAC-SHA256, keyed by the secret, over the role
// and both HELLOs as they were sent, so that it covers nonces, identities and everything agreed on, and cannot be
// reflected. The server proves itself first: a dialer hands no proof to a stranger.
type handshake struct {
	cfg    *Config
	conn   net.Conn
	frames *frameReader
	out    []byte // to be written
	dec    *decoder
	mine   hello
	peer   hello
	sent   []byte // my HELLO, as it went
	got    []byte // the peer's
}

// newHandshake prepares one on conn, which has DeadAfter for all of it. The expected UID may be zero.
func newHandshake(cfg *Config, conn net.Conn, expected UID) (*handshake, error) {
	h := &handshake{cfg: cfg, conn: conn, frames: newFrameReader(conn, handshakeMax, handshakeMax), dec: &decoder{}}
	h.mine = hello{
		low: minProtocol, high: maxProtocol, label: cfg.Label, partitions: cfg.Partitions, hash: cfg.Hash,
		self: cfg.Self, expected: expected, secured: len(cfg.Secret) > 0,
	}
	if _, err := rand.Read(h.mine.nonce[:]); err != nil {
		return nil, fmt.Errorf("nonce: %w", err)
	}
	return h, conn.SetDeadline(time.Now().Add(cfg.DeadAfter))
}

// finish ends the deadline and hands over what was read beyond the handshake.
func (h *handshake) finish() (*frameReader, error) {
	h.frames.limit, h.frames.size = h.cfg.MaxFrame, readBufferLen
	return h.frames, h.conn.SetDeadline(time.Time{})
}

// dial runs the dialing side.
func (h *handshake) dial() (*frameReader, error) {
	h.out = appendHello(h.out, &h.mine)
	h.sent = bytes.Clone(h.out[headerLen:])
	if err := h.flush(); err != nil {
		return nil, err
	}
	if err := h.readHello(); err != nil {
		return nil, h.refuse(err)
	}
	if err := h.readAuth("server", h.sent, h.got); err != nil {
		return nil, h.refuse(err)
	}
	if h.mine.expected != (UID{}) && h.mine.expected != h.peer.self.UID {
		return nil, h.refuse(&WrongPeerError{Expected: h.mine.expected, Found: h.peer.self})
	}
	h.out = appendAuth(h.out, h.proof("client", h.sent, h.got))
	if err := h.flush(); err != nil {
		return nil, err
	}
	if err := h.readReady(); err != nil {
		return nil, h.refuse(err)
	}
	return h.finish()
}

// accept runs the accepting side.
func (h *handshake) accept() (*frameReader, error) {
	if err := h.readHello(); err != nil {
		return nil, h.refuse(err)
	}
	h.out = appendHello(h.out, &h.mine)
	h.sent = bytes.Clone(h.out[headerLen:])
	h.out = appendAuth(h.out, h.proof("server", h.got, h.sent))
	if err := h.flush(); err != nil {
		return nil, err
	}
	if err := h.readAuth("client", h.got, h.sent); err != nil {
		return nil, h.refuse(err)
	}
	if e := h.peer.expected; e != (UID{}) && e != h.cfg.Self.UID {
		return nil, h.refuse(&WrongPeerError{Expected: e, Found: h.cfg.Self})
	}
	h.out = appendSingle(h.out, typeReady, 0, min(h.mine.high, h.peer.high))
	if err := h.flush(); err != nil {
		return nil, err
	}
	return h.finish()
}

func (h *handshake) flush() error {
	_, err := h.conn.Write(h.out)
	h.out = h.out[:0]
	return err
}

// expect reads a frame of that type into the decoder and returns its body.
func (h *handshake) expect(t frameType) ([]byte, error) {
	head, body, err := h.frames.read()
	if err != nil {
		return nil, err
	}
	h.dec.reset(body)
	if head.typ == typeRefused {
		code, err := h.dec.single()
		if err != nil {
			return nil, err
		}
		return nil, &refusedError{refusalOf(code)}
	}
	if head.typ != t {
		return nil, fmt.Errorf("%w: frame type %d in a handshake that is at type %d", ErrProtocol, head.typ, t)
	}
	return body, nil
}

// refusedError says that it was the peer who refused.
type refusedError struct{ reason error }

func (e *refusedError) Error() string { return "refused by the peer: " + e.reason.Error() }
func (e *refusedError) Unwrap() error { return e.reason }

func (h *handshake) readHello() error {
	body, err := h.expect(typeHello)
	if err != nil {
		return err
	}
	h.got = bytes.Clone(body)
	if err := h.dec.hello(&h.peer); err != nil {
		return err
	}
	return h.mine.match(&h.peer)
}

func (h *handshake) readAuth(role string, client, server []byte) error {
	if _, err := h.expect(typeAuth); err != nil {
		return err
	}
	mac, err := h.dec.auth()
	if err != nil {
		return err
	}
	if !hmac.Equal(mac, h.proof(role, client, server)) {
		return ErrSecret
	}
	return nil
}

func (h *handshake) readReady() error {
	if _, err := h.expect(typeReady); err != nil {
		return err
	}
	v, err := h.dec.single()
	if err == nil && (v < h.mine.low || v > h.mine.high) {
		err = fmt.Errorf("%w: it chose %d", ErrVersion, v)
	}
	return err
}

// proof is what only a node with the secret can know about this handshake; empty without a secret.
func (h *handshake) proof(role string, client, server []byte) []byte {
	if len(h.cfg.Secret) == 0 {
		return nil
	}
	m := hmac.New(sha256.New, h.cfg.Secret)
	var size [8]byte
	for _, part := range [][]byte{[]byte(magic), []byte(role), client, server} {
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		m.Write(size[:])
		m.Write(part)
	}
	return m.Sum(nil)
}

// refuse tells the peer why, unless it was the peer who said so or the connection is what failed, and returns err.
func (h *handshake) refuse(err error) error {
	var refused *refusedError
	if errors.As(err, &refused) || !isReason(err) {
		return err
	}
	h.out = appendSingle(h.out[:0], typeRefused, 0, refusalCode(err))
	_ = h.flush() // the connection is closed anyway
	return err
}

// isReason reports whether err is one that a peer can be told.
func isReason(err error) bool {
	for _, reason := range refusals {
		if errors.Is(err, reason) {
			return true
		}
	}
	return false
}
