package ring

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/dchest/siphash"
)

// Hasher is SipHash-128 with a key derived from the cluster's secret. Callers choose keys, so that an unkeyed hash
// would invite aimed collisions and hot partitions.
type Hasher struct{ k0, k1 uint64 }

// NewHasher derives the hash key from secret. The empty secret gives a fixed, public key.
func NewHasher(secret []byte) Hasher {
	sum := sha256.New()
	sum.Write([]byte("traffik placement v1\x00"))
	sum.Write(secret)
	b := sum.Sum(nil)
	return Hasher{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}
}

// Key hashes what identifies an actor. Uid and scope go in with their lengths, so that no two triples are hashed from
// the same bytes.
func (h Hasher) Key(uid, key, scope string) (hi, lo uint64) {
	var stack [256]byte
	b := append(stack[:0], byte(len(uid)), byte(len(uid)>>8), byte(len(scope)), byte(len(scope)>>8))
	b = append(b, uid...)
	b = append(b, scope...)
	b = append(b, key...)
	return siphash.Hash128(h.k0, h.k1, b)
}

// Check is a short fingerprint of the hash key: two nodes with different secrets would place keys apart.
func (h Hasher) Check() uint16 {
	return uint16(siphash.Hash(h.k0, h.k1, []byte("traffik hash check")))
}

func (h Hasher) name(s string) uint64 { return siphash.Hash(h.k0, h.k1, []byte(s)) }

// mix is the finalizer of splitmix64 (Steele, Lea, Flood, 2014): a bijection that spreads every bit.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
