package transport

import (
	"fmt"
)

// The protocol versions that this node speaks. Two nodes use the highest that both do.
const (
	minProtocol = 1
	maxProtocol = 1
)

const (
	magic       = "traffik"
	nonceLen    = 32
	macLen      = 32
	helloFields = 11
)

// hello is the first message of both ends: magic, lowest and highest protocol, label, partitions, hash, uid, name,
// uid of the expected peer, nonce, whether it has a secret.
type hello struct {
	low, high  uint64
	label      uint64
	partitions uint32
	hash       uint64
	self       Identity
	expected   UID // zero: any
	nonce      [nonceLen]byte
	secured    bool
}

func appendHello(b []byte, h *hello) []byte {
	start := len(b)
	b = appendFrame(b, typeHello, 0)
	b = appendArray(b, helloFields)
	b = appendString(b, magic)
	b = appendUint(b, h.low)
	b = appendUint(b, h.high)
	b = appendUint(b, h.label)
	b = appendUint(b, uint64(h.partitions))
	b = appendUint(b, h.hash)
	b = appendBinary(b, h.self.UID[:])
	b = appendString(b, h.self.Name)
	b = appendBinary(b, h.expected[:])
	b = appendBinary(b, h.nonce[:])
	b = appendBool(b, h.secured)
	return endFrame(b, start)
}

func (d *decoder) hello(h *hello) error {
	n := d.array(1)
	if m := d.bytes(len(magic)); d.err == nil && string(m) != magic {
		return fmt.Errorf("%w: it is no node: magic %q", ErrProtocol, m)
	}
	h.low, h.high = d.uint(), d.uint()
	if d.err == nil && (h.low > maxProtocol || h.high < minProtocol) {
		// What follows may look different in another version.
		return fmt.Errorf("%w: it speaks %d to %d, this node %d to %d", ErrVersion, h.low, h.high, minProtocol, maxProtocol)
	}
	d.need(n, helloFields)
	h.label = d.uint()
	h.partitions = uint32(min(d.uint(), 1<<32-1))
	h.hash = d.uint()
	h.self = Identity{UID: d.binary16(), Name: d.string(MaxNameLen)}
	h.expected = d.binary16()
	nonce := d.bytes(nonceLen)
	if copy(h.nonce[:], nonce) != nonceLen {
		d.fail(fmt.Errorf("nonce of %d bytes", len(nonce)))
	}
	h.secured = d.bool()
	d.rest(n - helloFields)
	return d.done()
}

// match reports why two nodes with these greetings cannot talk, whoever they are.
func (h *hello) match(peer *hello) error {
	switch {
	case h.label != peer.label:
		return ErrLabel
	case h.partitions != peer.partitions:
		return fmt.Errorf("%w: it has %d, this node %d", ErrPartitions, peer.partitions, h.partitions)
	case h.hash != peer.hash:
		return ErrHash
	case h.secured != peer.secured:
		return fmt.Errorf("%w: one of two has none", ErrSecret)
	case peer.self.UID == UID{}:
		return fmt.Errorf("%w: a peer without uid", ErrProtocol)
	}
	return nil
}

// appendSingle appends a frame whose body is an array of one number.
func appendSingle(b []byte, t frameType, stream, v uint64) []byte {
	start := len(b)
	b = appendFrame(b, t, stream)
	b = appendArray(b, 1)
	b = appendUint(b, v)
	return endFrame(b, start)
}

// single takes an array of one number.
func (d *decoder) single() (uint64, error) {
	n := d.array(1)
	v := d.uint()
	d.rest(n - 1)
	return v, d.done()
}

// appendEmpty appends a frame whose body is an empty array.
func appendEmpty(b []byte, t frameType, stream uint64) []byte {
	start := len(b)
	b = appendFrame(b, t, stream)
	b = appendArray(b, 0)
	return endFrame(b, start)
}

// empty takes an array with no fields that are looked at.
func (d *decoder) empty() error {
	d.rest(d.array(0))
	return d.done()
}

// appendAuth appends the proof of the secret; empty if there is none.
func appendAuth(b []byte, mac []byte) []byte {
	start := len(b)
	b = appendFrame(b, typeAuth, 0)
	b = appendArray(b, 1)
	b = appendBinary(b, mac)
	return endFrame(b, start)
}

func (d *decoder) auth() ([]byte, error) {
	n := d.array(1)
	mac := d.bytes(macLen)
	d.rest(n - 1)
	return mac, d.done()
}
