package strategy_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/strategy"
)

// twin is a second set of records that is told all that a machine's records are told, and must answer alike.
type twin struct {
	*machine
	other *strategy.Records
}

// steps lets hits and checks happen to both.
func (w *twin) steps(t *rapid.T, n int, after func()) {
	for range n {
		w.move(t)
		h, charge := w.hit(t), rapid.IntRange(0, 4).Draw(t, "do") > 0
		want := w.ask(t, h, charge)
		got := decide(t, w.other, w.now, h, charge)
		require.Equal(t, want.Verdict, got.Verdict, "%+v: cost %d at %d", w.spec, h.Cost, w.now)
		after()
	}
}

// TestForgettable: records dropped when they say that they may be make no difference to any later decision.
// Guarantee 6.
func TestForgettable(t *testing.T) {
	forEach(t, func(t *rapid.T, name string) {
		m := drive(t, name)
		at := m.records.NeutralAt()
		require.Less(t, int64(at), m.latest+(idlePeriods+2)*m.period+2*hundredYr, "is kept for ever")
		m.now, m.wait, m.back = max(m.now, int64(at)), 0, false
		w := &twin{m, &strategy.Records{}}
		w.steps(t, rapid.IntRange(1, 10).Draw(t, "later"), func() {})
	})
}

// TestForgottenTooEarly: a microsecond before they may be dropped, the records of a used key differ from none.
// Guarantee 6.
func TestForgottenTooEarly(t *testing.T) {
	forEach(t, func(t *rapid.T, name string) {
		m := drive(t, name)
		at := int64(m.records.NeutralAt())
		if at <= m.latest {
			return
		}
		h := strategy.NewHit("user:42", m.policy)
		h.Cost = decide(t, &strategy.Records{}, at, h, false).Limit
		require.True(t, decide(t, m.clone(t), at, h, true).Allowed)
		require.False(t, decide(t, m.records, at-1, h, true).Allowed, "%+v: could be dropped before %d", m.spec, at)
	}, "fixed_window", "sliding_window_counter", "sliding_window_log", "token_bucket", "token_bucket_with_debt",
		"leaky_bucket", "leaky_bucket_with_queue")
}

// TestMovable: encoded and decoded, at any time and as often as one likes, records answer alike and encode to the same
// bytes. That makes two nodes with the same input end in the same bytes. Guarantees 1 and 7.
func TestMovable(t *testing.T) {
	forEach(t, func(t *rapid.T, name string) {
		m := drive(t, name)
		w := &twin{m, m.clone(t)}
		w.steps(t, rapid.IntRange(1, 10).Draw(t, "later"), func() {
			encoded := w.records.Append(nil)
			require.Equal(t, encoded, w.other.Append(nil))
			w.other = decode(t, encoded)
			require.Equal(t, encoded, w.other.Append(nil))
			require.Equal(t, w.records.NeutralAt(), w.other.NeutralAt())
		})
	})
}

// TestCompact: the state of windows, buckets and GCRA fits in 40 bytes. Guarantee 7.
func TestCompact(t *testing.T) {
	forEach(t, func(t *rapid.T, name string) {
		switch name {
		case "sliding_window_log", "priority_queue", "cost_based_token_bucket":
			return // as long as what they remember
		}
		s := drawSpec(t, name)
		s.limit = rapid.OneOf(rapid.Just(s.limit), rapid.Just(int64(1_000_000_000_000))).Draw(t, "limit")
		a, now := s.algorithm(t), firstDay
		st := a.New()
		for range rapid.IntRange(1, 10).Draw(t, "hits") {
			h := strategy.Hit{Key: "k"}
			h.Cost = rapid.OneOf(rapid.Int64Range(1, s.limit), rapid.Just(int64(math.MaxInt64))).Draw(t, "cost")
			a.Decide(st, strategy.Time(now), h, true)
			now += rapid.Int64Range(0, s.period).Draw(t, "later")
			require.LessOrEqual(t, len(a.Append(nil, st)), 40)
		}
	})
}

