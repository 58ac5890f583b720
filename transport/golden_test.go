package transport

import (
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/traffik-io/traffik/strategy"
)

var update = flag.Bool("update", false, "rewrite the golden files; a changed one needs a new protocol version")

// message is a frame with its golden file.
type message struct {
	name   string
	what   string
	frame  []byte
	decode func(d *decoder) error
}

// messages are one of each kind, and of each form that a kind has.
func messages() []message {
	greeting := &hello{
		low: 1, high: 2, label: 0x1122334455667788, partitions: 16384, hash: 0xaabb, self: Identity{UID: UID{1, 2, 3}, Name: "node-1"},
		expected: UID{4, 5, 6}, secured: true,
	}
	for i := range greeting.nonce {
		greeting.nonce[i] = byte(i)
	}
	plain := &HitRequest{Op: Hit, ID: 70000, SettledBelow: 69990, Hi: 1 << 63, Lo: 42, Budget: 250 * time.Millisecond, Hit: testHit(1).Hit}
	full := &HitRequest{Op: Refund, ID: 1, Hi: 1, Lo: 2, Charged: 1_700_000_000_000_000, Hit: testHit(3).Hit}
	full.Hit.UID, full.Hit.Scope, full.Hit.MaxWait = "api", "eu", 1500*time.Millisecond
	full.Hit.Context = strategy.Context{"tier": "gold", "load": 0.5, "n": int64(-7), "beta": true}
	hit := func(d *decoder) error { return d.hit(&HitRequest{}, &policyCache{registry: testRegistry()}) }
	answer := func(d *decoder) error { return d.answer(&HitResponse{}) }
	single := func(d *decoder) error { _, err := d.single(); return err }
	empty := func(d *decoder) error { return d.empty() }
	result := func(d *decoder) error { _, _, err := d.result(); return err }
	limits := []strategy.LimitVerdict{
		{Name: "burst", Period: time.Second, Verdict: strategy.Verdict{Allowed: true, Remaining: 2.5, Limit: 10}},
		{Name: "day", Period: 24 * time.Hour, Verdict: strategy.Verdict{Wait: 90 * time.Second, Limit: 1000}},
	}
	answers := func(name, what string, r *HitResponse) message {
		r.Term = 9
		return message{"answer_" + name, what, appendAnswer(nil, 0x10001, r), answer}
	}
	return []message{
		{"hello", "HELLO: magic, protocols, label, partitions, hash, uid, name, expected uid, nonce, secured", appendHello(nil, greeting), func(d *decoder) error { return d.hello(&hello{}) }},
		{"auth", "AUTH: proof of the secret", appendAuth(nil, make([]byte, macLen)), func(d *decoder) error { _, err := d.auth(); return err }},
		{"ready", "READY: protocol", appendSingle(nil, typeReady, 0, 1), single},
		{"refused", "REFUSED: code", appendSingle(nil, typeRefused, 0, refusalCode(ErrSecret)), single},
		{"ping", "PING", appendEmpty(nil, typePing, 3), empty},
		{"pong", "PONG", appendEmpty(nil, typePong, 3), empty},
		{"goaway", "GOAWAY", appendEmpty(nil, typeGoAway, 0), empty},
		{"unsupported", "UNSUPPORTED: type", appendSingle(nil, typeUnsupported, 5, 200), single},
		{"hit", "HIT: what most hits have", setStreamOf(appendHit(nil, plain), 0x10001), hit},
		{"hit_full", "HIT: all fields", setStreamOf(appendHit(nil, full), 0x10001), hit},
		answers("allowed", "ANSWER: decided, allowed", &HitResponse{Status: Decided, Decision: strategy.Decision{
			Verdict: strategy.Verdict{Allowed: true, Remaining: 99, Limit: 100}, Period: time.Minute, At: 1_700_000_000_000_000,
		}}),
		answers("never", "ANSWER: decided, never", &HitResponse{Status: Decided, Decision: strategy.Decision{
			Verdict: strategy.Verdict{Remaining: 0.25, Wait: strategy.Never, Limit: 100}, Period: time.Minute, At: -1,
		}}),
		answers("limits", "ANSWER: decided, several limits", &HitResponse{Status: Decided, Decision: strategy.Decision{
			Verdict: limits[1].Verdict, Period: limits[1].Period, LimitedBy: "day", Limits: limits,
		}}),
		answers("queued", "ANSWER: decided, queued", &HitResponse{Status: Decided, Decision: strategy.Decision{
			Verdict: strategy.Verdict{Wait: time.Second, Limit: 100}, Period: time.Minute, At: 1, Queued: true,
		}}),
		answers("told", "ANSWER: told", &HitResponse{Status: Told, Stat: &strategy.Stat{Rate: strategy.MustRate("5/10s"), Remaining: 1, Wait: 0, Limit: 5}}),
		answers("told_limits", "ANSWER: told, several limits", &HitResponse{Status: Told, Stat: &strategy.Stat{Rate: strategy.MustRate("5/10s"), Limit: 5, Limits: limits}}),
		answers("refunded", "ANSWER: refunded", &HitResponse{Status: Refunded}),
		answers("no_stat", "ANSWER: no statistics", &HitResponse{Status: NoStat}),
		answers("not_owner", "ANSWER: not the owner", &HitResponse{Status: NotOwner, Owner: &Owner{UID: UID{7}, Addr: "10.0.0.1:7947"}}),
		answers("overloaded", "ANSWER: overloaded", &HitResponse{Status: Overloaded}),
		answers("failed", "ANSWER: failed", &HitResponse{Status: Failed, Code: 4, Text: "strategy: unknown"}),
		{"call", "CALL: kind, body", setStreamOf(appendCall(nil, 2, []byte("body")), 0x20002), func(d *decoder) error { _, _, err := d.call(); return err }},
		{"result", "RESULT: 0, body", appendResult(nil, 0x20002, []byte("body")), result},
		{"failure", "RESULT: 1, text", appendFailure(nil, 0x20002, "not today"), result},
	}
}

// TestGolden pins the bytes of every message. The comment above them is what the msgpack package reads.
func TestGolden(t *testing.T) {
	for _, m := range messages() {
		require.NoError(t, m.decode(&decoder{b: m.frame[headerLen:]}), m.name)
		var fields []any
		require.NoError(t, msgpack.Unmarshal(m.frame[headerLen:], &fields), m.name)
		got := fmt.Sprintf("# %s\n# %v\n%s\n", m.what, fields, wrapped(m.frame))
		file := filepath.Join("testdata", "golden", m.name+".hex")
		if *update {
			require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, string(want), got, "the wire format changes only with a new protocol version")
	}
}

// wrapped is the header of the frame on a line of its own and the body on as many as it takes.
func wrapped(frame []byte) string {
	lines := []string{hex.EncodeToString(frame[:headerLen])}
	for body := frame[headerLen:]; len(body) > 0; {
		n := min(len(body), 32)
		lines = append(lines, hex.EncodeToString(body[:n]))
		body = body[n:]
	}
	return strings.Join(lines, "\n")
}
