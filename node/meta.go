package node

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/traffik-io/traffik/transport"
)

// short is the part of a UID that makes the names of members unique, and that logs show: the end, which is random.
func short(u transport.UID) string { return u.String()[24:] }

// meta is what a member tells about itself through gossip. It is a msgpack array, in the order of the fields, to which
// later versions append; memberlist bounds it to 512 bytes.
type meta struct {
	uid         transport.UID // of the process: a restarted node is a new member
	name        string
	state       State
	role        Role
	clusterAddr string
	httpAddr    string
	version     string
	partitions  int    // must be equal in all members
	hashCheck   uint16 // of the placement hash's key, must be equal in all members
	bootMillis  int64  // wall clock at the start of the process
}

const (
	metaVersion = 1
	metaFields  = 11
	maxMeta     = 512 // memberlist.MetaMaxSize
)

// compatible says why a node with the meta o cannot be in one cluster with m.
func (m *meta) compatible(o *meta) error {
	switch {
	case o.partitions != m.partitions:
		return fmt.Errorf("member %q has %d partitions, this node has %d", o.name, o.partitions, m.partitions)
	case o.hashCheck != m.hashCheck:
		return fmt.Errorf("member %q has another cluster secret", o.name)
	}
	return nil
}

// newerThan says which of two processes with one name is to have it.
func (m *meta) newerThan(o *meta) bool {
	if m.bootMillis != o.bootMillis {
		return m.bootMillis > o.bootMillis
	}
	return bytes.Compare(m.uid[:], o.uid[:]) > 0
}

func (m *meta) encode() ([]byte, error) {
	var b bytes.Buffer
	e := msgpack.NewEncoder(&b)
	e.UseCompactInts(true)
	err := errors.Join(
		e.EncodeArrayLen(metaFields),
		e.EncodeInt(metaVersion),
		e.EncodeBytes(m.uid[:]),
		e.EncodeString(m.name),
		e.EncodeString(string(m.state)),
		e.EncodeString(string(m.role)),
		e.EncodeString(m.clusterAddr),
		e.EncodeString(m.httpAddr),
		e.EncodeString(m.version),
		e.EncodeInt(int64(m.partitions)),
		e.EncodeInt(int64(m.hashCheck)),
		e.EncodeInt(m.bootMillis),
	)
	if err == nil && b.Len() > maxMeta {
		err = fmt.Errorf("name, addresses and version of the node need %d bytes in gossip, at most %d are allowed", b.Len(), maxMeta)
	}
	return b.Bytes(), err
}

func decodeMeta(b []byte) (*meta, error) {
	d := msgpack.NewDecoder(bytes.NewReader(b))
	n, err := d.DecodeArrayLen()
	if err != nil || n < metaFields {
		return nil, errors.New("member metadata: malformed")
	}
	m := &meta{}
	var u []byte
	var state, role string
	var check int
	_, err = d.DecodeInt() // the version: later ones only append
	for _, read := range []func() error{
		func() (err error) { u, err = d.DecodeBytes(); return },
		func() (err error) { m.name, err = d.DecodeString(); return },
		func() (err error) { state, err = d.DecodeString(); return },
		func() (err error) { role, err = d.DecodeString(); return },
		func() (err error) { m.clusterAddr, err = d.DecodeString(); return },
		func() (err error) { m.httpAddr, err = d.DecodeString(); return },
		func() (err error) { m.version, err = d.DecodeString(); return },
		func() (err error) { m.partitions, err = d.DecodeInt(); return },
		func() (err error) { check, err = d.DecodeInt(); return },
		func() (err error) { m.bootMillis, err = d.DecodeInt64(); return },
	} {
		err = errors.Join(err, read())
	}
	if err != nil || copy(m.uid[:], u) != len(m.uid) || m.name == "" {
		return nil, errors.New("member metadata: malformed")
	}
	m.state, m.role, m.hashCheck = State(state), Role(role), uint16(check)
	return m, nil
}