// TestJoin: two copies of a key that grew apart join, in whichever order and however often, to the same bytes, and to
// what admits nothing that one of them would not. Guarantee 7.
func TestJoin(t *testing.T) {
	forEach(t, func(t *rapid.T, name string) {
		m := drive(t, name)
		now := m.now
		var copies [3]*strategy.Records
		for i := range copies {
			m := *m
			m.records = m.clone(t)
			m.steps(t, rapid.IntRange(0, 5).Draw(t, "apart"))
			copies[i], now = m.records, max(now, m.latest)
		}
		join := func(rs ...*strategy.Records) *strategy.Records {
			joined := decode(t, rs[0].Append(nil))
			for _, o := range rs[1:] {
				require.NoError(t, joined.Join(decode(t, o.Append(nil)), strategy.Time(now), false))
			}
			return joined
		}
		a, b, c := copies[0], copies[1], copies[2]
		ab := join(a, b)
		require.Equal(t, ab.Append(nil), join(b, a).Append(nil), "%+v: commutative", m.spec)
		require.Equal(t, a.Append(nil), join(a, a).Append(nil), "%+v: idempotent", m.spec)
		require.Equal(t, ab.Append(nil), join(ab, b).Append(nil), "%+v: absorbing", m.spec)
		if name != "adaptive_throttle" && name != "cost_based_token_bucket" { // they round, or may reduce a limit twice
			require.Equal(t, join(ab, c).Append(nil), join(a, join(b, c)).Append(nil), "%+v: associative", m.spec)
		}

		for range 5 {
			m.now, m.records = now, ab
			h := m.hit(t)
			if decide(t, ab, now, h, false).Allowed {
				for _, one := range copies[:2] {
					if one.NeutralAt() <= strategy.Time(now) {
						continue // one that knows nothing
					}
					require.True(t, decide(t, one, now, h, false).Allowed, "%+v: cost %d at %d fits the joined only", m.spec, h.Cost, now)
				}
			}
			now += rapid.OneOf(rapid.Int64Range(0, m.period), rapid.Int64Range(0, 5)).Draw(t, "later")
		}
	})
}

// TestJoinWithThePast: a copy that has seen less adds nothing. Guarantee 7.
func TestJoinWithThePast(t *testing.T) {
	forEach(t, func(t *rapid.T, name string) {
		if name == "cost_based_token_bucket" {
			return // keeps the costs that slow it down more, which may be the older ones
		}
		m := drive(t, name)
		past := m.clone(t)
		m.refunds = false
		m.steps(t, rapid.IntRange(1, 10).Draw(t, "later"))
		want := m.records.Append(nil)
		require.NoError(t, past.Join(m.clone(t), strategy.Time(m.latest), true))
		require.Equal(t, want, past.Append(nil), "%+v", m.spec)
	})
}

// TestJoinOfRollovers: of two copies that saw different use in the period before, the one with less to roll over counts.
func TestJoinOfRollovers(t *testing.T) {
	s := spec{name: "quota_with_rollover", limit: 100, period: second}
	h := strategy.NewHit("k", s.policy(t))
	copyAfter := func(cost int64) *strategy.Records {
		rs := &strategy.Records{}
		h.Cost = cost
		decide(t, rs, firstDay, h, true)
		h.Cost = 10
		decide(t, rs, firstDay+second, h, true)
		return rs
	}
	joined := copyAfter(20)
	require.Equal(t, 130.0, decide(t, joined, firstDay+second, h, false).Remaining)
	require.NoError(t, joined.Join(copyAfter(60), strategy.Time(firstDay+second), true))
	require.Equal(t, 110.0, decide(t, joined, firstDay+second, h, false).Remaining)
}

// TestJoinAcrossPolicies: the same where the copies were last charged under different policies. A log is only as long as
// the period of the policy that it ends under, and what load did to a limit is no consumption. Guarantees 7 and 8.
func TestJoinAcrossPolicies(t *testing.T) {
	forEach(t, func(t *rapid.T, name string) {
		m := drive(t, name)
		o := *m
		o.spec = drawSpec(t, name)
		if logs[name] {
			o.period = m.period
		}
		o.policy, o.records = o.spec.policy(t), m.clone(t)
		o.steps(t, rapid.IntRange(0, 5).Draw(t, "apart"))
		m.steps(t, rapid.IntRange(0, 5).Draw(t, "apart"))
		now := max(m.latest, o.latest)
		ab, ba := m.clone(t), o.clone(t)
		require.NoError(t, ab.Join(o.clone(t), strategy.Time(now), false))
		require.NoError(t, ba.Join(m.clone(t), strategy.Time(now), true))
		require.Equal(t, ab.Append(nil), ba.Append(nil), "%+v and %+v: commutative", m.spec, o.spec)
		for _, policy := range []*strategy.Policy{m.policy, o.policy} {
			h := o.hit(t)
			h.Policy = policy
			if name != "adaptive_throttle" && decide(t, ab, now, h, false).Allowed {
				for _, one := range []*machine{m, &o} {
					if one.records.NeutralAt() <= strategy.Time(now) {
						continue // one that knows nothing
					}
					require.True(t, decide(t, one.records, now, h, false).Allowed, "%+v and %+v: cost %d fits the joined only", m.spec, o.spec, h.Cost)
				}
			}
		}
	})
}
