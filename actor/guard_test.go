package actor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/strategy"
)

// Guarantee 7: on the caller's goroutine and through the mailbox, of a key never seen and of one in use.
func TestPanicCostsOneTurn(t *testing.T) {
	s := start(t, Config{Registry: registry(t)})
	p := policy("5/day", custom{})
	for i, maxWait := range []time.Duration{0, time.Second} {
		k := Key{Lo: uint64(i)}
		bad := request(p, 3, maxWait)
		bad.Hit.Key = "panic"
		for remaining := range []int64{5, 4, 3} {
			a := ask(s, k, bad)
			require.ErrorIs(t, a.Err, ErrPanic)
			assert.EqualError(t, a.Err, "strategy panicked: after charging")
			a = ask(s, k, request(p, 1, maxWait))
			require.NoError(t, a.Err)
			assert.EqualValues(t, 4-remaining, a.Decision.Remaining)
		}
	}
	for _, key := range []string{"panic on look", "panic in slot"} {
		r := request(p, 1, 0)
		r.Op, r.Hit.Key = OpCheck, key
		ask(s, Key{}, r)
		assert.True(t, ask(s, Key{}, request(p, 1, 0)).Decision.Allowed, key)
	}
}

// Guarantee 7: a strategy that panics when its hit waits.
func TestPanicInLine(t *testing.T) {
	p := policy("5/min", custom{})
	inBubble(t, Config{Registry: registry(t)}, func(b *bubble) {
		b.ask(request(p, 5, 0))
		look, slot, charge := request(p, 1, 60*sec), request(p, 1, 60*sec), request(p, 1, 60*sec)
		look.Hit.Key, slot.Hit.Key, charge.Hit.Key = "panic on look", "panic in slot", "panic"
		b.hit("look", look)
		b.want(outcome{"look", 0, false, ErrPanic})
		b.hit("charge", charge)
		b.hit("slot", slot)
		b.hit("fine", request(p, 5, 61*sec))
		b.want(outcome{"slot", 0, false, ErrPanic}, outcome{"charge", 60 * sec, false, ErrPanic},
			outcome{"fine", 60 * sec, true, nil})
	})
}

// A registry that cannot decode a custom strategy's records is told of.
func TestPanicWithoutRegistry(t *testing.T) {
	s := start(t, Config{})
	p := policy("5/day", custom{})
	ask(s, Key{}, request(p, 1, 0))
	bad := request(p, 3, 0)
	bad.Hit.Key = "panic"
	a := ask(s, Key{}, bad)
	assert.ErrorIs(t, a.Err, ErrPanic)
	assert.ErrorContains(t, a.Err, "the key keeps what that left behind")
	assert.EqualValues(t, 0, ask(s, Key{}, request(p, 1, 0)).Decision.Remaining)
}

// A strategy whose state cannot be kept gets no turn.
func TestPanicWhenEncoding(t *testing.T) {
	s := start(t, Config{})
	p := policy("5/day", badEncoder{})
	require.NoError(t, ask(s, Key{}, request(p, 1, 0)).Err) // nothing to keep yet
	assert.EqualError(t, ask(s, Key{}, request(p, 1, 0)).Err, "strategy panicked: bytes?")
	r := request(p, 1, 0)
	r.Op = OpCheck
	assert.True(t, ask(s, Key{}, r).Decision.Allowed)
}

type badEncoder struct{ custom }

func (e badEncoder) Bind(r strategy.Rate) (strategy.Algorithm, error) {
	a, err := e.custom.Bind(r)
	return unencodable{a}, err
}

type unencodable struct{ strategy.Algorithm }

func (unencodable) Append([]byte, strategy.State) []byte { panic("bytes?") }

func TestMissingPolicyIsAnAnswer(t *testing.T) {
	s := start(t, Config{})
	for _, op := range []Op{OpHit, OpCheck, OpStat, OpRefund} {
		for _, maxWait := range []time.Duration{0, 1} {
			r := request(nil, 1, maxWait)
			r.Op = op
			assert.ErrorIs(t, ask(s, Key{}, r).Err, ErrPanic)
		}
	}
}
