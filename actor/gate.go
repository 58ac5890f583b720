package actor

import (
	"errors"
	"sync"
	"time"

	"github.com/traffik-io/traffik/strategy"
)

// ErrNotServing says that the partition of the key is not served here. Nothing was charged.
var ErrNotServing = errors.New("the partition is not served here")

// Mode says what becomes of requests to a partition.
type Mode uint8

// The modes of a partition.
const (
	Serve    Mode = iota // they have their turns
	Park                 // they are kept, in order and within Config.MaxParked, until the mode changes
	Redirect             // they are answered ErrNotServing
)

// tracking is what a partition has beside its actors. Unless it is on, because Config.Track is set, it is zero, and so
// it serves. It is guarded by partition.mu, but for holding.
type tracking struct {
	on      bool
	held    bool // the gate is closed for a moment, whatever the mode
	told    bool // Changed was called since the last Look
	mode    Mode
	running int32         // actors that are not idle
	offset  strategy.Time // of the partition's clock, to that of the System
	seq     uint64        // mutations
	log     []Key         // whose records the last of them were of

	holding sync.Mutex    // of whoever closes the gate; taken before partition.mu
	quiet   chan struct{} // told, once, when running is 0 while the gate is closed
	parked  list
	kept    int // length of parked
}

// shut reports whether requests cannot have their turn now.
func (t *tracking) shut() bool { return t.mode != Serve || t.held }

// began counts an actor that has left idle.
func (t *tracking) began() {
	if t.on {
		t.running++
	}
}

// ended counts an actor that is idle again.
func (t *tracking) ended() {
	if !t.on {
		return
	}
	if t.running--; t.running == 0 && t.shut() {
		select {
		case t.quiet <- struct{}{}:
		default:
		}
	}
}

// turnAway parks or refuses a request that comes while the gate is shut. It is called with p.mu held, and unlocks it.
// The message it returns is nil if ans is the answer.
func (s *System) turnAway(p *partition, k Key, r *Request, reply Replier, ans *Answer) *message {
	t := &p.track
	defer p.mu.Unlock()
	switch {
	case s.closed.Load():
		ans.Err = ErrClosed
	case t.mode == Redirect:
		ans.Err = ErrNotServing
	case t.kept >= s.cfg.MaxParked:
		ans.Err = s.full.parked
	default:
		m := s.newMessage(r)
		m.key, m.custom, m.reply = k, s.customLocked(p, r.Hit.Policy), reply
		if reply != nil {
			m.own()
		}
		t.parked.push(m)
		t.kept++
		return m
	}
	return nil
}

// SetMode changes the mode of partition n. When it closes the gate, it returns after the running turns have ended, and
// until it opens none begins. What is parked follows the new mode, and so do hits that wait in the lines of the
// partition: they are parked, or answered ErrNotServing, uncharged. It has no effect without Config.Track.
func (s *System) SetMode(n int, m Mode) {
	p := s.numbered(n)
	if p == nil || !p.track.on {
		return
	}
	t := &p.track
	t.holding.Lock()
	defer t.holding.Unlock()
	p.mu.Lock()
	was := t.mode
	if t.mode = m; m == Serve {
		t.held = true // until what is parked has had its turn, so that nobody overtakes
		if was != Serve {
			s.copies.Add(int64(-p.actors.n))
			s.keys.Add(int64(p.actors.n))
		}
		p.mu.Unlock()
		s.admitParked(p)
		return
	}
	s.quietLocked(p)
	var out list
	s.emptyLinesLocked(p, &out)
	if m == Redirect {
		for q := t.parked.first; q != nil; {
			next := q.next
			q.Answer = Answer{Err: ErrNotServing}
			out.push(q)
			q = next
		}
		t.parked, t.kept = list{}, 0
	}
	if was == Serve {
		s.keys.Add(int64(-p.actors.n))
		s.copies.Add(int64(p.actors.n))
	}
	p.mu.Unlock()
	s.deliver(out)
}

// quietLocked waits until no turn is running. The gate is shut. It lets go of p.mu meanwhile.
func (s *System) quietLocked(p *partition) {
	for p.track.running > 0 {
		p.mu.Unlock()
		<-p.track.quiet
		p.mu.Lock()
	}
}

// hold runs f with the partition's lock held and no turn running, whatever the mode.
func (s *System) hold(p *partition, f func()) {
	closed := s.grip(p)
	f()
	s.letGo(p, closed)
}

// grip locks the partition when no turn is running; letGo has to be told whether it had to close the gate for that.
func (s *System) grip(p *partition) (closed bool) {
	t := &p.track
	p.mu.Lock()
	if t.running == 0 {
		return false
	}
	p.mu.Unlock()
	t.holding.Lock()
	p.mu.Lock()
	t.held = true
	s.quietLocked(p)
	return true
}

// letGo ends grip.
func (s *System) letGo(p *partition, closed bool) {
	t := &p.track
	if !closed {
		p.mu.Unlock()
		return
	}
	defer t.holding.Unlock()
	open := t.mode == Serve
	if !open {
		t.held = false
	}
	p.mu.Unlock()
	if open {
		s.admitParked(p)
	}
}

// admitParked gives what is parked its turns, in order, and then opens the gate.
func (s *System) admitParked(p *partition) {
	t := &p.track
	for {
		p.mu.Lock()
		m := t.parked.first
		if m == nil {
			t.held = false
			p.mu.Unlock()
			return
		}
		if t.parked.first = m.next; t.parked.first == nil {
			t.parked.last = nil
		}
		m.next = nil
		t.kept--
		s.admitLocked(p, m)
	}
}

// admitLocked posts one parked message to its actor. It unlocks p.mu.
func (s *System) admitLocked(p *partition, m *message) {
	now := p.tickLocked(s.cfg.Now())
	a, err := s.findLocked(p, m.key, m.Op)
	if a != nil {
		s.handOver(p, a, m, now)
		return
	}
	p.mu.Unlock()
	if m.Answer = (Answer{Err: err}); err == nil {
		unseen(now, &m.Request, &m.Answer)
	}
	var out list
	out.push(m)
	s.deliver(out)
}

// emptyLinesLocked takes every hit out of the lines of a partition that has no running turns: it is parked again, or
// answered by out.
func (s *System) emptyLinesLocked(p *partition, out *list) {
	t := &p.track
	for _, slot := range p.actors.slots {
		a := slot.actor
		if a == nil || a.box == nil {
			continue
		}
		b := a.box
		for b.line.n > 0 {
			m := b.line.first
			m.Hit.MaxWait = max(time.Duration(m.deadline-p.clock)*time.Microsecond, 0)
			b.leaveLine(m, Answer{Err: ErrNotServing}, out)
		}
		a.box = nil
		b.retire()
	}
	if t.mode != Park {
		return
	}
	for m := out.first; m != nil && t.kept < s.cfg.MaxParked; m = out.first {
		if out.first = m.next; out.first == nil {
			out.last = nil
		}
		t.parked.push(m)
		t.kept++
	}
}

// numbered is partition n, made if it is not there; nil if there is no such partition.
func (s *System) numbered(n int) *partition {
	if n < 0 || n >= len(s.partitions) {
		return nil
	}
	return s.at(n)
}
