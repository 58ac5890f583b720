package wire

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/traffik-io/traffik/node/ownership"
)

var update = flag.Bool("update", false, "write the golden file")

var (
	u1, u2 = ownership.UID{1}, ownership.UID{2, 15: 9}
	t1, t2 = ownership.Term{N: 300, Owner: u1, Minter: u2}, ownership.Term{N: 1 << 40, Owner: u2, Minter: u2}
	v1     = ownership.Version{Term: t1, Seq: 70000}
)

// all has one message of each type, the last with a state.
var all = []ownership.Message{
	ownership.Offer{P: 1, Term: t1}, ownership.Accept{P: 16383, Term: t1}, ownership.Refuse{P: 2, Term: t2},
	ownership.Chunk{P: 3, Term: t1, Stream: 9, N: 1}, ownership.Intent{P: 4, Base: t1, Next: t2},
	ownership.IntentAck{P: 5, Next: t2}, ownership.Commit{P: 6, Term: t2, Parent: v1, From: 3, Set: []ownership.UID{u1, u2}},
	ownership.Committed{P: 7, Term: t2}, ownership.Fenced{P: 8, Term: t2},
	ownership.Claim{P: 9, Round: 4, Known: t1, Rescue: true, Validate: true},
	ownership.ClaimAnswer{
		P: 10, Round: 4, Role: ownership.Frozen, Rescue: true, Copy: v1, Set: []ownership.UID{u2}, Known: t1, Intent: t2,
		Claimants: []ownership.UID{u1},
	},
	ownership.Pull{P: 11, Round: 1, Version: v1}, ownership.Copy{P: 12, Round: 1, Version: v1, Stream: 3, Chunks: 2},
	ownership.Repl{P: 13, Term: t2, Parent: v1, From: 1, Stream: 2, Chunks: 3, Set: []ownership.UID{u1}, Drop: true},
	ownership.Delta{P: 17, Term: t1, From: 3}, ownership.DeltaAck{P: 18, Term: t2, Seq: 4, Lacks: true},
	ownership.Rack{P: 14, Term: t1, Seq: 5, Complete: true, Dropped: true, Stream: 6},
	ownership.Dismiss{P: 19, Term: t1, Parent: v1, Stream: 7, Holder: u2}, ownership.Dismissed{P: 20, Term: t2, Stream: 8, Holder: u1},
	ownership.Merge{P: 15, ID: ownership.MergeID{Version: v1, Holder: u2}},
	ownership.Merged{P: 16, ID: ownership.MergeID{Version: v1, Holder: u2}},
}

var state = ownership.State{Seq: 77, Sections: []ownership.Section{
	{Kind: 1, Version: 1, Body: []byte("records")}, {Kind: 900, Version: 2, Body: bytes.Repeat([]byte{7}, 300)},
}}

var someHead = Head{To: 12, From: 13, Number: 300, Bulk: true}

func frameOfAll() []byte {
	var f Frame
	for i, m := range all {
		if i%2 == 0 {
			f.Add(m, state)
		} else {
			f.Add(m, ownership.State{})
		}
	}
	return f.Append(nil, someHead)
}

// Guarantee 1.
func TestReadsWhatWasAdded(t *testing.T) {
	f, err := Read(frameOfAll())
	require.NoError(t, err)
	assert.Equal(t, someHead, f.Head)
	assert.Zero(t, f.Unknown)
	require.Len(t, f.Messages, len(all))
	for i, r := range f.Messages {
		assert.Equal(t, all[i], r.Msg)
		if i%2 == 0 {
			assert.Equal(t, state, r.State)
		} else {
			assert.Equal(t, ownership.State{}, r.State)
		}
	}
	// The package that others use reads it too.
	var any []any
	require.NoError(t, msgpack.Unmarshal(frameOfAll(), &any))
	assert.Len(t, any, frameFields)
	assert.Len(t, any[frameFields-1], len(all))
}

