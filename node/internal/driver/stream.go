package driver

import (
	"math"
	"sync"
	"time"

	"github.com/traffik-io/traffik/actor"
	"github.com/traffik-io/traffik/node/ownership"
)

// streamer sends whole partitions to one peer, one after the other, no faster than the peer takes them.
type streamer struct {
	d    *Driver
	peer *peer

	worked time.Duration // since it rested; as the next, of whoever has the job
	buf    []byte

	mu      sync.Mutex // guards what follows
	jobs    []ownership.Stream
	running bool
}

// Up to how many keys an owned partition has no chunks, but all is in the message that would follow them; and up to how
// many that is put together at once.
const (
	small = 64
	tiny  = 4
)

func (d *Driver) stream(f ownership.Stream) {
	if p := int(f.P); d.owned[p] && d.cfg.Actors.KeysOf(p) <= tiny {
		d.step(ownership.Streamed{P: f.P, To: f.To, Stream: f.Stream, Seq: d.seq(p)})
		return
	}
	d.holds[int(f.P)] = time.Now().Add(holdFor)
	s := &d.peer(f.To).streams
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs = append(s.jobs, f)
	if !s.running && d.ctx.Err() == nil {
		s.running = true
		d.tasks.Go(s.run) // until there is no job left
	}
}

func (s *streamer) next() (f ownership.Stream, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.jobs) == 0 || s.d.ctx.Err() != nil {
		s.running = false
		return f, false
	}
	f = s.jobs[0]
	s.jobs = s.jobs[1:]
	return f, true
}

func (s *streamer) run() {
	for f, ok := s.next(); ok; f, ok = s.next() {
		s.send(f)
		s.rest()
	}
}

// rest has the streamer work for a quarter of the time, no more.
func (s *streamer) rest() {
	if s.worked > time.Millisecond {
		select {
		case <-time.After(3 * s.worked):
		case <-s.d.ctx.Done():
		}
		s.worked = 0
	}
}

// send sends one partition. The last chunk has the ids and the clock, which are then as new as any record.
func (s *streamer) send(f ownership.Stream) {
	d, p := s.d, int(f.P)
	if d.cfg.Actors.KeysOf(p) <= small && s.sendSmall(f) {
		return
	}
	n := uint32(0)
	chunk := func(state ownership.State) {
		n++
		s.peer.bulk.put(ownership.Chunk{P: f.P, Term: f.Term, Stream: f.Stream, N: n}, state)
	}
	began := time.Now()
	seq := d.cfg.Actors.All(p, func(recs []actor.Record) bool {
		s.buf = appendRecords(s.buf[:0], recs)
		chunk(ownership.State{Sections: []ownership.Section{
			{Kind: sectionRecords, Version: sectionVersion, Body: s.buf},
		}})
		s.worked += time.Since(began)
		s.rest()
		more := s.wait()
		began = time.Now()
		return more
	})
	chunk(s.tail(p))
	s.worked += time.Since(began)
	if !s.wait() {
		return
	}
	d.post(func() {
		d.step(ownership.Streamed{P: f.P, To: f.To, Stream: f.Stream, Chunks: n, Seq: d.since(p, seq)})
	})
}

// tail is what a copy of p has beside its records.
func (s *streamer) tail(p int) ownership.State {
	var k packer
	s.d.cfg.Actors.Changes(p, math.MaxUint64, &k.taken) // none: only the clock
	state := s.d.pack(&k, p, 0)
	state.Seq = 0
	return state
}

// sendSmall has all of an owned partition sent in one message; false if it is not owned here. The goroutine of Run puts
// that together, one at a time: thousands of streams begin at once when a member comes.
func (s *streamer) sendSmall(f ownership.Stream) (owned bool) {
	d, p := s.d, int(f.P)
	if !s.wait() {
		return true
	}
	asked := d.ask(d.ctx, func() {
		began := time.Now()
		if owned = d.owned[p]; owned {
			d.step(ownership.Streamed{P: f.P, To: f.To, Stream: f.Stream, Seq: d.seq(p)})
		}
		s.worked += time.Since(began)
	})
	return !asked || owned // not asked: the driver is closed
}

// wait returns when the peer has taken enough; false if the driver is closed.
func (s *streamer) wait() bool {
	for s.peer.bulk.queued() > streamAhead {
		select {
		case <-s.peer.bulk.freed:
		case <-s.d.ctx.Done():
			return false
		}
	}
	return s.d.ctx.Err() == nil
}
