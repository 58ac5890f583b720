package actor

// Close ends the System, and returns when its goroutines have ended. It may be called more than once, and with
// requests in flight:
//
//  1. New requests are answered ErrClosed.
//  2. What is posted has its turn.
//  3. Hits that wait in line are answered ErrClosed, uncharged.
//  4. The sweeper ends.
//
// Reply is called for the last time before Close returns, unless on the goroutine of another caller.
func (s *System) Close() {
	s.closing.Do(func() {
		s.closed.Store(true)
		close(s.stop)
		for i := range s.partitions {
			// A partition made after this has no request that did not see closed.
			if p := s.partitions[i].Load(); p != nil {
				s.closePartition(p)
			}
		}
		s.wg.Wait()
	})
}

// closePartition tells every actor that is busy, or has a line, and returns when they have all heard.
func (s *System) closePartition(p *partition) {
	if p.track.on {
		s.closeParked(p)
	}
	var told []*message
	for _, a := range p.busy() {
		m := s.newMessage(&Request{Op: opClose})
		p.mu.Lock()
		s.handOver(p, a, m, s.cfg.Now())
		told = append(told, m)
	}
	for _, m := range told {
		<-m.done
	}
}

// closeParked answers what is parked.
func (s *System) closeParked(p *partition) {
	p.mu.Lock()
	out := p.track.parked
	p.track.parked, p.track.kept = list{}, 0
	p.mu.Unlock()
	for m := out.first; m != nil; m = m.next {
		m.Answer = Answer{Err: ErrClosed}
	}
	s.deliver(out)
}

// busy returns the actors that have a turn running or a mailbox.
func (p *partition) busy() (busy []*actor) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.actors.slots {
		if a := s.actor; a != nil && (a.box != nil || a.state.Load() != idle) {
			busy = append(busy, a)
		}
	}
	return busy
}
