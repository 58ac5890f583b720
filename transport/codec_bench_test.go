package transport

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/traffik-io/traffik/strategy"
)

// BenchmarkCodec is what a hit costs in encoding and decoding, on both sides together four times.
func BenchmarkCodec(b *testing.B) {
	cfg := benchConfig(1)
	hits := benchHits()
	var rs strategy.Records
	decision, err := rs.Decide(1_700_000_000_000_000, hits[0].Hit, true)
	require.NoError(b, err)
	response := HitResponse{Status: Decided, Term: 1, Decision: decision}
	var out []byte
	d := &decoder{}
	hit := appendHit(nil, &hits[0])[headerLen:]
	answer := appendAnswer(nil, 1<<16, &response)[headerLen:]
	policies := policyCache{registry: cfg.Registry}
	b.Run("encode hit", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			out = appendHit(out[:0], &hits[0])
		}
		b.ReportMetric(float64(len(out)), "bytes")
	})
	b.Run("decode hit", func(b *testing.B) {
		b.ReportAllocs()
		var r HitRequest
		for b.Loop() {
			d.reset(hit)
			if err := d.hit(&r, &policies); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encode answer", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			out = appendAnswer(out[:0], 1<<16, &response)
		}
		b.ReportMetric(float64(len(out)), "bytes")
	})
	b.Run("decode answer", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var r HitResponse
			d.reset(answer)
			if err := d.answer(&r); err != nil {
				b.Fatal(err)
			}
		}
	})
}
