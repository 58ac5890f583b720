package driver

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/traffik-io/traffik/actor"
	"github.com/traffik-io/traffik/internal/ablate"
	"github.com/traffik-io/traffik/node/ownership"
	"github.com/traffik-io/traffik/strategy"
)

// Sections of what moves with a partition, by kind. All are of version 1.
const (
	sectionRecords = 1
	sectionIDs     = 2
	sectionClock   = 3

	sectionVersion = 1
)

// parts is a state as the driver understands it.
type parts struct {
	recs  []actor.Record
	ids   []byte
	clock strategy.Time // 0: none
}

// packer puts states together in memory of its own: a state is valid until the next.
type packer struct {
	taken actor.Changed
	b     []byte
}

// delta is what changed in p after that many mutations of its term.
func (d *Driver) delta(p int, from uint64) ownership.State {
	after := d.bases[p] + from
	d.cfg.Actors.Changes(p, after, &d.packer.taken)
	return d.pack(&d.packer, p, after)
}

// whole is all of p.
func (d *Driver) whole(p int) ownership.State {
	d.cfg.Actors.Whole(p, &d.packer.taken)
	return d.pack(&d.packer, p, 0)
}

// pack puts the sections of p together, with the ids that were charged after that mutation, as the actors count.
func (d *Driver) pack(k *packer, p int, after uint64) ownership.State {
	b := appendRecords(k.b[:0], k.taken.Records)
	records := len(b)
	b = d.cfg.IDs.Append(b, p, after)
	ids := len(b)
	b = binary.AppendVarint(b, int64(k.taken.Clock))
	k.b = b
	s := ownership.State{Seq: d.since(p, k.taken.Seq), Sections: make([]ownership.Section, 0, 3)}
	add := func(kind uint16, from, to int) {
		if from < to {
			s.Sections = append(s.Sections, ownership.Section{Kind: kind, Version: sectionVersion, Body: b[from:to:to]})
		}
	}
	add(sectionRecords, 0, records)
	add(sectionIDs, records, ids)
	add(sectionClock, ids, len(b))
	return s
}

// read takes a state apart, with room for its records. What it does not know is left out, with a line in the log.
func (d *Driver) read(p int, s ownership.State, room []actor.Record) (x parts) {
	for _, sec := range s.Sections {
		var err error
		switch {
		case sec.Version != sectionVersion:
			err = errors.New("its version is unknown")
		case sec.Kind == sectionRecords:
			x.recs, err = readRecords(room[:0], sec.Body)
		case sec.Kind == sectionIDs:
			x.ids = sec.Body
		case sec.Kind == sectionClock:
			v, n := binary.Varint(sec.Body)
			if x.clock = strategy.Time(v); n <= 0 {
				err = errRecords
			}
		default:
			err = errors.New("its kind is unknown")
		}
		if err != nil {
			d.cfg.Logger.Warn("leaving out a part of a partition's state",
				"partition", p, "kind", sec.Kind, "version", sec.Version, "err", err)
		}
	}
	return x
}

// put makes x part of the copy of p.
func (d *Driver) put(p int, x parts, seq uint64) {
	if ablate.Copies {
		x = parts{}
	}
	if err := d.cfg.Actors.Install(p, x.recs, seq, x.clock); err != nil {
		d.counters.failed.Add(1)
		d.cfg.Logger.Error("a copy is not complete", "partition", p, "err", err)
	}
	d.putIDs(p, x, false)
}

func (d *Driver) putIDs(p int, x parts, joined bool) {
	if len(x.ids) == 0 {
		return
	}
	if err := d.cfg.IDs.Install(p, x.ids, joined); err != nil {
		d.cfg.Logger.Warn("leaving out hit ids", "partition", p, "err", err)
	}
}

// stage names the chunks that come from a peer.
type stage struct {
	p    uint32
	from ownership.UID
}

// staging is the chunks of one stream.
type staging struct {
	stream uint64
	chunks []parts
	at     time.Time
}

func (d *Driver) stage(f ownership.Stage) {
	k := stage{f.P, f.From}
	s := d.staged[k]
	if s == nil || s.stream != f.Stream {
		s = &staging{stream: f.Stream}
		d.staged[k] = s
	}
	s.at = time.Now()
	s.chunks = append(s.chunks, d.read(int(f.P), f.State, nil))
}

