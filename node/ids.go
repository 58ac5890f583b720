package node

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/traffik-io/traffik/strategy"
	"github.com/traffik-io/traffik/transport"
)

// charges are the hits that were charged in each partition and that may be sent again: they move with the partition,
// so that its next owner answers them alike and does not charge them twice.
type charges struct {
	node  *Node
	parts []chargesOf
}

type chargesOf struct {
	mu   sync.Mutex
	list []charge
}

// charge is one hit that was charged.
type charge struct {
	seq   uint64 // of its mutation; 0 if it came with the copy, always if the other copies have to get it
	dedup *dedup // which has the answer
	id    uint64
}

// always is later than every mutation: a charge with it goes with all that is sent, until it is settled.
const always = math.MaxUint64

func (x charge) isSettled() bool { return x.dedup.isSettled(x.id) }

// add notes a charge. What is settled makes room first, so that the list is about as long as what is in flight.
func (c *charges) add(p int, x charge) {
	q := &c.parts[p]
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) == cap(q.list) {
		q.list = slices.DeleteFunc(q.list, charge.isSettled)
	}
	q.list = append(q.list, x)
}

// Append implements driver.IDs: for each origin its UID, what it has settled, and the hits; for each of these its id
// and its answer.
func (c *charges) Append(b []byte, p int, after uint64) []byte {
	q := &c.parts[p]
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) == 0 {
		return b
	}
	var room [4]charge
	picked := room[:0]
	for _, x := range q.list {
		if x.seq > after || after == 0 {
			picked = append(picked, x)
		}
	}
	for len(picked) > 0 { // origin by origin: there are few
		var some [4]uint64
		ids, d := some[:0], picked[0].dedup
		rest := picked[:0]
		for _, x := range picked {
			if x.dedup == d {
				ids = append(ids, x.id)
			} else {
				rest = append(rest, x)
			}
		}
		b = d.appendCharges(b, ids)
		picked = rest
	}
	return b
}

// Discard implements driver.IDs.
func (c *charges) Discard(p int) {
	q := &c.parts[p]
	q.mu.Lock()
	list := q.list
	q.list = nil
	q.mu.Unlock()
	for _, x := range list {
		x.dedup.discard(x.id)
	}
}

// Install implements driver.IDs.
func (c *charges) Install(p int, b []byte, joined bool) error {
	seq := uint64(0)
	if joined {
		seq = always
	}
	for len(b) > 0 {
		if len(b) < 16 {
			return errCharges
		}
		origin := transport.UID(b[:16])
		floor, _ := binary.Uvarint(b[16:]) // it is of the class of the ids
		d := c.node.origins.of(origin, floor)
		var room [4]uint64
		ids, rest, err := d.installCharges(b[16:], room[:0])
		for _, id := range ids {
			c.add(p, charge{seq, d, id})
		}
		if b = rest; err != nil {
			return err
		}
	}
	return nil
}

// appendCharges appends those of one origin that are not settled. It uses ids.
func (d *dedup) appendCharges(b []byte, ids []uint64) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	ids = slices.DeleteFunc(ids, d.isSettled)
	if len(ids) == 0 {
		return b
	}
	b = append(b, d.origin[:]...)
	b = binary.AppendUvarint(b, d.floor.Load())
	b = binary.AppendUvarint(b, uint64(len(ids)))
	for _, id := range ids {
		b = binary.AppendUvarint(b, id)
		b = appendAnswer(b, d.findLocked(id).response())
	}
	return b
}

var errCharges = errors.New("hit ids: malformed")

// installCharges takes the hits of one origin off b, remembers them, and appends those that are new to added.
func (d *dedup) installCharges(b []byte, added []uint64) (all []uint64, rest []byte, err error) {
	r := reader{b: b}
	floor, n := r.uint(), r.uint()
	if r.bad || n > uint64(len(r.b)) {
		return nil, nil, errCharges
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if floor > d.floor.Load() {
		d.settleLocked(floor)
	}
	for ; n > 0; n-- {
		id, response := r.uint(), r.answer()
		if r.bad {
			return added, nil, errCharges
		}
		if d.installLocked(id, &response) {
			added = append(added, id)
		}
	}
	return added, r.b, nil
}

// installLocked remembers an answer that another node gave, unless the hit is settled, or is decided or answered here.
func (d *dedup) installLocked(id uint64, response *transport.HitResponse) bool {
	if d.isSettled(id) || d.size >= maxRemembered {
		return false
	}
	r := d.rememberLocked(id)
	if r.deciding || r.answered {
		return false
	}
	r.answer(response)
	return true
}

// appendAnswer appends the answer to a hit that was charged, but for the verdicts of its limits.
func appendAnswer(b []byte, r *transport.HitResponse) []byte {
	d := &r.Decision
	b = append(b, byte(r.Status))
	b = binary.AppendUvarint(b, math.Float64bits(d.Remaining))
	b = binary.AppendVarint(b, int64(d.Wait))
	b = binary.AppendVarint(b, d.Limit)
	b = binary.AppendVarint(b, int64(d.Period))
	b = binary.AppendVarint(b, int64(d.At))
	allowed := byte(0)
	if d.Allowed {
		allowed = 1
	}
	b = append(b, allowed)
	b = binary.AppendUvarint(b, uint64(len(d.LimitedBy)))
	return append(b, d.LimitedBy...)
}

// reader takes values off the front of b; bad says that there were none.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	r.skip(n)
	return v
}

func (r *reader) int() int64 {
	v, n := binary.Varint(r.b)
	r.skip(n)
	return v
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *reader) skip(n int) {
	if n <= 0 {
		r.bad, r.b = true, nil
		return
	}
	r.b = r.b[n:]
}

func (r *reader) string() string {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func (r *reader) answer() (a transport.HitResponse) {
	a.Status = transport.Status(r.byte())
	d := &a.Decision
	d.Remaining = math.Float64frombits(r.uint())
	d.Wait = time.Duration(r.int())
	d.Limit = r.int()
	d.Period = time.Duration(r.int())
	d.At = strategy.Time(r.int())
	d.Allowed = r.byte() == 1
	d.LimitedBy = r.string()
	if a.Status != transport.Decided && a.Status != transport.Refunded {
		r.bad = true
	}
	return a
}
