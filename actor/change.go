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
	first := len(t.log) == 0
	t.log = append(t.log, k)
	if first && s.cfg.Changed != nil {
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
		if after < t.floor() {
			for _, slot := range p.actors.slots {
				if slot.actor != nil {
					recs = append(recs, p.recordLocked(slot.key))
				}
			}
			return
		}
		since := t.log[min(after, seq)-t.floor():]
		seen := make(map[Key]struct{}, len(since))
		for _, k := range since {
			if _, twice := seen[k]; !twice {
				seen[k] = struct{}{}
				recs = append(recs, p.recordLocked(k))
			}
		}
	})
	return recs, seq
}

// recordLocked is the record of k, whose actor is idle.
func (p *partition) recordLocked(k Key) Record {
	a := p.actors.get(k)
	if a == nil {
		return Record{Key: k}
	}
	body, err := encode(&a.records)
	if err != nil { // a custom strategy that cannot encode: it stays where it is
		return Record{Key: k}
	}
	return Record{Key: k, Body: body}
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
	if len(t.log) > 0 && s.cfg.Changed != nil {
		s.cfg.Changed(n)
	}
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
