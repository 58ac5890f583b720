package cluster

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// flood hits fresh keys in batches and counts the answers by status; 200 stands for those that were admitted.
func (p *process) flood(first, keys int) map[int]int {
	p.t.Helper()
	statuses := map[int]int{}
	for ; keys > 0; keys -= 1000 {
		var b bytes.Buffer
		b.WriteString(`{"requests":[`)
		for i := range min(keys, 1000) {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `{"op":"hit","key":"flood:%d","rate":"10/day"}`, first)
			first++
		}
		b.WriteString(`]}`)
		res, err := client.Post(p.http+"/v1/batch", "application/json", &b)
		require.NoError(p.t, err)
		require.Equal(p.t, http.StatusOK, res.StatusCode)
		var answer struct {
			Responses []struct {
				Allowed bool
				Error   *struct{ Status int }
			}
		}
		require.NoError(p.t, json.NewDecoder(res.Body).Decode(&answer))
		res.Body.Close()
		for _, r := range answer.Responses {
			switch {
			case r.Error != nil:
				statuses[r.Error.Status]++
			case r.Allowed:
				statuses[http.StatusOK]++
			default:
				statuses[http.StatusTooManyRequests]++
			}
		}
	}
	return statuses
}

// resident is the memory that the process holds, in bytes; 0 where the system does not tell.
func (p *process) resident() int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, line, _ := strings.Cut(string(b), "VmRSS:")
	kib, _ := strconv.Atoi(strings.Fields(line + " 0")[0])
	return kib << 10
}

// F19 and I13: ten times the keys that fit do not make a node forget a limit, nor grow: they are refused.
func TestAFloodOfKeys(t *testing.T) {
	t.Parallel()
	const (
		name    = "F19 flood of keys"
		maxKeys = 10_000
		budget  = 192 << 20 // two hundred times what so many keys take
	)
	awayFromMidnight(t, time.Hour)
	p := start(t, "n1", "--max-keys", fmt.Sprint(maxKeys))
	const victim = `{"key":"victim","rate":"100/day","cost":%d}`
	require.Equal(t, 200, p.post("/v1/hit", victim, 60).Status)
	first := p.flood(0, maxKeys)
	full := p.resident()
	statuses := p.flood(maxKeys, 10*maxKeys)
	assert.Equal(t, map[int]int{http.StatusOK: maxKeys - 1, http.StatusServiceUnavailable: 1}, first)
	report(t, statuses[http.StatusServiceUnavailable] == 10*maxKeys, name, fmt.Sprint(statuses), "all beyond the bound are overloaded (503)")
	grown := p.resident()
	report(t, grown <= budget, name, fmt.Sprintf("%d MiB, %d MiB when full", grown>>20, full>>20), "at most 192 MiB resident")
	assert.Equal(t, 200, p.post("/v1/hit", victim, 40).Status)
	refused := p.post("/v1/hit", victim, 1)
	report(t, refused.Status == 429, name, fmt.Sprint(refused.Status), "a limit that was used before holds (429)")
	assert.Equal(t, 503, p.post("/v1/hit", `{"key":"fresh","rate":"1/day"}`).Status)
}