// Guarantee 1, for any values.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		uid := rapid.Custom(func(t *rapid.T) ownership.UID { return ownership.UID{rapid.Byte().Draw(t, "uid")} })
		number := rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 300))
		term := rapid.Custom(func(t *rapid.T) ownership.Term {
			return ownership.Term{N: number.Draw(t, "n"), Owner: uid.Draw(t, "owner"), Minter: uid.Draw(t, "minter")}
		})
		var f Frame
		n := rapid.IntRange(0, 40).Draw(t, "messages")
		var want []Received
		for range n {
			r := Received{Msg: ownership.Repl{
				P: rapid.Uint32().Draw(t, "p"), Term: term.Draw(t, "term"), From: number.Draw(t, "from"),
				Parent: ownership.Version{Term: term.Draw(t, "parent"), Seq: number.Draw(t, "seq")},
				Set:    rapid.SliceOfN(uid, 1, 20).Draw(t, "set"), Drop: rapid.Bool().Draw(t, "drop"),
			}}
			for k := range rapid.IntRange(0, 6).Draw(t, "sections") {
				body := bytes.Repeat([]byte{byte(k)}, rapid.SampledFrom([]int{1, 255, 256, 70000}).Draw(t, "len"))
				r.State.Sections = append(r.State.Sections, ownership.Section{Kind: uint16(k), Version: 1, Body: body})
			}
			f.Add(r.Msg, r.State)
			want = append(want, r)
		}
		assert.Equal(t, n, f.Len())
		got, err := Read(f.Append(nil, Head{}))
		require.NoError(t, err)
		assert.Equal(t, want, got.Messages)
	})
}

// Guarantee 2.
func TestGolden(t *testing.T) {
	const file = "testdata/frame.hex"
	got := hex.EncodeToString(frameOfAll()) + "\n"
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

// Guarantee 4.
func TestLaterVersions(t *testing.T) {
	b, err := msgpack.Marshal([]any{
		uint8(2), uint8(5), uint8(6), uint8(7), false, u1[:],
		[]any{
			[]any{uint8(99), nil, "what", map[string]int{"a": 1}, 1.5, -1, []int{1, 2}},
			[]any{uint8(typeAccept), nil, uint8(3), uint8(9), uint8(1), uint8(0), "more", uint16(7)},
			[]any{uint8(typeMerged), []any{uint8(1), uint8(1), uint8(1), []byte("x"), "more"}, uint8(1), 0, 0, 0, 0, 0},
		}, "more",
	})
	require.NoError(t, err)
	f, err := Read(b)
	require.NoError(t, err)
	assert.Equal(t, Head{To: 5, From: 6, Number: 7}, f.Head)
	assert.Equal(t, 1, f.Unknown)
	assert.Equal(t, []Received{
		{Msg: ownership.Accept{P: 3, Term: ownership.Term{N: 9, Owner: u1}}},
		{
			Msg:   ownership.Merged{P: 1},
			State: ownership.State{Seq: 1, Sections: []ownership.Section{{Kind: 1, Version: 1, Body: []byte("x")}}},
		},
	}, f.Messages)
}

// Guarantee 3.
func TestMalformed(t *testing.T) {
	whole := frameOfAll()
	for i := range whole {
		_, err := Read(whole[:i])
		assert.Error(t, err, i)
	}
	for name, b := range map[string][]byte{
		"more":          append(frameOfAll(), 0),
		"huge array":    {0x97, 1, 0, 0, 1, 0xc2, 0xc4, 0, 0xdd, 0xff, 0xff, 0xff, 0xff},
		"odd uids":      {0x97, 1, 0, 0, 1, 0xc2, 0xc4, 1, 9, 0x90},
		"uid not there": {0x97, 1, 0, 0, 1, 0xc2, 0xc4, 0, 0x91, 0x96, typeAccept, 0xc0, 1, 2, 1, 0},
		"few fields":    {0x97, 1, 0, 0, 1, 0xc2, 0xc4, 0, 0x91, 0x93, typeAccept, 0xc0, 1},
	} {
		_, err := Read(b)
		assert.Error(t, err, name)
	}
}

func TestSession(t *testing.T) {
	s, err := ReadSession(AppendSession(nil, 300))
	require.NoError(t, err)
	assert.Equal(t, uint64(300), s)
	_, err = ReadSession([]byte{1})
	assert.Error(t, err)
}

func FuzzRead(f *testing.F) {
	f.Add(frameOfAll())
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := Read(b)
		if err != nil {
			return
		}
		var again Frame
		for _, r := range all.Messages {
			again.Add(r.Msg, r.State)
		}
		twice, err := Read(again.Append(nil, Head{}))
		require.NoError(t, err)
		assert.Equal(t, len(all.Messages), len(twice.Messages))
	})
}

func Example() {
	var f Frame
	f.Add(ownership.Offer{P: 7}, ownership.State{})
	arrived, err := Read(f.Append(nil, Head{}))
	fmt.Println(arrived.Messages[0].Msg.(ownership.Offer).P, err)
	// Output: 7 <nil>
}
