package actor

import (
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

// changedLocked counts a mutation of the records of k and returns its number.
func (s *System) changedLocked(p *partition, k Key) uint64 {
	t := &p.track
	if len(t.log) >= minLog && len(t.log) >= 2*p.actors.n {
		t.log = t.log[:0] // nobody has taken them: a whole copy is cheaper now
	}
	t.seq++
	t.log = append(t.log, k)
	if !t.told && s.cfg.Changed != nil {
		t.told = true
		s.cfg.Changed(int(k.Hi >> s.shift))
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

// Look is Seq for whoever is told of changes: of what comes after it, Changed tells again.
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

// Changes returns the records of every key of partition n that was changed after mutation after, as they are after
// mutation seq: all mutations up to seq are in them, and none later. It holds the partition for as long as that takes.
func (s *System) Changes(n int, after uint64) (recs []Record, seq uint64) {
	p := s.numbered(n)
	s.hold(p, func() {
		t := &p.track
		seq = t.seq
		var all bodies
		if after < t.floor() {
			recs = make([]Record, 0, p.actors.n)
			for _, slot := range p.actors.slots {
				if slot.actor != nil {
					recs = append(recs, p.recordLocked(slot.key, &all))
				}
			}
			return
		}
		since := t.log[min(after, seq)-t.floor():]
		recs = make([]Record, 0, len(since))
		seen := make(map[Key]struct{}, max(len(since)-1, 0)) // of more than one
		for i, k := range since {
			if _, twice := seen[k]; twice {
				continue
			}
			if i+1 < len(since) {
				seen[k] = struct{}{}
			}
			recs = append(recs, p.recordLocked(k, &all))
		}
	})
	return recs, seq
}

// bodies is where the bodies of several records are, one behind the other, so that they cost one allocation.
type bodies []byte

// bodySize is about that of most records.
const bodySize = 64

// recordLocked is the record of k, whose actor is idle. Its body becomes part of all.
func (p *partition) recordLocked(k Key, all *bodies) Record {
	a := p.actors.get(k)
	if a == nil {
		return Record{Key: k}
	}
	if cap(*all)-len(*all) < bodySize {
		size := bodySize // often there is but one
		if *all != nil {
			size *= 16
		}
		*all = make(bodies, 0, size)
	}
	start := len(*all)
	b, err := appendRecords(*all, &a.records)
	if err != nil { // a custom strategy that cannot encode: it stays where it is
		return Record{Key: k}
	}
	*all = b
	return Record{Key: k, Body: b[start:len(b):len(b)]}
}

// Trim says that nobody will ask for changes up to seq.
func (s *System) Trim(n int, seq uint64) {
	p := s.numbered(n)
	p.mu.Lock()
	defer p.mu.Unlock()
	t := &p.track
	if seq <= t.floor() {
		return
	}
	t.log = append(t.log[:0], t.log[min(seq, t.seq)-t.floor():]...)
}

// Clock is the time of partition n.
func (s *System) Clock(n int) strategy.Time {
	p := s.numbered(n)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tickLocked(s.cfg.Now())
}

// SetClock has the time of partition n go on from at, if that is not in its past.
func (s *System) SetClock(n int, at strategy.Time) {
	p := s.numbered(n)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.track.offset = max(at, p.clock) - s.cfg.Now()
	p.clock = max(at, p.clock)
}
