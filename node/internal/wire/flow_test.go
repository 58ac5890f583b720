package wire

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/vmihailenco/msgpack/v5"
)

var someChanges = []Change{
	{P: 16383, Term: t1, From: 5, Seq: 70000, Clock: 1 << 50, Records: []byte("records"), IDs: []byte("ids")},
	{Term: t2, Seq: 1, Records: bytes.Repeat([]byte{7}, 300)},
}

func changesOf(all []Change, session uint64) []byte {
	var c Changes
	c.Add(&Change{P: 99, Term: t1})
	c.Reset()
	for i := range all {
		c.Add(&all[i])
	}
	return c.Append(nil, session)
}

// Guarantee 1, for changes.
func TestReadsTheChangesThatWereAdded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 300))
		all := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Change {
			x := Change{P: rapid.Uint32().Draw(t, "p"), Term: t1, From: number.Draw(t, "from"), Seq: number.Draw(t, "seq"), Clock: number.Draw(t, "clock")}
			x.Term.N = number.Draw(t, "n")
			x.Records = rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "records")
			x.IDs = rapid.SliceOfN(rapid.Byte(), 0, 9).Draw(t, "ids")
			return x
		}), 0, 40).Draw(t, "changes")
		session, got, err := ReadChanges(changesOf(all, 12), nil)
		require.NoError(t, err)
		assert.EqualValues(t, 12, session)
		require.Len(t, got, len(all))
		for i := range all {
			assert.Equal(t, all[i], got[i])
		}
	})
	// The package that others use reads them too.
	var any []any
	require.NoError(t, msgpack.Unmarshal(changesOf(someChanges, 1), &any))
	assert.Len(t, any[changesFields-1], len(someChanges))
}

// Guarantee 2, for changes.
func TestChangesArePinned(t *testing.T) {
	const pinned = "940102c42001000000000000000000000000000000020000000000000000000000000000099199cd3fffcd012c010205ce00011170cf0004000000000000c4077265636f726473c403696473"
	assert.Equal(t, pinned, hex.EncodeToString(changesOf(someChanges[:1], 2)))
}

// Guarantee 3, for changes.
func TestMalformedChanges(t *testing.T) {
	whole := changesOf(someChanges, 300)
	for i := range whole {
		_, _, err := ReadChanges(whole[:i], nil)
		assert.Error(t, err, i)
	}
	_, _, err := ReadChanges(append(whole, 0), nil)
	assert.Error(t, err)
	_, _, err = ReadTaken([]byte{0x92, 1, 0xdd, 0xff, 0xff, 0xff, 0xff})
	assert.Error(t, err)
}

// Guarantee 4, for changes.
func TestLaterChanges(t *testing.T) {
	b, err := msgpack.Marshal([]any{
		uint8(1), uint8(5), u1[:],
		[]any{[]any{uint8(3), uint8(9), uint8(1), uint8(0), uint8(1), uint8(2), uint8(0), []byte("r"), []byte("i"), "more"}}, "more",
	})
	require.NoError(t, err)
	session, got, err := ReadChanges(b, nil)
	require.NoError(t, err)
	assert.EqualValues(t, 5, session)
	require.Len(t, got, 1)
	assert.Equal(t, []byte("i"), got[0].IDs)
	assert.Equal(t, u1, got[0].Term.Owner)
}

func TestTaken(t *testing.T) {
	for _, lacks := range [][]uint64{nil, {0, 300}} {
		session, got, err := ReadTaken(AppendTaken(nil, 70000, lacks))
		require.NoError(t, err)
		assert.EqualValues(t, 70000, session)
		assert.Equal(t, lacks, got)
	}
}

func FuzzReadChanges(f *testing.F) {
	f.Add(changesOf(someChanges, 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		session, all, err := ReadChanges(b, nil)
		if err != nil {
			return
		}
		_, twice, err := ReadChanges(changesOf(all, session), nil)
		require.NoError(t, err)
		assert.Equal(t, len(all), len(twice))
	})
}
