package actor

import (
	"context"

	"github.com/traffik-io/traffik/strategy"
)

// Ask carries out r on the actor of k and returns the answer. If the actor is idle, the turn is run on the caller's
// goroutine; else the request is posted, and the caller waits.
//
// If ctx is done already, nothing is asked. If it is done while the request is posted, the answer is ctx's error, and
// the turn happens all the same. If it is done while the hit waits in line, the hit leaves the line uncharged and the
// answer is ctx's error, unless the hit has been decided just before: then that is the answer.
func (s *System) Ask(ctx context.Context, k Key, r Request) (ans Answer) {
	s.AskAt(ctx, k, &r, s.cfg.Now(), &ans)
	return ans
}

// AskAt is Ask for a caller that has just read the clock; the answer is put into ans, which is zero. It keeps neither r
// nor ans.
func (s *System) AskAt(ctx context.Context, k Key, r *Request, now strategy.Time, ans *Answer) {
	if err := ctx.Err(); err != nil {
		ans.Err = err
		return
	}
	p := s.partition(k)
	a, m := s.ask(p, k, r, now, nil, ans)
	if m == nil {
		return
	}
	select {
	case <-m.done:
	case <-ctx.Done():
		if m.Op != OpHit || r.Hit.MaxWait == 0 {
			ans.Err = ctx.Err() // m is left to the actor, and to the garbage collector
			return
		}
		if a == nil { // m is parked: it will have its turn, and nobody waits for it
			ans.Err = ctx.Err()
			return
		}
		s.cancel(p, a, m, ctx.Err())
	}
	*ans = m.Answer
	s.recycle(m)
}

// Tell is Ask for a request that came in a batch, read at now: it never blocks, and the answer goes to reply. If the
// actor is idle, that is before Tell returns. The strings of r.Hit may change after that: what is posted has copies.
func (s *System) Tell(k Key, r Request, now strategy.Time, reply Replier) {
	var ans Answer
	if _, m := s.ask(s.partition(k), k, &r, now, reply, &ans); m == nil {
		reply.Reply(ans)
	}
}

// ask carries out r, if that can be done here and now, and puts the outcome into ans. Otherwise it returns the actor
// and the message that r has become.
func (s *System) ask(p *partition, k Key, r *Request, clock strategy.Time, reply Replier, ans *Answer) (*actor, *message) {
	p.mu.Lock()
	if p.track.shut() {
		return nil, s.turnAway(p, k, r, reply, ans)
	}
	now := p.tickLocked(clock)
	a, err := s.findLocked(p, k, r.Op)
	if a != nil && a.state.Load() != idle {
		p.mu.Unlock()
		a.spin()
		p.mu.Lock()
		if p.track.shut() {
			return nil, s.turnAway(p, k, r, reply, ans)
		}
		now = p.tickLocked(clock) // another's turn may have been later
		a, err = s.findLocked(p, k, r.Op)
	}
	if err != nil {
		p.mu.Unlock()
		ans.Err = err
		return nil, nil
	}
	if a == nil {
		p.mu.Unlock()
		unseen(now, r, ans)
		return nil, nil
	}
	custom := s.customLocked(p, r.Hit.Policy)
	if (r.Op != OpHit || r.Hit.MaxWait == 0) && a.takeLocked() {
		p.track.began()
		p.mu.Unlock()
		s.turn(a, now, r, custom, ans)
		if p.track.on {
			s.leaveTracked(p, a, k, r, ans)
		} else {
			s.leave(p, a)
		}
		return nil, nil
	}
	if a.box != nil && a.box.n >= s.cfg.MaxMailbox {
		p.mu.Unlock()
		ans.Err = s.full.mailbox
		return nil, nil
	}
	m := s.newMessage(r)
	m.key, m.custom, m.reply = k, custom, reply
	if reply != nil {
		m.own()
	}
	s.handOver(p, a, m, clock)
	return a, m
}

// cancel takes m, which may be posted, waiting or answered, out of the line of a, and returns when m is answered.
func (s *System) cancel(p *partition, a *actor, m *message, cause error) {
	p.mu.Lock()
	if s.closed.Load() { // Close answers m
		p.mu.Unlock()
		<-m.done
		return
	}
	c := s.newMessage(&Request{Op: opCancel})
	c.target, c.cause = m, cause
	s.handOver(p, a, c, s.cfg.Now())
	<-c.done // only now nobody knows m any more
	<-m.done
	s.recycle(c)
}
