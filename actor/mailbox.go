package actor

import "github.com/traffik-io/traffik/strategy"

// mailbox is what an actor has beside its records while requests are posted to it, or hits wait in its line.
type mailbox struct {
	s     *System
	p     *partition
	a     *actor
	drain func() // b.run, made once, so that starting a goroutine allocates nothing

	posted list // guarded by p.mu
	n      int  // guarded by p.mu: length of posted

	line line // of whoever has the turn
}

// leave ends a turn that was run on its caller's goroutine. What was posted meanwhile is done by a goroutine of the
// actor: the caller is not held up by other callers' work.
func (s *System) leave(p *partition, a *actor) {
	if a.state.CompareAndSwap(inline, idle) {
		return
	}
	p.mu.Lock()
	b := a.box
	p.mu.Unlock()
	b.start()
}

// leaveTracked is leave for a partition that counts what its turns change.
func (s *System) leaveTracked(p *partition, a *actor, k Key, r *Request, ans *Answer) {
	p.mu.Lock()
	if mutates(r, ans) {
		ans.Seq = s.changedLocked(p, k, &a.records, r.Note, ans)
	}
	if a.state.CompareAndSwap(inline, idle) {
		p.track.ended()
		p.mu.Unlock()
		return
	}
	b := a.box
	p.mu.Unlock()
	b.start()
}

// handOver gives m to a: if a is idle, m has its turn here; else it is posted. It is called with p.mu held, and
// unlocks it.
func (s *System) handOver(p *partition, a *actor, m *message, now strategy.Time) {
	b, owner := s.openLocked(p, a)
	if !owner {
		b.posted.push(m)
		b.n++
		p.mu.Unlock()
		return
	}
	now = p.tickLocked(now)
	p.mu.Unlock()
	if !b.step(m, now) {
		b.start()
	}
}

// openLocked opens the mailbox of a, if it is not open, and reports whether the caller has the turn now.
func (s *System) openLocked(p *partition, a *actor) (b *mailbox, owner bool) {
	for {
		state := a.state.Load()
		if state == open {
			return a.box, false
		}
		if !a.state.CompareAndSwap(state, open) { // an inline turn has ended
			continue
		}
		if a.box == nil {
			a.box = s.newMailbox(p, a)
		}
		if state == idle {
			p.track.began()
		}
		return a.box, state == idle
	}
}

func (s *System) newMailbox(p *partition, a *actor) *mailbox {
	b, _ := s.boxes.Get().(*mailbox)
	if b == nil {
		b = &mailbox{s: s}
		b.drain = b.run
	}
	b.p, b.a = p, a
	return b
}

// start starts the goroutine of the actor. It ends when the mailbox is empty. The System is not closed yet: Close waits
// for its own message to this mailbox first, and for the goroutines then.
func (b *mailbox) start() {
	b.s.wg.Add(1)
	go b.drain()
}

// run drains the mailbox, in order.
func (b *mailbox) run() {
	defer b.s.wg.Done()
	b.steps()
}

// steps is step until the actor is idle.
func (b *mailbox) steps() {
	for {
		mail, now := b.take()
		if b.step(mail, now) {
			return
		}
	}
}

// take takes all that is posted, and the time for it.
func (b *mailbox) take() (*message, strategy.Time) {
	now := b.s.cfg.Now()
	b.p.mu.Lock()
	defer b.p.mu.Unlock()
	mail := b.posted.first
	b.posted, b.n = list{}, 0
	return mail, b.p.tickLocked(now)
}

// step runs the turns of the mail, and of those whose time in the line has come. It ends the caller's right to the
// turn if nothing more is posted, and reports that. Answers are delivered after that, so that the next caller finds
// the actor idle while this one still wakes others.
func (b *mailbox) step(mail *message, now strategy.Time) (idle bool) {
	s := b.s // b may be someone else's after release
	var out list
	if b.line.due(now) {
		b.settle(now, &out)
	}
	for m := mail; m != nil; {
		next := m.next
		b.turn(m, now, &out)
		m = next
	}
	idle = b.release(now, out)
	s.deliver(out)
	return idle
}

// release makes the actor idle, unless something is posted. The timer of the line is set under the lock: when it
// fires, the actor is idle, or has an owner who will set it anew.
func (b *mailbox) release(now strategy.Time, out list) bool {
	p, a := b.p, b.a
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.track.on {
		for m := out.first; m != nil; m = m.next {
			if mutates(&m.Request, &m.Answer) {
				m.Seq = b.s.changedLocked(p, m.key, &a.records, m.Note, &m.Answer)
			}
		}
	}
	if b.n > 0 {
		return false
	}
	if b.line.n > 0 {
		b.arm(now)
	} else {
		a.box = nil
		b.retire()
	}
	a.state.Store(idle)
	p.track.ended()
	return true
}

// retire gives back a mailbox that its actor needs no more. One that has had a timer is not used again: the timer may
// just be firing.
func (b *mailbox) retire() {
	if b.line.timer != nil {
		b.line.timer.Stop()
		return
	}
	b.p, b.a = nil, nil
	b.s.boxes.Put(b)
}

// turn carries out one message, and puts into out those that are answered by it.
func (b *mailbox) turn(m *message, now strategy.Time, out *list) {
	switch m.Op {
	case OpHit:
		if !b.hit(m, now) {
			return
		}
	case OpCheck, OpStat:
		b.s.turn(b.a, now, &m.Request, m.custom, &m.Answer)
		b.behind(m, now)
	case opForget:
		b.a.records = strategy.Records{}
		b.settle(now, out)
	case opCancel:
		if t := m.target; t.place != notWaiting {
			b.leaveLine(t, Answer{Err: m.cause}, out)
			b.settle(now, out)
		}
	case opClose:
		for b.line.n > 0 {
			b.leaveLine(b.line.first, Answer{Err: ErrClosed}, out)
		}
	default:
		b.s.turn(b.a, now, &m.Request, m.custom, &m.Answer)
		b.settle(now, out)
	}
	out.push(m)
}
