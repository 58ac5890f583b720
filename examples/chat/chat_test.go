package main

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain is also the main of the replicas that the tests start.
func TestMain(m *testing.M) {
	if text := os.Getenv(replicaEnv); text != "" {
		if runReplica(context.Background(), text) != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// demo runs three replicas and the page.
func demo(t *testing.T) (*front, *httptest.Server) {
	f, err := newFleet(3)
	require.NoError(t, err)
	t.Cleanup(f.stop)
	p := newFront(f)
	for i := range f.replicas {
		require.NoError(t, f.start(i))
	}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	return p, server
}

// The limit holds over three replicas, exactly while somebody decides. Between the death of the owner and the next one
// each replica admits its share.
func TestLimitSurvivesItsOwner(t *testing.T) {
	p, server := demo(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { // ends with ctx
		defer close(done)
		p.load(ctx, 200)
	}()
	defer func() { cancel(); <-done }()

	eventually(t, "full seconds under load", func(t tally) bool { return len(t.seconds) > 3 && t.owner != "" }, p)
	p.mu.Lock()
	owner := p.tally.owner
	p.mu.Unlock()
	killed := time.Now().Unix() - 1 // what was under way then is answered without an owner, and counts where it began
	res, err := server.Client().Post(server.URL+"/kill/"+string('0'+owner[len(owner)-1]-'1'), "", nil)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	assert.Equal(t, 200, res.StatusCode)
	eventually(t, "another owner", func(t tally) bool { return t.owner != owner }, p)
	at := time.Now().Unix()
	eventually(t, "seconds after it", func(t tally) bool { return t.settled > at+1 }, p)

	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.tally.seconds {
		if s.At > p.tally.settled {
			break
		}
		if s.At < killed || s.At > at {
			assert.LessOrEqual(t, int64(s.Admitted), workLimit, "with an owner the limit is exact: %v", p.tally.events)
		} else { // at worst two owners and all shares in one second
			assert.LessOrEqual(t, int64(s.Admitted), 3*workLimit)
		}
	}
	var texts []string
	for _, e := range p.tally.events {
		texts = append(texts, e.Text)
	}
	told := strings.Join(texts, "\n")
	assert.Contains(t, told, owner+" was killed, without a chance to hand over its keys. It decided for the load.")
	assert.Contains(t, told, "in place of "+owner)
}

// eventually waits for what the launcher sees to become so.
func eventually(t *testing.T, what string, so func(tally) bool, p *front) {
	require.Eventually(t, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return so(p.tally)
	}, 30*time.Second, 20*time.Millisecond, what)
}

// A visitor has one limit on messages, over whichever replicas, and everybody hears what passes.
func TestChatOverReplicas(t *testing.T) {
	p, _ := demo(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	stop, done := context.WithCancel(ctx)
	go p.watch(stop) // ends with stop
	defer done()
	<-p.complete

	var sockets []*websocket.Conn
	for _, r := range p.fleet.replicas {
		ws, _, err := websocket.Dial(ctx, "ws://"+r.HTTP+"/chat?visitor=v", nil)
		require.NoError(t, err)
		defer ws.CloseNow()
		sockets = append(sockets, ws)
	}
	limited := false
	for range 12 { // more than two times five
		for _, ws := range sockets {
			require.NoError(t, ws.Write(ctx, websocket.MessageText, []byte("hello")))
		}
	}
	for !limited {
		_, text, err := sockets[0].Read(ctx)
		require.NoError(t, err)
		var m struct{ Type string }
		require.NoError(t, json.Unmarshal(text, &m))
		limited = m.Type == "rate_limit"
	}
}

func TestTallyTellsWhatHappened(t *testing.T) {
	var b tally
	now := time.Unix(1000, 0)
	for range workLimit + 3 {
		b.count(answer{at: 990, owner: "a", admitted: true})
	}
	b.count(answer{at: 991, owner: "b"})
	b.count(answer{at: 991, degraded: true, admitted: true})
	b.count(answer{at: 989, failed: true})
	b.count(answer{at: 999, owner: "c", admitted: true})
	b.settle(now)
	var texts []string
	for _, e := range b.events {
		texts = append(texts, e.Text)
	}
	require.Len(t, texts, 5)
	assert.Contains(t, texts[4], "1 requests failed")
	assert.Contains(t, texts[3], "a decides for the load now.")
	assert.Contains(t, texts[2], "53 requests were admitted, 3 above the limit")
	assert.Contains(t, texts[1], "b decides for the load now, in place of a.")
	assert.Contains(t, texts[0], "1 requests had no answer from an owner")
	b.count(answer{at: 990, admitted: true})
	assert.Len(t, b.recent(now), 4, "989, 990, 991, 999; what is late is not counted")
	for i := range 200 {
		b.count(answer{at: 1000 + int64(i), owner: "a", admitted: true})
		b.settle(time.Unix(1010+int64(i), 0))
	}
	assert.LessOrEqual(t, len(b.seconds), keptSeconds)
	assert.LessOrEqual(t, len(b.events), keptEvents)
}
