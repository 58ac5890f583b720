package transport

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/strategy"
)

// TestValuesAreMsgpack holds the hand-written numbers and strings to the msgpack package: the same bytes, and either
// reads what the other wrote.
func TestValuesAreMsgpack(t *testing.T) {
	encoded := func(write func(*msgpack.Encoder) error) []byte {
		var b bytes.Buffer
		require.NoError(t, write(msgpack.NewEncoder(&b)))
		return b.Bytes()
	}
	rapid.Check(t, func(t *rapid.T) {
		shift := rapid.IntRange(0, 63).Draw(t, "shift")
		u := rapid.Uint64().Draw(t, "uint") >> shift
		b := appendUint(nil, u)
		assert.Equal(t, encoded(func(e *msgpack.Encoder) error { return e.EncodeUint(u) }), b)
		d := decoder{b: b}
		assert.Equal(t, u, d.uint())
		assert.NoError(t, d.done())

		i := rapid.Int64().Draw(t, "int") >> shift
		b = appendInt(nil, i)
		assert.Equal(t, encoded(func(e *msgpack.Encoder) error { return e.EncodeInt(i) }), b)
		for _, form := range [][]byte{b, encoded(func(e *msgpack.Encoder) error { return e.EncodeInt64(i) })} {
			d = decoder{b: form}
			assert.Equal(t, i, d.int())
			assert.NoError(t, d.done())
		}

		f := rapid.Float64().Draw(t, "float")
		if rapid.Bool().Draw(t, "whole") {
			f = math.Trunc(f)
		}
		b = appendFloat(nil, f)
		theirs, err := msgpack.NewDecoder(bytes.NewReader(b)).DecodeFloat64()
		assert.NoError(t, err)
		assert.Equal(t, f, theirs)
		d = decoder{b: b}
		assert.Equal(t, f, d.float())
		assert.NoError(t, d.done())

		s := strings.Repeat(rapid.String().Draw(t, "string"), rapid.SampledFrom([]int{1, 20, 4000}).Draw(t, "times"))
		assert.Equal(t, encoded(func(e *msgpack.Encoder) error { return e.EncodeString(s) }), appendString(nil, s))
		assert.Equal(t, encoded(func(e *msgpack.Encoder) error { return e.EncodeBytes([]byte(s)) }), appendBinary(nil, []byte(s)))
		d = decoder{b: appendBinary(appendString(nil, s), []byte(s))}
		assert.Equal(t, s, d.string(len(s)))
		assert.Equal(t, s, d.borrow(len(s)))
		assert.NoError(t, d.done())

		n := rapid.IntRange(0, 65535).Draw(t, "array")
		assert.Equal(t, encoded(func(e *msgpack.Encoder) error { return e.EncodeArrayLen(n) }), appendArray(nil, n))
	})
}

func TestNumbersOutOfRange(t *testing.T) {
	for name, read := range map[string]func() decoder{
		"negative uint": func() decoder { d := decoder{b: appendInt(nil, -1)}; d.uint(); return d },
		"large int":     func() decoder { d := decoder{b: appendUint(nil, 1<<63)}; d.int(); return d },
		"not a number":  func() decoder { d := decoder{b: appendDouble(nil, math.NaN())}; d.float(); return d },
		"text":          func() decoder { d := decoder{b: appendString(nil, "1")}; d.int(); return d },
		"number":        func() decoder { d := decoder{b: appendInt(nil, 1)}; d.bool(); return d },
		"long":          func() decoder { d := decoder{b: appendString(nil, "12")}; d.bytes(1); return d },
		"duration":      func() decoder { d := decoder{b: appendInt(nil, math.MaxInt64)}; d.duration(); return d },
		"wait":          func() decoder { d := decoder{b: appendInt(nil, -2)}; d.wait(); return d },
		"period":        func() decoder { d := decoder{b: appendInt(nil, -2)}; d.period(); return d },
		"deep":          func() decoder { d := decoder{b: bytes.Repeat([]byte{0x91}, 1000)}; d.rest(1); return d },
		"nothing":       func() decoder { var d decoder; d.rest(1); return d },
	} {
		d := read()
		assert.ErrorIs(t, d.done(), ErrProtocol, name)
		assert.Zero(t, d.uint(), "%s: nothing is read behind an error", name)
	}
}

