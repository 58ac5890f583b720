package node

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/node/internal/memnet"
)

// plan is what happens in a bubble, as a text that can be kept: a line for each step.
//
//	seed 7          of the clients
//	nodes 3         that are there from the start
//	sync | async    replication
//	latency 1ms     one way
//	hit 4 20        20 hits of key 4 at once
//	join            another node
//	leave n1        as on SIGTERM
//	crash n1        as on SIGKILL
//	restart n1      a crash, and at once another process of that name at that address
//	pause n1 700ms
//	split n0,n2     the two sides hear nothing of each other
//	part n0,n2      the two sides reject each other
//	cut n0 n1       n1 hears nothing of n0
//	reject n0 n1    a firewall rejects what n0 sends to n1
//	heal
//	wait 500ms
//	settle          wait until all is as it should be, and check
type plan struct {
	seed        uint64
	nodes       int
	replication Replication
	latency     time.Duration
	steps       []string
}

func (p plan) String() string {
	return fmt.Sprintf("seed %d\nnodes %d\n%s\nlatency %v\n%s\n", p.seed, p.nodes, p.replication, p.latency, strings.Join(p.steps, "\n"))
}

// readPlan is the opposite of String.
func readPlan(text string) (p plan, err error) {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "":
		case "seed":
			p.seed, err = strconv.ParseUint(rest, 10, 64)
		case "nodes":
			p.nodes, err = strconv.Atoi(rest)
		case "sync", "async":
			p.replication = Replication(word)
		case "latency":
			p.latency, err = time.ParseDuration(rest)
		default:
			p.steps = append(p.steps, strings.TrimSpace(line))
		}
		if err != nil {
			return p, err
		}
	}
	return p, nil
}

// planner draws the steps of a plan: the state machine behind it knows who runs, and nothing else.
type planner struct {
	plan
	names   []string
	started int
	cut     bool
}

// newPlan draws a plan of such steps; each word is as likely as it is often in the list.
func newPlan(t *rapid.T, words []string) plan {
	p := &planner{plan: plan{
		seed: rapid.Uint64Range(1, 1<<16).Draw(t, "seed"), nodes: rapid.IntRange(2, 4).Draw(t, "nodes"), replication: rapid.SampledFrom([]Replication{Sync, Sync, Async}).Draw(t, "replication"),
		latency: rapid.SampledFrom([]time.Duration{200 * time.Microsecond, time.Millisecond, 4 * time.Millisecond, 10 * time.Millisecond}).Draw(t, "latency"),
	}}
	for range p.nodes {
		p.joined()
	}
	p.steps = append(p.steps, "settle")
	for range rapid.IntRange(3, 14).Draw(t, "steps") {
		p.step(t, rapid.SampledFrom(words).Draw(t, "step"))
	}
	if p.cut {
		p.steps = append(p.steps, "heal")
	}
	p.steps = append(p.steps, "settle")
	return p.plan
}

func (p *planner) joined() {
	p.names = append(p.names, fmt.Sprintf("n%d", p.started))
	p.started++
}

func (p *planner) step(t *rapid.T, word string) {
	name := func() string { return rapid.SampledFrom(p.names).Draw(t, "node") }
	millis := func(from, to int) time.Duration {
		return time.Duration(rapid.IntRange(from, to).Draw(t, "ms")) * time.Millisecond
	}
	say := func(format string, args ...any) { p.steps = append(p.steps, fmt.Sprintf(format, args...)) }
	hit := func() {
		say("hit %d %d", rapid.IntRange(0, bubbleKeys-1).Draw(t, "key"), rapid.IntRange(1, 40).Draw(t, "hits"))
	}
	busy := func() { // so that something is under way
		for range rapid.IntRange(0, 3).Draw(t, "bursts") {
			hit()
			say("wait %v", millis(1, 20))
		}
	}
	switch word {
	case "hit":
		hit()
	case "join":
		if len(p.names) < 6 {
			p.joined()
			say("join")
		}
	case "leave", "crash":
		if len(p.names) > 1 {
			i := rapid.IntRange(0, len(p.names)-1).Draw(t, "node")
			if word == "crash" {
				busy()
			}
			say("%s %s", word, p.names[i])
			p.names = append(p.names[:i:i], p.names[i+1:]...)
		}
	case "restart":
		if len(p.names) > 1 {
			busy()
			say("restart %s", name())
		}
	case "pause":
		say("pause %s %v", name(), millis(50, 1300))
	case "split", "part":
		if !p.cut && len(p.names) > 1 {
			var side []string
			for mask := rapid.IntRange(1, 1<<len(p.names)-2).Draw(t, "side"); mask != 0; mask &= mask - 1 {
				side = append(side, p.names[bits.TrailingZeros(uint(mask))])
			}
			p.cut = true
			say("%s %s", word, strings.Join(side, ","))
			say("wait %v", millis(100, 7000)) // on either side of what it takes to notice
		}
	case "cut", "reject":
		if from, to := name(), name(); from != to {
			p.cut = true
			say("%s %s %s", word, from, to)
		}
	case "heal":
		if p.cut {
			p.cut = false
			say("heal")
		}
	case "wait":
		say("wait %v", millis(1, 4000))
	case "settle":
		if !p.cut {
			say("settle")
		}
	}
}

// do carries out one step.
func (b *bubble) do(step string) {
	f := append(strings.Fields(step), "", "")
	r := b.resident(f[1])
	duration := func(s string) time.Duration {
		d, err := time.ParseDuration(s)
		if err != nil {
			b.blame("%s: %v", step, err)
		}
		return d
	}
	switch f[0] {
	case "hit":
		b.burst(f[1], f[2])
	case "join":
		b.join("")
	case "leave":
		b.leave(r)
	case "crash", "restart":
		b.precarious()
		b.crash(r)
		if f[0] == "restart" {
			b.join(r.name)
		}
	case "pause":
		b.precarious()
		b.pause(r, duration(f[2]))
	case "split", "part":
		b.settle()
		b.split(strings.Split(f[1], ","), map[string]memnet.State{"split": memnet.Silent, "part": memnet.Rejects}[f[0]])
	case "cut", "reject":
		b.cut(r, b.resident(f[2]), map[string]memnet.State{"cut": memnet.Silent, "reject": memnet.Rejects}[f[0]])
	case "heal":
		b.heal()
		if b.fault.split {
			b.settle()
		}
	case "wait":
		time.Sleep(duration(f[1]))
	case "settle":
		b.settle()
	default:
		b.blame("unknown step %q", step)
	}
}

// precarious waits until one crash more loses nothing, if there was one before, or if there was only one copy.
func (b *bubble) precarious() {
	b.mu.Lock()
	settle := (b.fault.crashed || b.few) && !b.fault.messy
	b.mu.Unlock()
	if settle {
		b.settle()
	}
}

// burst has so many clients hit a key at once.
func (b *bubble) burst(key, hits string) {
	k, err1 := strconv.Atoi(key)
	n, err2 := strconv.Atoi(hits)
	if err1 != nil || err2 != nil || k >= len(b.keys) {
		b.blame("hit %q %q", key, hits)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for range n {
		b.hitLocked(b.keys[k], b.anyone())
	}
}
