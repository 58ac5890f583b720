package actor

import (
	"time"

	"github.com/traffik-io/traffik/strategy"
)

// hit decides a hit that was posted, that may wait, or that others wait before. It reports false if the hit waits now.
// One that costs nothing waits for nobody.
func (b *mailbox) hit(m *message, now strategy.Time) (answered bool) {
	if m.Hit.Cost == 0 || b.line.n == 0 && m.Hit.MaxWait == 0 {
		b.charge(m, now)
		return true
	}
	b.look(m, now)
	d := &m.Decision
	switch {
	case m.Err != nil:
		return true
	case !d.Allowed && d.Wait != strategy.Never && d.Wait <= m.Hit.MaxWait:
		return !b.join(m, now)
	case b.line.n == 0: // some strategies record refusals too
		b.charge(m, now)
	}
	return true
}

// charge has m, which was only looked at, decided for good.
func (b *mailbox) charge(m *message, now strategy.Time) {
	m.Answer = Answer{}
	b.s.turn(b.a, now, &m.Request, m.custom, &m.Answer)
}

// look decides m without charging it, as the last of the line.
func (b *mailbox) look(m *message, now strategy.Time) {
	b.a.peek(now, m)
	b.behind(m, now)
}

// peek decides m without charging it, as if nobody waited.
func (a *actor) peek(now strategy.Time, m *message) {
	m.Answer = Answer{}
	defer rescue(&m.Err)
	m.Decision, m.Err = a.records.Decide(now, m.Hit, false)
}

// behind makes m's answer, which was found as if nobody waited, that of the last of the line: nothing fits before the
// others are gone. That takes as long as the strategy tells of its slots, or else at least until the first is
// tried again.
func (b *mailbox) behind(m *message, now strategy.Time) {
	if b.line.n == 0 || m.Err != nil || m.Op == OpCheck && m.Hit.Cost == 0 {
		return
	}
	wait := time.Duration(b.line.retry-now) * time.Microsecond
	if v, ok := b.slot(m, now); ok {
		wait = later(wait, v.Wait)
	}
	if m.Op == OpStat {
		if m.Stat != nil {
			m.Stat.Remaining, m.Stat.Wait = 0, later(m.Stat.Wait, wait)
		}
		return
	}
	d := &m.Decision
	d.Allowed, d.Remaining, d.Wait, d.Queued = false, 0, later(d.Wait, wait), true
}

// slot asks the strategy how long m waits as the last of the line; a stat is about a hit of cost 1.
func (b *mailbox) slot(m *message, now strategy.Time) (v strategy.Verdict, ok bool) {
	defer rescue(&m.Err)
	h := m.Hit
	if m.Op == OpStat {
		h.Cost = 1
	}
	return b.a.records.Slot(now, b.line.cost, h)
}

// later is the longer of two waits.
func later(a, b time.Duration) time.Duration {
	if a == strategy.Never || b == strategy.Never {
		return strategy.Never
	}
	return max(a, b)
}

// join puts m, which was refused, at the end of the line. It reports false, with the error in m, if there is no room.
func (b *mailbox) join(m *message, now strategy.Time) bool {
	l := &b.line
	switch {
	case b.s.closed.Load():
		m.Answer = Answer{Err: ErrClosed}
		return false
	case l.n >= b.s.cfg.MaxWaiters:
		m.Answer = Answer{Err: b.s.full.waiters}
		return false
	case b.s.waiting.Add(1) > b.s.cfg.MaxWaiting:
		b.s.waiting.Add(-1)
		m.Answer = Answer{Err: b.s.full.waiting}
		return false
	}
	if l.n == 0 {
		l.retry = retryAt(now, m.Decision.Wait)
	}
	m.deadline = now + strategy.Time(m.Hit.MaxWait/time.Microsecond)
	l.push(m)
	return true
}

func retryAt(now strategy.Time, wait time.Duration) strategy.Time {
	return now + max(strategy.Time(wait/time.Microsecond), minRetry)
}

// leaveLine takes m out of the line with an answer.
func (b *mailbox) leaveLine(m *message, ans Answer, out *list) {
	b.line.remove(m)
	b.s.waiting.Add(-1)
	m.Answer = ans
	out.push(m)
}

// settle admits the first of the line for as long as they fit, and refuses those whose time is up. Who fits is
// admitted even if its time is up too: it was promised that much, and only a timer was late.
func (b *mailbox) settle(now strategy.Time, out *list) {
	l := &b.line
	for l.n > 0 {
		m := l.first
		b.a.peek(now, m)
		refused := m.Err == nil && !m.Decision.Allowed
		if refused && m.Decision.Wait != strategy.Never && m.deadline > now {
			l.retry = retryAt(now, m.Decision.Wait)
			break
		}
		b.leaveLine(m, m.Answer, out)
		if m.Decision.Allowed {
			b.charge(m, now)
		}
	}
	for l.n > 0 && l.deadlines[0].deadline <= now {
		m := l.deadlines[0]
		b.leaveLine(m, Answer{}, out)
		b.look(m, now)
	}
}

// arm sets the timer of the line. Called under p.mu.
func (b *mailbox) arm(now strategy.Time) {
	d := time.Duration(b.line.next()-now) * time.Microsecond
	if b.line.timer == nil {
		b.line.timer = time.AfterFunc(d, b.fire) // stopped when the line is empty
		return
	}
	b.line.timer.Reset(d)
}

// fire is the goroutine of the actor when the time of someone in the line has come.
func (b *mailbox) fire() {
	now := b.s.cfg.Now()
	b.p.mu.Lock()
	if b.s.closed.Load() || b.a.box != b {
		b.p.mu.Unlock()
		return
	}
	if b.p.track.held { // for a moment
		b.line.timer.Reset(minRetry * time.Microsecond)
		b.p.mu.Unlock()
		return
	}
	_, owner := b.s.openLocked(b.p, b.a)
	if !owner { // whoever has the turn looks at the line when it ends
		b.p.mu.Unlock()
		return
	}
	s := b.s
	s.wg.Add(1)
	defer s.wg.Done()
	now = b.p.tickLocked(now)
	b.p.mu.Unlock()
	if !b.step(nil, now) {
		b.steps()
	}
}