func (d *Driver) install(f ownership.Install) {
	p := int(f.P)
	if f.Stream != 0 {
		d.cfg.Actors.Discard(p)
		d.cfg.IDs.Discard(p)
		k := stage{f.P, f.From}
		if s := d.staged[k]; s != nil {
			for _, x := range s.chunks {
				d.put(p, x, 0)
			}
			delete(d.staged, k)
		}
	}
	x := d.read(p, f.State, d.records)
	d.put(p, x, f.State.Seq)
	if clear(x.recs); cap(x.recs) > cap(d.records) {
		d.records = x.recs
	}
	d.losses.copied[p] = true
}

func (d *Driver) discard(p int) {
	d.losses.copied[p] = false
	d.cfg.Actors.Discard(p)
	d.cfg.IDs.Discard(p)
	for k := range d.staged {
		if int(k.p) == p {
			delete(d.staged, k)
		}
	}
}

// retention names a copy that was set aside.
type retention struct {
	p  uint32
	id ownership.MergeID
}

func (d *Driver) retain(f ownership.Retain) {
	s := d.whole(int(f.P))
	for i := range s.Sections {
		s.Sections[i].Body = slices.Clone(s.Sections[i].Body)
	}
	d.retained[retention{f.P, f.ID}] = s
	d.counters.fenced.Add(1)
}

// join brings a copy that grew apart into the one that is served. Where a strategy cannot join, the one here is newer.
func (d *Driver) join(f ownership.Join) {
	p, s := int(f.P), f.State
	if f.From == d.cfg.Self {
		s = d.retained[retention{f.P, f.ID}]
	}
	x := d.read(p, s, nil)
	d.putIDs(p, x, true) // first: a hit that is sent again meanwhile must not be charged beside what it is joined with
	if _, err := d.cfg.Actors.Join(p, x.recs, false); err != nil {
		d.cfg.Logger.Error("joining a copy", "partition", p, "err", err)
	}
	d.counters.joined.Add(1)
	d.step(ownership.Joined{P: f.P, From: f.From, ID: f.ID, Seq: d.seq(p)})
}

var errRecords = errors.New("malformed")

// appendRecords appends for each record its key, and its length and body.
func appendRecords(b []byte, recs []actor.Record) []byte {
	for _, r := range recs {
		b = binary.BigEndian.AppendUint64(b, r.Key.Hi)
		b = binary.BigEndian.AppendUint64(b, r.Key.Lo)
		b = binary.AppendUvarint(b, uint64(len(r.Body)))
		b = append(b, r.Body...)
	}
	return b
}

// appendRecord is appendRecords for the record that m changed.
func appendRecord(b []byte, m *actor.Mutation) ([]byte, error) {
	b = binary.BigEndian.AppendUint64(b, m.Key.Hi)
	b = binary.BigEndian.AppendUint64(b, m.Key.Lo)
	b = append(b, 0) // the length, of most
	start := len(b)
	b, err := m.AppendBody(b)
	if err != nil {
		return b, err
	}
	n := len(b) - start
	if n < 1<<7 {
		b[start-1] = byte(n)
		return b, nil
	}
	return slices.Replace(b, start-1, start, binary.AppendUvarint(nil, uint64(n))...), nil
}

// readRecords appends what appendRecords wrote to recs; the bodies are parts of b.
func readRecords(recs []actor.Record, b []byte) ([]actor.Record, error) {
	for len(b) > 0 {
		r, rest, err := readRecord(b)
		if err != nil {
			return nil, err
		}
		recs, b = append(recs, r), rest
	}
	return recs, nil
}

// readRecord takes one record off b.
func readRecord(b []byte) (r actor.Record, rest []byte, err error) {
	if len(b) < 17 {
		return r, nil, errRecords
	}
	r.Key = actor.Key{Hi: binary.BigEndian.Uint64(b), Lo: binary.BigEndian.Uint64(b[8:])}
	n, size := binary.Uvarint(b[16:])
	if size <= 0 || n > uint64(len(b)-16-size) {
		return r, nil, errRecords
	}
	b = b[16+size:]
	r.Body = b[:n:n]
	return r, b[n:], nil
}
