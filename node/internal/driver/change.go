package driver

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/traffik-io/traffik/actor"
	"github.com/traffik-io/traffik/node/internal/wire"
	"github.com/traffik-io/traffik/node/ownership"
	"github.com/traffik-io/traffik/strategy"
)

// changes is memory for those of one frame.
var changes = sync.Pool{New: func() any { return new([]wire.Change) }}

// ReceiveChanges takes the changes of another node, whose bytes it does not keep. Unlike Receive, it has acted on them
// when it returns: they do not wait for the goroutine of Run. Reply is called with the answer; fail if nothing was taken.
func (d *Driver) ReceiveChanges(from ownership.UID, body []byte, reply func([]byte), fail func(string)) {
	now := d.cfg.Now()
	if d.Slept(now) {
		fail("it was away")
		return
	}
	room := changes.Get().(*[]wire.Change)
	defer func() {
		clear(*room)
		*room = (*room)[:0]
		changes.Put(room)
	}()
	session, all, err := wire.ReadChanges(body, *room)
	if err != nil {
		fail(err.Error())
		return
	}
	*room = all
	current := d.session.Load()
	if session != 0 && session != current {
		fail("it is of an earlier session")
		return
	}
	d.hear(from)
	var lacks []uint64
	for i := range all {
		if !d.takeChange(from, &all[i], now) {
			lacks = append(lacks, uint64(i))
		}
	}
	reply(wire.AppendTaken(nil, current, lacks))
}

// hear notes that a peer lives.
func (d *Driver) hear(u ownership.UID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.heard == nil {
		d.heard = map[ownership.UID]struct{}{}
	}
	d.heard[u] = struct{}{}
}

// takeChange makes x part of the copy here, or reports that it is none of a flow, or that something is missing before it.
func (d *Driver) takeChange(from ownership.UID, x *wire.Change, now strategy.Time) bool {
	if int(x.P) >= len(d.flows.in) || x.Term.Owner != from {
		return false
	}
	in := &d.flows.in[x.P]
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.on || in.term != x.Term || x.From > in.seq {
		return false
	}
	if in.heard = now; x.Seq <= in.seq {
		return true // it was overtaken by what has it too
	}
	for b := x.Records; len(b) > 0; {
		var err error
		if _, b, err = readRecord(b); err != nil {
			d.cfg.Logger.Warn("not taking changes of a partition", "partition", x.P, "from", from, "err", err)
			return false
		}
	}
	in.unread = appendUnread(in.unread, x)
	in.seq = x.Seq
	if len(in.unread) >= maxUnread {
		d.catchUp(int(x.P), in)
	}
	return true
}

// maxUnread is how many bytes of changes of a partition are kept as they came. Then they are read, one after the other,
// while what they change is in the processor's cache: that takes half of the time, and most hit ids among them are settled
// by then. Nobody needs them before.
const maxUnread = 2 << 10

func appendUnread(b []byte, x *wire.Change) []byte {
	b = binary.AppendUvarint(b, uint64(len(x.Records)))
	b = append(b, x.Records...)
	b = binary.AppendUvarint(b, uint64(len(x.IDs)))
	b = append(b, x.IDs...)
	return binary.AppendUvarint(b, x.Clock)
}

// catchUp makes what is unread part of the copy of p. It is called with in.mu held.
func (d *Driver) catchUp(p int, in *inflow) {
	if len(in.unread) == 0 {
		return
	}
	var room [32]actor.Record
	x := parts{recs: room[:0]}
	part := func(b []byte) (_, rest []byte) {
		n, size := binary.Uvarint(b)
		end := size + int(n)
		return b[size:end], b[end:]
	}
	for b := in.unread; len(b) > 0; {
		var records []byte
		records, b = part(b)
		x.recs, _ = readRecords(x.recs, records) // it could be read when it came
		x.ids, b = part(b)
		d.putIDs(p, x, false)
		clock, size := binary.Uvarint(b)
		x.clock, b = strategy.Time(clock), b[size:]
	}
	x.ids = nil
	d.put(p, x, in.seq)
	in.unread = in.unread[:0]
}

// rounds is how many ticks it takes to catch up with all partitions, so that what is unread is seconds old at most.
const rounds = int(time.Second / tickEvery)

// catchUpSome catches up with a part of the partitions.
func (d *Driver) catchUpSome() {
	d.round = (d.round + 1) % rounds
	for p := d.round; p < len(d.flows.in); p += rounds {
		in := &d.flows.in[p]
		in.mu.Lock()
		few := len(in.unread) < maxUnread/2
		if d.catchUp(p, in); few {
			in.unread = nil // what is hit rarely keeps no memory
		}
		in.mu.Unlock()
	}
}
