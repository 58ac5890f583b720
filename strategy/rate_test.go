package strategy

import (
	"bufio"
	"encoding/json"
	"math"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The inputs of testdata/rates.jsonl were given to the original parser; "quirk" marks what only it accepts.
func TestParseRateGolden(t *testing.T) {
	f, err := os.Open("testdata/rates.jsonl")
	require.NoError(t, err)
	defer f.Close()
	n := 0
	for lines := bufio.NewScanner(f); lines.Scan(); n++ {
		var want struct {
			In       string
			Limit    int64
			PeriodMS int64 `json:"period_ms"`
			Error    string
			Quirk    string
		}
		line := lines.Bytes()
		if err := json.Unmarshal(line, &want); err != nil {
			require.Contains(t, string(line), "rate_bignum", "only numbers beyond int64 may fail to decode: %v", err)
			want.Quirk = "rate_bignum"
		}
		got, err := ParseRate(want.In)
		if want.Error != "" || want.Quirk != "" {
			assert.Error(t, err, "%s", line)
			continue
		}
		if assert.NoError(t, err, "%s", line) {
			assert.Equal(t, Rate{limit: want.Limit, periodMS: want.PeriodMS}, got, "%s", line)
		}
	}
	assert.Equal(t, 335, n)
}

func TestRateTextRoundTrip(t *testing.T) {
	for _, c := range []struct{ in, out string }{
		{"100/min", "100/min"}, {"5 per 10 s", "5/10s"}, {"1/1000ms", "1/s"}, {"7/36h", "7/36h"}, {"3/48 hours", "3/2day"}, {"+9/250ms", "9/250ms"},
	} {
		r, err := ParseRate(c.in)
		require.NoError(t, err)
		text, err := r.MarshalText()
		require.NoError(t, err)
		assert.Equal(t, c.out, string(text))
		var back Rate
		require.NoError(t, back.UnmarshalText(text))
		assert.Equal(t, r, back)
	}
	for _, r := range []Rate{{}, Unlimited()} {
		_, err := r.MarshalText()
		assert.Error(t, err, "%v", r)
	}
	var r Rate
	assert.ErrorContains(t, r.UnmarshalText([]byte("unlimited")), `"unlimited"`)
	assert.True(t, r.IsZero())
}

func TestNewRate(t *testing.T) {
	r, err := NewRate(100, time.Minute)
	require.NoError(t, err)
	assert.Equal(t, MustRate("100/min"), r)
	assert.Equal(t, int64(100), r.Limit())
	assert.Equal(t, time.Minute, r.Period())
	for _, c := range []struct {
		limit  int64
		period time.Duration
		want   string
	}{{0, time.Second, "limit 0"}, {-1, time.Second, "limit -1"}, {1, 0, "period 0s"}, {1, -time.Second, "-1s"}, {1, time.Microsecond, "1µs"}} {
		_, err := NewRate(c.limit, c.period)
		assert.ErrorContains(t, err, c.want)
	}
	assert.Equal(t, int64(math.MaxInt64), Unlimited().Limit())
	assert.Equal(t, time.Duration(math.MaxInt64), Rate{limit: 1, periodMS: math.MaxInt64}.Period())
	assert.Panics(t, func() { MustRate("1/fortnight") })
}

func FuzzParseRate(f *testing.F) {
	for _, s := range []string{"100/min", "5 per 10 s", "1/0s", "/", "9223372036854775807/d", "-0/ms", "1per1per1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRate(s)
		if err != nil {
			assert.True(t, r.IsZero())
			return
		}
		back, err := ParseRate(r.String())
		require.NoError(t, err)
		assert.Equal(t, r, back)
	})
}