func TestSkip(t *testing.T) {
	var b bytes.Buffer
	e := msgpack.NewEncoder(&b)
	for _, v := range []any{
		nil, true, 1, -1, uint64(1 << 63), int64(math.MinInt64), 1.5, float32(2), "s", strings.Repeat("s", 300), []byte("b"),
		[]any{1, []any{"x", map[string]any{"k": []int{1}}}}, map[string]int{"a": 1}, time.Unix(1, 2),
	} {
		require.NoError(t, e.Encode(v))
	}
	d := decoder{b: b.Bytes()}
	d.rest(14)
	assert.NoError(t, d.done())
}

// testLimits is a policy of several limits.
func testLimits() *strategy.Policy {
	return strategy.MustPolicy(
		strategy.Limit{Name: "burst", Rate: strategy.MustRate("10/s"), Strategy: strategy.GCRA{}},
		strategy.Limit{Name: "day", Rate: strategy.MustRate("1000/day")},
	)
}

func genHit(t *rapid.T) *HitRequest {
	r := &HitRequest{
		Op: rapid.SampledFrom([]Op{Hit, Check, Stat, Refund}).Draw(t, "op"), ID: rapid.Uint64().Draw(t, "id"),
		SettledBelow: rapid.Uint64().Draw(t, "settled"), Hi: rapid.Uint64().Draw(t, "hi"), Lo: rapid.Uint64().Draw(t, "lo"),
		Budget: time.Duration(rapid.Int64Range(0, 1e9).Draw(t, "budget")) * time.Microsecond,
	}
	text := rapid.StringN(0, 40, 200)
	r.Hit = strategy.NewHit("k"+text.Draw(t, "key"), rapid.SampledFrom([]*strategy.Policy{testPolicy(), testLimits()}).Draw(t, "policy"))
	r.Hit.Cost = rapid.Int64Range(0, math.MaxInt64).Draw(t, "cost")
	if rapid.Bool().Draw(t, "long form") {
		r.Hit.UID, r.Hit.Scope = text.Draw(t, "uid"), text.Draw(t, "scope")
		r.Charged = strategy.Time(rapid.Int64().Draw(t, "charged"))
	}
	if r.Hit.Policy.Len() == 1 && rapid.Bool().Draw(t, "may wait") {
		r.Hit.MaxWait = time.Duration(rapid.Int64Range(0, 60e6).Draw(t, "wait")) * time.Microsecond
	}
	if rapid.Bool().Draw(t, "with context") {
		r.Hit.Context = strategy.Context{
			"tier": text.Draw(t, "tier"), "load": rapid.Float64().Draw(t, "load"), "n": rapid.Int64().Draw(t, "n"),
			"b": rapid.Bool().Draw(t, "b"), "whole": 2.0,
		}
	}
	return r
}

// TestHitsTravel decodes what was encoded; with fields of a later version behind; and nothing that was cut short.
func TestHitsTravel(t *testing.T) {
	policies := policyCache{registry: testRegistry()}
	rapid.Check(t, func(t *rapid.T) {
		want := genHit(t)
		b := appendHit(nil, want)[headerLen:]
		var got HitRequest
		d := decoder{b: b}
		require.NoError(t, d.hit(&got, &policies))
		assert.Equal(t, want.Hit.Policy.Encoded(), got.Hit.Policy.Encoded())
		got.Hit.Policy = want.Hit.Policy
		assert.Equal(t, want, &got)

		var fields []any
		require.NoError(t, msgpack.Unmarshal(b, &fields), "it is msgpack")
		cut := rapid.IntRange(0, len(b)-1).Draw(t, "cut")
		d = decoder{b: b[:cut]}
		assert.ErrorIs(t, d.hit(&got, &policies), ErrProtocol)
		if len(fields) == hitCharged {
			longer := append(appendArray(nil, len(fields)+2), b[1:]...)
			longer = appendArray(appendString(longer, "new"), 0)
			d = decoder{b: longer}
			assert.NoError(t, d.hit(&got, &policies))
		}
	})
}

