package transport

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// FuzzFrames feeds a frame reader with any bytes in pieces of any size: it neither panics, nor takes more memory than
// the longest frame that it allows, nor cuts other frames than one that gets all at once.
func FuzzFrames(f *testing.F) {
	var all []byte
	for _, m := range messages() {
		f.Add(m.frame)
		all = append(all, m.frame...)
	}
	f.Add(all)
	f.Add(setLength(appendEmpty(nil, typePing, 0), 1<<32-1))
	f.Add(setLength(appendEmpty(nil, typePing, 0), 100<<10))
	f.Fuzz(func(t *testing.T, input []byte) {
		const limit = 128 << 10
		cut := func(r io.Reader) (frames [][]byte) {
			frame := newFrameReader(r, limit, 1<<10)
			for {
				_, body, err := frame.read()
				require.LessOrEqual(t, len(frame.buf), limit)
				if err != nil {
					return frames
				}
				frames = append(frames, bytes.Clone(body))
			}
		}
		require.Equal(t, cut(bytes.NewReader(input)), cut(iotest.OneByteReader(bytes.NewReader(input))))
	})
}

func setLength(b []byte, n uint32) []byte {
	b[0], b[1], b[2], b[3] = byte(n>>24), byte(n>>16), byte(n>>8), byte(n)
	return b
}

// FuzzBodies reads any bytes as the body of every message: a decoder does not panic, and what it accepts it writes
// and reads again as the same.
func FuzzBodies(f *testing.F) {
	for _, m := range messages() {
		f.Add(m.frame[headerLen:])
	}
	registry, known := testRegistry(), messages()
	f.Fuzz(func(t *testing.T, body []byte) {
		fuzzHit(t, body, &policyCache{registry: registry})
		fuzzAnswer(t, body)
		fuzzHello(t, body)
		for _, m := range known {
			_ = m.decode(&decoder{b: body})
		}
	})
}

func fuzzHit(t *testing.T, body []byte, policies *policyCache) {
	var r, again HitRequest
	d := decoder{b: body}
	if err := d.hit(&r, policies); err != nil {
		var bad *badHit
		require.True(t, errors.As(err, &bad) || errors.Is(err, ErrProtocol), "%v", err)
		return
	}
	d = decoder{b: appendHit(nil, &r)[headerLen:]}
	require.NoError(t, d.hit(&again, policies))
	if len(r.Hit.Context) == 0 {
		r.Hit.Context = nil
	}
	require.Equal(t, r, again)
}

func fuzzAnswer(t *testing.T, body []byte) {
	var r, again HitResponse
	d := decoder{b: body}
	if err := d.answer(&r); err != nil {
		require.ErrorIs(t, err, ErrProtocol)
		return
	}
	if len(r.Decision.Limits) == 0 && !r.Decision.Queued {
		r.Decision.LimitedBy = "" // only named where there are several
	}
	d = decoder{b: appendAnswer(nil, 0, &r)[headerLen:]}
	require.NoError(t, d.answer(&again))
	require.Equal(t, r, again)
}

func fuzzHello(t *testing.T, body []byte) {
	var h, again hello
	d := decoder{b: body}
	if err := d.hello(&h); err != nil {
		return
	}
	d = decoder{b: appendHello(nil, &h)[headerLen:]}
	require.NoError(t, d.hello(&again))
	require.Equal(t, h, again)
}
