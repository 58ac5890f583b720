package ownership

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/strategy"
)

// pair is two machines, or more, of which the first owns partition 0 and the second backs it up, and a clock.
type pair struct {
	t     *testing.T
	now   strategy.Time
	m     []*Machine
	log   []Effect // of all, since it was last cleared
	cut   bool
	apart func(from, to int) bool // those between whom messages are lost; nil: none
}

type fixedRing []UID

func (r fixedRing) Rank(uint32) []UID { return r }

func newPair(t *testing.T, cfg Config) *pair { return newGroup(t, cfg, 2) }

func newGroup(t *testing.T, cfg Config, n int) *pair {
	p := &pair{t: t, now: 1}
	var all ViewChanged
	var ring fixedRing
	for i := range n {
		cfg.Self, cfg.Partitions = UID{byte(i + 1)}, 1
		m, err := New(cfg)
		require.NoError(t, err)
		p.m = append(p.m, m)
		all.Members, ring = append(all.Members, Member{cfg.Self, Active}), append(ring, cfg.Self)
	}
	all.Ring = ring
	for i := range p.m {
		p.step(i, all)
	}
	require.Equal(t, Owner, p.m[0].Status(0).Role)
	require.Equal(t, 2, p.m[0].Status(0).Copies)
	return p
}

func (p *pair) step(i int, e Event) {
	type told struct {
		i int
		e Event
	}
	for queue := []told{{i, e}}; len(queue) > 0; queue = queue[1:] {
		i := queue[0].i
		effects := append([]Effect(nil), p.m[i].Step(p.now, queue[0].e)...)
		p.log = append(p.log, effects...)
		for _, f := range effects {
			seq := p.m[i].parts[0].copy.Seq
			switch f := f.(type) {
			case Send:
				to := int(f.To[0]) - 1
				if p.cut || to >= len(p.m) || p.apart != nil && p.apart(i, to) {
					continue
				}
				s := State{}
				if f.Attach != AttachNone {
					s.Seq = seq
				}
				queue = append(queue, told{to, Received{UID{byte(i + 1)}, f.Msg, s}})
			case Stream:
				queue = append(queue, told{i, Streamed{P: f.P, To: f.To, Stream: f.Stream}})
			case Freeze:
				queue = append(queue, told{i, Quiesced{P: f.P, Seq: seq}})
			}
		}
	}
}

// last returns the last effect of type E in the log.
func last[E Effect](p *pair) (e E, ok bool) {
	for _, f := range p.log {
		if x, is := f.(E); is {
			e, ok = x, true
		}
	}
	return e, ok
}

// pass lets d pass.
func (p *pair) pass(d time.Duration) {
	for end := p.now + toTime(d); p.now < end; {
		p.now += 50 * msec
		for i := range p.m {
			p.step(i, Tick{})
		}
	}
}