// TestOwn shows what a handler has to do that keeps a hit.
func TestOwn(t *testing.T) {
	want := testHit(1)
	want.Hit.UID, want.Hit.Scope = "uid", "scope"
	b := appendHit(nil, want)[headerLen:]
	policies := policyCache{registry: testRegistry()}
	var kept HitRequest
	d := decoder{b: b}
	require.NoError(t, d.hit(&kept, &policies))
	kept.Own()
	clear(b) // as the connection reads on
	assert.Equal(t, [3]string{"k", "uid", "scope"}, [3]string{kept.Hit.Key, kept.Hit.UID, kept.Hit.Scope})
}

func genVerdict(t *rapid.T) strategy.Verdict {
	v := strategy.Verdict{
		Allowed: rapid.Bool().Draw(t, "allowed"), Remaining: rapid.Float64Min(0).Draw(t, "remaining"),
		Limit: rapid.Int64Min(0).Draw(t, "limit"),
		Wait:  time.Duration(rapid.Int64Range(0, 1e15).Draw(t, "wait")) * time.Microsecond,
	}
	if rapid.Bool().Draw(t, "never") {
		v.Wait = strategy.Never
	}
	return v
}

func genLimits(t *rapid.T) []strategy.LimitVerdict {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) strategy.LimitVerdict {
		return strategy.LimitVerdict{Name: rapid.StringN(0, 8, 64).Draw(t, "name"), Period: genPeriod(t), Verdict: genVerdict(t)}
	}), 2, strategy.MaxLimits).Draw(t, "limits")
}

func genPeriod(t *rapid.T) time.Duration {
	return time.Duration(rapid.Int64Range(1, 1e12).Draw(t, "period")) * time.Millisecond
}

func genAnswer(t *rapid.T) *HitResponse {
	r := &HitResponse{Status: Status(rapid.IntRange(1, 7).Draw(t, "status")), Term: rapid.Uint64().Draw(t, "term")}
	several := rapid.Bool().Draw(t, "several")
	switch r.Status {
	case Decided:
		r.Decision = strategy.Decision{Verdict: genVerdict(t), Period: genPeriod(t), At: strategy.Time(rapid.Int64().Draw(t, "at"))}
		if several {
			r.Decision.Limits, r.Decision.LimitedBy = genLimits(t), rapid.StringN(0, 8, 64).Draw(t, "by")
		}
		r.Decision.Queued = rapid.Bool().Draw(t, "queued")
	case Told:
		v := genVerdict(t)
		r.Stat = &strategy.Stat{Rate: strategy.Unlimited(), Remaining: v.Remaining, Wait: v.Wait, Limit: v.Limit}
		if rapid.Bool().Draw(t, "limited") {
			rate, err := strategy.NewRate(rapid.Int64Range(1, 1<<60).Draw(t, "rate"), genPeriod(t))
			require.NoError(t, err)
			r.Stat.Rate = rate
		}
		if several {
			r.Stat.Limits = genLimits(t)
		}
	case NotOwner:
		r.Owner = &Owner{UID: UID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uid")), Addr: rapid.StringN(0, 20, maxAddr).Draw(t, "addr")}
	case Failed:
		r.Code, r.Text = rapid.Uint64().Draw(t, "code"), rapid.StringN(0, 20, maxText).Draw(t, "text")
	}
	return r
}

func TestAnswersTravel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := genAnswer(t)
		b := appendAnswer(nil, 1, want)[headerLen:]
		var got HitResponse
		d := decoder{b: b}
		require.NoError(t, d.answer(&got))
		assert.Equal(t, want, &got)

		var fields []any
		require.NoError(t, msgpack.Unmarshal(b, &fields), "it is msgpack")
		cut := rapid.IntRange(0, len(b)-1).Draw(t, "cut")
		d, got = decoder{b: b[:cut]}, HitResponse{}
		assert.ErrorIs(t, d.answer(&got), ErrProtocol)
		if n := len(fields); want.Status != Decided && want.Status != Told || n == decidedFields+3 || n == toldFields+1 && want.Status == Told {
			longer := appendString(append(appendArray(nil, n+1), b[1:]...), "new")
			d, got = decoder{b: longer}, HitResponse{}
			require.NoError(t, d.answer(&got))
			assert.Equal(t, want, &got, "a later version adds a field")
		}
	})
}
