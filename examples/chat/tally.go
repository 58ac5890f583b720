package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/traffik-io/traffik/strategy"
)

// workLimit is how many requests of the load are to be admitted per second.
var workLimit = strategy.MustRate(workRate).Limit()

// answer is what one request of the load was answered. Its second is that of the owner's clock, which is the one that
// the limit goes by.
type answer struct {
	at                         int64
	owner                      string
	admitted, degraded, failed bool
}

// second is what the load was answered within one second.
type second struct {
	At                                    int64
	Admitted, Refused, Degraded, Failures int
	owners                                []string
}

// event is something that happened.
type event struct {
	At   int64
	Text string
}

// tally keeps the last minutes of the load, and tells what was remarkable about them.
type tally struct {
	seconds []*second // by At
	settled int64     // all seconds up to this one have been judged
	owner   string    // who decided last
	events  []event   // the latest first
}

const (
	keptSeconds = 90
	keptEvents  = 50
)

func (t *tally) count(a answer) {
	if a.at <= t.settled {
		return
	}
	s := t.second(a.at)
	switch {
	case a.failed:
		s.Failures++
	case a.admitted:
		s.Admitted++
	default:
		s.Refused++
	}
	switch {
	case a.degraded:
		s.Degraded++
	case a.owner != "" && !slices.Contains(s.owners, a.owner):
		s.owners = append(s.owners, a.owner)
	}
}

func (t *tally) second(at int64) *second {
	i, found := slices.BinarySearchFunc(t.seconds, at, func(s *second, at int64) int { return int(s.At - at) })
	if !found {
		t.seconds = slices.Insert(t.seconds, i, &second{At: at})
	}
	return t.seconds[i]
}

// settle judges the seconds whose answers are all there.
func (t *tally) settle(now time.Time) {
	for _, s := range t.seconds {
		if s.At > t.settled && s.At < now.Unix()-2 {
			t.judge(s)
			t.settled = s.At
		}
	}
	if n := len(t.seconds) - keptSeconds; n > 0 {
		t.seconds = slices.Delete(t.seconds, 0, n)
	}
}

func (t *tally) judge(s *second) {
	at := time.Unix(s.At, 0)
	for _, owner := range s.owners {
		if owner != t.owner {
			text := owner + " decides for the load now"
			if t.owner != "" {
				text += ", in place of " + t.owner
			}
			t.note(at, text+".")
			t.owner = owner
		}
	}
	if s.Degraded > 0 {
		t.note(at, fmt.Sprintf("%d requests had no answer from an owner in time, so each replica admitted its own share of the limit.", s.Degraded))
	}
	if s.Failures > 0 {
		t.note(at, fmt.Sprintf("%d requests failed: they were under way to a replica that died, or that is still starting.", s.Failures))
	}
	if over := int64(s.Admitted) - workLimit; over > 0 {
		t.note(at, fmt.Sprintf("%d requests were admitted, %d above the limit: whoever decided in the rest of this second did not know what had been counted in its first part.", s.Admitted, over))
	}
}

// note adds an event in front.
func (t *tally) note(at time.Time, text string) {
	t.events = slices.Insert(t.events, 0, event{at.Unix(), text})
	t.events = t.events[:min(len(t.events), keptEvents)]
}

// recent are the last seconds, the present one excepted.
func (t *tally) recent(now time.Time) []second {
	var list []second
	for _, s := range t.seconds {
		if s.At < now.Unix() && s.At > now.Unix()-61 {
			list = append(list, *s)
		}
	}
	return list
}
