package actor

import (
	"strings"

	"github.com/traffik-io/traffik/strategy"
)

// message is a request on its way: posted, or waiting in the line of its key, until it is answered. Messages are
// pooled with their channel, so that posting allocates nothing.
type message struct {
	Request
	Answer
	key    Key
	custom bool          // the policy has a custom strategy
	reply  Replier       // takes the answer; if nil, done does
	done   chan struct{} // of capacity 1; tells that Answer is there
	target *message      // of opCancel: the hit to take out of the line
	cause  error         // of opCancel: why

	next, prev *message      // in a mailbox, a line or a list of answered ones
	deadline   strategy.Time // when its wait is up
	place      int           // in the heap of deadlines; notWaiting if it is not in a line
}

const notWaiting = -1

func (s *System) newMessage(r *Request) *message {
	m, _ := s.messages.Get().(*message)
	if m == nil {
		m = &message{done: make(chan struct{}, 1)}
	}
	m.Request, m.place = *r, notWaiting
	return m
}

// own copies the strings of the hit, which may be part of a buffer that is used again.
func (m *message) own() {
	m.Hit.Key = strings.Clone(m.Hit.Key)
	m.Hit.UID = strings.Clone(m.Hit.UID)
	m.Hit.Scope = strings.Clone(m.Hit.Scope)
}

// recycle takes back a message that nobody else knows any more, and whose done is empty.
func (s *System) recycle(m *message) {
	*m = message{done: m.done}
	s.messages.Put(m)
}

// list is a queue of messages, linked by next.
type list struct{ first, last *message }

func (l *list) push(m *message) {
	m.next = nil
	if l.first == nil {
		l.first = m
	} else {
		l.last.next = m
	}
	l.last = m
}

// deliver answers the messages of l. It is called after the turn, so that an actor is not busy while callers are woken.
func (s *System) deliver(l list) {
	for m := l.first; m != nil; {
		next := m.next // m belongs to its caller as soon as it is told
		if m.reply == nil {
			m.done <- struct{}{}
		} else {
			m.reply.Reply(m.Answer)
			s.recycle(m)
		}
		m = next
	}
}
