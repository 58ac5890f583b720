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

	mu     sync.Mutex // taken before those of parts
	recent []recentCharge
}

// recentCharge is one that is not among those of its partition yet.
type recentCharge struct {
	p int
	charge
}

// maxRecent is how many charges there may be before they are put where they belong. Most are settled by then.
const maxRecent = 1 << 14

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

// add notes a charge. It comes with every hit: so that touches nothing of the partition.
func (c *charges) add(p int, x charge) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.recent) >= maxRecent {
		c.sortLocked()
	}
	c.recent = append(c.recent, recentCharge{p, x})
}

// of is the charges of partition p, all of them.
func (c *charges) of(p int) *chargesOf {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sortLocked()
	return &c.parts[p]
}

// sortLocked puts the recent charges where they belong, but for those that are settled.
func (c *charges) sortLocked() {
	for _, x := range c.recent {
		if !x.isSettled() {
			c.parts[x.p].add(x.charge)
		}
	}
	clear(c.recent)
	c.recent = c.recent[:0]
}

// add makes room by what is settled first, so that the list is about as long as what is in flight.
func (q *chargesOf) add(x charge) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) == cap(q.list) {
		q.list = slices.DeleteFunc(q.list, charge.isSettled)
	}
	q.list = append(q.list, x)
}

// Append implements driver.IDs: for each origin its UID, what it has settled, and the hits; for each of these its id
// and, after its size, its answer.
func (c *charges) Append(b []byte, p int, after uint64) []byte {
	q := c.of(p)
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
	q := c.of(p)
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
	b = d.appendHead(b, d.floor.Load(), len(ids))
	for _, id := range ids {
		b = binary.AppendUvarint(b, id)
		b = appendSized(b, d.findLocked(id).response())
	}
	return b
}

// appendHead appends what stands before n hits of one origin.
func (d *dedup) appendHead(b []byte, floor uint64, n int) []byte {
	b = append(b, d.origin[:]...)
	b = binary.AppendUvarint(b, floor)
	return binary.AppendUvarint(b, uint64(n))
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
		id, body := r.uint(), r.bytes()
		if r.bad {
			return added, nil, errCharges
		}
		if d.isSettled(id) { // as most are: the answer need not be read
			continue
		}
		a := reader{b: body}
		response := a.answer()
		if a.bad {
			return added, nil, errCharges
		}
		if d.installLocked(id, &response) {
			added = append(added, id)
		}
	}
	return added, r.b, nil
}

// installLocked remembers an answer that another node gave, unless the hit is decided or answered here.
func (d *dedup) installLocked(id uint64, response *transport.HitResponse) bool {
	if d.size >= maxRemembered {
		return false
	}
	r := d.rememberLocked(id)
	if r.deciding || r.answered {
		return false
	}
	r.answer(response)
	return true
}

// appendSized is appendAnswer after the number of its bytes.
func appendSized(b []byte, r *transport.HitResponse) []byte {
	b = append(b, 0) // one byte is enough, most often
	start := len(b)
	b = appendAnswer(b, r)
	if n := len(b) - start; n < 1<<7 {
		b[start-1] = byte(n)
		return b
	}
	return slices.Replace(b, start-1, start, binary.AppendUvarint(nil, uint64(len(b)-start))...)
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

func (r *reader) string() string { return string(r.bytes()) }

func (r *reader) bytes() []byte {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
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
