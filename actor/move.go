package actor

import (
	"fmt"
	"slices"
	"sync"

	"github.com/traffik-io/traffik/strategy"
)

// batch is how many records are encoded or installed without letting the partition go.
const batch = 256

// bodySize is about that of most records.
const bodySize = 64

// Install replaces the records of the keys that recs name, in partition n, which must not be serving, sets its count of
// mutations to seq, and has its time go on from clock, if that is not in its past. It stops at a record that cannot be
// decoded, or at MaxKeys copies, with an error.
func (s *System) Install(n int, recs []Record, seq uint64, clock strategy.Time) (err error) {
	room := decodings.Get().(*[]strategy.Records)
	defer decodings.Put(room)
	decoded, err := s.decode(n, recs, (*room)[:0])
	if err != nil {
		return err
	}
	defer clear(decoded)
	*room = decoded
	p := s.numbered(n)
	closed := s.grip(p)
	for i, r := range recs {
		rs := &decoded[i]
		if len(r.Body) == 0 {
			rs = nil
		}
		if err = s.installLocked(p, r.Key, rs); err != nil {
			break
		}
	}
	if err == nil {
		p.track.restart(seq)
	}
	p.goOnLocked(clock, s.cfg.Now())
	s.letGo(p, closed)
	return err
}

// decodings is memory for records until they are part of their actors.
var decodings = sync.Pool{New: func() any { return new([]strategy.Records) }}

// decode appends the decoded records to decoded, before anything is changed.
func (s *System) decode(n int, recs []Record, decoded []strategy.Records) ([]strategy.Records, error) {
	for i, r := range recs {
		if int(r.Key.Hi>>s.shift) != n {
			return nil, fmt.Errorf("record %d: its key is not of partition %d", i, n)
		}
		decoded = append(decoded, strategy.Records{})
		if len(r.Body) == 0 {
			continue
		}
		if err := s.cfg.Registry.DecodeInto(&decoded[i], r.Body); err != nil {
			return nil, fmt.Errorf("record %d: %w", i, err)
		}
	}
	return decoded, nil
}

// installLocked gives k the records rs, or forgets it if they are nil. No turn is running.
func (s *System) installLocked(p *partition, k Key, rs *strategy.Records) error {
	a, count := p.actors.get(k), s.countOf(p)
	switch {
	case rs == nil && a != nil:
		p.actors.remove(k)
		count.Add(-1)
	case rs == nil:
	case a != nil:
		a.records = *rs
	case count.Load() >= s.cfg.MaxKeys:
		return s.full.keys
	default:
		p.actors.put(k, &actor{records: *rs})
		count.Add(1)
	}
	return nil
}

// Discard forgets all keys of partition n, which must not be serving.
func (s *System) Discard(n int) {
	p := s.numbered(n)
	s.hold(p, func() {
		s.countOf(p).Add(int64(-p.actors.n))
		p.actors = table{}
		p.track.restart(0)
	})
}

// All yields the records of all keys of partition n, some at a time and valid until yield returns, until that returns
// false. Hits go on meanwhile: what they change is seen or not. It returns how many mutations the records hold at least.
func (s *System) All(n int, yield func([]Record) bool) (seq uint64) {
	p := s.numbered(n)
	p.mu.Lock()
	seq = p.track.seq
	keys := make([]Key, 0, p.actors.n)
	for _, slot := range p.actors.slots {
		if slot.actor != nil {
			keys = append(keys, slot.key)
		}
	}
	p.mu.Unlock()
	room := min(batch, len(keys))
	c := Changed{Records: make([]Record, 0, room), bodies: make([]byte, 0, room*bodySize)}
	for len(keys) > 0 {
		some := keys[:min(batch, len(keys))]
		keys = keys[len(some):]
		c.reset(0)
		s.hold(p, func() {
			for _, k := range some {
				p.takeLocked(k, &c)
			}
		})
		c.Records = slices.DeleteFunc(c.Records, func(r Record) bool { return len(r.Body) == 0 })
		if !yield(c.Records) {
			break
		}
	}
	return seq
}

// Join joins recs into the records of partition n, key by key, as [strategy.Records.Join] does, and returns the count
// of mutations that includes it.
func (s *System) Join(n int, recs []Record, newer bool) (seq uint64, err error) {
	p := s.numbered(n)
	decoded, err := s.decode(n, recs, nil)
	if err != nil {
		return 0, err
	}
	s.hold(p, func() {
		now := p.tickLocked(s.cfg.Now())
		for i, r := range recs {
			if len(r.Body) == 0 {
				continue
			}
			if err = s.joinLocked(p, r.Key, &decoded[i], now, newer); err != nil {
				return
			}
		}
		seq = p.track.seq
	})
	return seq, err
}

func (s *System) joinLocked(p *partition, k Key, rs *strategy.Records, now strategy.Time, newer bool) (err error) {
	a := p.actors.get(k)
	if a == nil {
		err = s.installLocked(p, k, rs)
	} else {
		err = func() (err error) {
			defer rescue(&err)
			return a.records.Join(rs, now, newer)
		}()
	}
	if err == nil {
		s.changedLocked(p, k, &p.actors.get(k).records, nil, nil)
	}
	return err
}
