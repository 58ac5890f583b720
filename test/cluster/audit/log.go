package audit

import (
	"slices"
	"sync"
	"time"
)

// Verdict is what became of one attempt.
type Verdict uint8

// The verdicts.
const (
	Unknown  Verdict = iota // no decision: an error, or no answer. It may have been charged.
	Admitted                // charged
	Denied                  // not charged
)

func (v Verdict) String() string { return [...]string{"unknown", "admitted", "denied"}[v] }

// Answer is one attempt of one hit, and what the client was told. Instants are on the monotonic clock of the log.
type Answer struct {
	// Hit numbers the hit; a retry has that of the first attempt.
	Hit int
	// Attempt counts the attempts of a hit, from 0.
	Attempt int
	// Key and Cost are what was asked for.
	Key  string
	Cost int64
	// Due is when the hit should have been sent, and that of its first attempt for a retry; Sent and Received are when
	// this attempt was, and when its answer or error came.
	Due, Sent, Received time.Duration
	// Asked is the node that was asked, Owner the one that decided; empty if none did.
	Asked, Owner string
	// Term is that of the key's partition in which it was decided; 0 if the answer does not say.
	Term    uint64
	Verdict Verdict
	// Used is what of the limit was used after the decision.
	Used int64
	// Degraded says that the owner did not decide.
	Degraded bool
	// Problem is why there is no decision.
	Problem string
}

// decided reports whether an owner decided.
func (a *Answer) decided() bool { return a.Verdict != Unknown && !a.Degraded }

// charged reports whether an owner said that it charged.
func (a *Answer) charged() bool { return a.Verdict == Admitted && !a.Degraded }

// Log is what clients were told. The zero value is not usable: see NewLog.
type Log struct {
	began time.Time

	mu      sync.Mutex
	answers []Answer
	hits    int
}

// NewLog returns an empty log whose clock begins now.
func NewLog() *Log { return &Log{began: time.Now()} }

// Now is the time on the clock of the log.
func (l *Log) Now() time.Duration { return time.Since(l.began) }

// Next numbers a hit.
func (l *Log) Next() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hits++
	return l.hits
}

// Add appends an answer.
func (l *Log) Add(a Answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers = append(l.answers, a)
}

// Answers are those so far, in the order in which they came.
func (l *Log) Answers() []Answer {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.answers)
}

// Between are the answers to hits that were due at from or later and before to.
func Between(answers []Answer, from, to time.Duration) (some []Answer) {
	for _, a := range answers {
		if a.Due >= from && a.Due < to {
			some = append(some, a)
		}
	}
	return some
}

// byKey sorts answers out.
func byKey(answers []Answer) map[string][]Answer {
	keys := map[string][]Answer{}
	for _, a := range answers {
		keys[a.Key] = append(keys[a.Key], a)
	}
	return keys
}
