package actor

import (
	"slices"

	"github.com/traffik-io/traffik/strategy"
)

// Record is the records of one key, encoded; an empty body is a key that is forgotten.
type Record struct {
	Key  Key
	Body []byte
}

// minLog is how many changes are remembered at least, whatever the size of the partition.
const minLog = 1024

// floor is up to which mutation they are not in the log.
func (t *tracking) floor() uint64 { return t.seq - uint64(len(t.log)) }

// restart has mutations count on from seq, with none in the log.
func (t *tracking) restart(seq uint64) { t.seq, t.log = seq, nil }

// Mutation is one change of the records of a key, as it is told to Config.Changed.
type Mutation struct {
	Partition int
	Key       Key
	// Seq is the count of mutations of the partition that includes this one.
	Seq uint64
	// First says that it is the first since Look or Take.
	First bool
	// Clock is that of the partition.
	Clock strategy.Time
	// Note is that of the request, which was told before; nil if it had none.
	Note Noter

	records *strategy.Records // nil: the key is forgotten
}

// AppendBody appends the records of the key, as in a Record. The error is that of a custom strategy, and then nothing is.
func (m *Mutation) AppendBody(b []byte) ([]byte, error) {
	if m.records == nil {
		return b, nil
	}
	body, err := appendRecords(b, m.records)
	if err != nil {
		return b, err
	}
	return body, nil
}

// trimAt is how long a log is before it is trimmed with a mutation.
const trimAt = 16

// changedLocked counts a mutation of the records rs of k and returns its number. What asked for it, and was answered ans,
// may have a note to be told.
func (s *System) changedLocked(p *partition, k Key, rs *strategy.Records, note Noter, ans *Answer) uint64 {
	t := &p.track
	if len(t.log) >= minLog && len(t.log) >= 2*p.actors.n {
		t.log = t.log[:0] // nobody has taken them: a whole copy is cheaper now
	}
	t.seq++
	t.log = append(t.log, k)
	if note != nil {
		ans.Seq = t.seq
		note.Note(t.seq, *ans)
	}
	if s.cfg.Changed != nil {
		m := Mutation{Partition: int(k.Hi >> s.shift), Key: k, Seq: t.seq, First: !t.told, Clock: p.clock, Note: note, records: rs}
		t.told = true
		if safe := s.cfg.Changed(m); len(t.log) >= trimAt {
			t.trim(safe)
		}
	}
	return t.seq
}

// mutates reports whether what r asked for, answered by ans, has changed the records.
func mutates(r *Request, ans *Answer) bool {
	switch r.Op {
	case OpHit:
		return ans.Err == nil && (ans.Decision.Allowed || r.Hit.Policy.RecordsRefusals())
	case OpRefund:
		return ans.Err == nil
	case opForget:
		return true
	}
	return false
}

// Seq is how many mutations partition n has seen since Adopt. It needs Config.Track.
func (s *System) Seq(n int) uint64 {
	p := s.numbered(n)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.track.seq
}

// Look is Seq for whoever is told of changes: what comes after it is a First again.
func (s *System) Look(n int) uint64 {
	p := s.numbered(n)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.track.told = false
	return p.track.seq
}

// Adopt has the mutations of partition n count from 0 again.
func (s *System) Adopt(n int) {
	p := s.numbered(n)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.track.restart(0)
}

// Changed is the records of the keys that were changed, as they are after mutation Seq: all mutations up to it are in
// them, and none later. Its memory is used again by the next that is put into it.
type Changed struct {
	Records []Record
	Seq     uint64
	Clock   strategy.Time // of the partition

	bodies []byte
}

// Changes puts into c the records of every key of partition n that was changed after mutation after. It holds the
// partition for as long as that takes.
func (s *System) Changes(n int, after uint64, c *Changed) {
	p := s.numbered(n)
	closed := s.grip(p)
	p.changesLocked(after, c)
	c.Clock = p.tickLocked(s.cfg.Now())
	s.letGo(p, closed)
}

// Whole is Changes for all keys.
func (s *System) Whole(n int, c *Changed) {
	p := s.numbered(n)
	closed := s.grip(p)
	p.wholeLocked(c)
	c.Clock = p.tickLocked(s.cfg.Now())
	s.letGo(p, closed)
}

// Take is Changes for whoever is told of changes, as with Look, and comes often: it uses the memory of c, and forgets
// the changes up to safe, as Trim does.
func (s *System) Take(n int, after, safe uint64, c *Changed) {
	p := s.numbered(n)
	closed := s.grip(p)
	p.track.told = false
	p.track.trim(safe)
	p.changesLocked(after, c)
	c.Clock = p.tickLocked(s.cfg.Now())
	s.letGo(p, closed)
}

// changesLocked puts what was changed after that mutation into c. No turn is running.
func (p *partition) changesLocked(after uint64, c *Changed) {
	t := &p.track
	if after < t.floor() {
		p.wholeLocked(c)
		return
	}
	c.reset(t.seq)
	since := t.log[min(after, t.seq)-t.floor():]
	var seen map[Key]struct{} // of more than a few
	if len(since) > few {
		seen = make(map[Key]struct{}, len(since))
	}
	for _, k := range since {
		if !c.has(k, seen) {
			p.takeLocked(k, c)
		}
	}
}

// wholeLocked puts all keys into c. No turn is running.
func (p *partition) wholeLocked(c *Changed) {
	c.reset(p.track.seq)
	for _, slot := range p.actors.slots {
		if slot.actor != nil {
			p.takeLocked(slot.key, c)
		}
	}
}

func (c *Changed) reset(seq uint64) {
	c.Seq, c.Records, c.bodies = seq, c.Records[:0], c.bodies[:0]
}

// few is up to how many keys are found fastest by looking at all.
const few = 8

// has reports whether c has the record of k, and notes that it will.
func (c *Changed) has(k Key, seen map[Key]struct{}) bool {
	if seen == nil {
		return slices.ContainsFunc(c.Records, func(r Record) bool { return r.Key == k })
	}
	_, has := seen[k]
	seen[k] = struct{}{}
	return has
}

// takeLocked adds the record of k, whose actor is idle. The body becomes part of c.bodies.
func (p *partition) takeLocked(k Key, c *Changed) {
	r := Record{Key: k}
	if a := p.actors.get(k); a != nil {
		start := len(c.bodies)
		if b, err := appendRecords(c.bodies, &a.records); err == nil { // else a custom strategy cannot: it stays where it is
			c.bodies = b
			r.Body = b[start:len(b):len(b)]
		}
	}
	c.Records = append(c.Records, r)
}

// Trim says that nobody will ask for changes up to seq.
func (s *System) Trim(n int, seq uint64) {
	p := s.numbered(n)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.track.trim(seq)
}

// trim forgets the changes up to seq.
func (t *tracking) trim(seq uint64) {
	if seq > t.floor() {
		t.log = append(t.log[:0], t.log[min(seq, t.seq)-t.floor():]...)
	}
}

// goOnLocked has the time of the partition go on from at, if that is not in its past; now is that of the System.
func (p *partition) goOnLocked(at, now strategy.Time) {
	if at == 0 {
		return
	}
	p.track.offset = max(at, p.clock) - now
	p.clock = max(at, p.clock)
}
