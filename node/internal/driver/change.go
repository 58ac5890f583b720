package driver

import (
	"sync"

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
	var few [4]actor.Record
	room := few[:0]
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
	recs, err := readRecords(room, x.Records)
	if err != nil {
		d.cfg.Logger.Warn("not taking changes of a partition", "partition", x.P, "from", from, "err", err)
		return false
	}
	d.put(int(x.P), parts{recs: recs, ids: x.IDs, clock: strategy.Time(x.Clock)}, x.Seq)
	in.seq = x.Seq
	return true
}
