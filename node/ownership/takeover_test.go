package ownership

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whoever asks again for a copy that stands in line does not have it go to the end of the line.
func TestPullAgain(t *testing.T) {
	owner := Term{7, UID{1}, UID{1}}
	m, err := New(Config{Self: UID{2}, Partitions: 1})
	require.NoError(t, err)
	m.Step(0, ViewChanged{[]Member{{UID{1}, Active}, {UID{2}, Active}, {UID{3}, Active}}, fixedRing{{1}, {2}, {3}}})
	m.Step(1, Received{UID{1}, Repl{P: 0, Term: owner, Stream: 1}, State{Seq: 5}})
	asked := func(round uint64) []Effect {
		return m.Step(2, Received{UID{3}, Pull{P: 0, Round: round, Version: Version{owner, 5}}, State{}})
	}
	first, ok := asked(1)[0].(Stream)
	require.True(t, ok)
	assert.Empty(t, asked(2))
	sent := Send{To: UID{3}, Msg: Copy{0, 2, Version{owner, 5}, first.Stream, 4}, Bulk: true}
	assert.Equal(t, []Effect{sent}, m.Step(3, Streamed{P: 0, To: UID{3}, Stream: first.Stream, Chunks: 4}))
	again, ok := asked(3)[0].(Stream)
	assert.True(t, ok, "what was sent may be lost")
	assert.NotEqual(t, first.Stream, again.Stream)
}
