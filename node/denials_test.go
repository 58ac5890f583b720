package node

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/traffik-io/traffik/actor"
	"github.com/traffik-io/traffik/strategy"
)

// deniedPolicies are limits of some states, with and without refusals that hold.
var deniedPolicies = []*strategy.Policy{
	policy("10/s", nil),
	policy("20/s", nil), // of the same state
	policy("10/s", strategy.TokenBucket{}),
	policy("5/s", strategy.TieredRate{}),
	policy("5/s", strategy.PriorityQueue{}),
	policy("10/s", strategy.QuotaWithRollover{}),
	policy("10/s", strategy.FixedWindow{CountRejected: true}),
	policy("10/s", strategy.CostBasedTokenBucket{CostWindow: 3}),
	strategy.MustPolicy(
		strategy.Limit{Name: "burst", Rate: strategy.MustRate("4/s"), Strategy: strategy.GCRA{Burst: 4}},
		strategy.Limit{Name: "window", Rate: strategy.MustRate("10/2s"), Strategy: strategy.SlidingWindowLog{}},
	),
}

// forwarder is a node that forwards the hits of one key, and its owner. Policies have a state each but for the first
// two: hits of one change what the other had been told, so that the wait is not compared.
type forwarder struct {
	t        *rapid.T
	denials  denials
	owner    []strategy.Records
	now      strategy.Time
	flying   []flight
	refunded strategy.Time // when the latest refund came back
	learned  int
	repeated int
}

// flight is a hit on its way.
type flight struct {
	h              strategy.Hit
	sent, at, back strategy.Time
	told           *strategy.Decision // after at
}

var deniedKey = actor.Key{Hi: 1, Lo: 2}

// pass has time pass, and with it the owner decide and its answers come back.
func (f *forwarder) pass(d strategy.Time) {
	end := f.now + d
	for f.now < end {
		next := end
		for _, x := range f.flying {
			if next = min(next, x.back); x.told == nil {
				next = min(next, x.at)
			}
		}
		f.now = next
		for i := range f.flying {
			x := &f.flying[i]
			if x.at == f.now && x.told == nil {
				told := f.decide(x.h, true)
				x.told = &told
			}
			if x.back == f.now {
				f.land(x)
			}
		}
		f.flying = slices.DeleteFunc(f.flying, func(x flight) bool { return x.back <= f.now })
	}
}

func (f *forwarder) land(x *flight) {
	f.denials.learn(deniedKey, &x.h, x.told, x.sent)
	_, holds := x.h.Policy.Class(x.h)
	again := f.denials.find(deniedKey, &x.h, f.now)
	if x.told.Allowed || !holds || x.sent <= f.refunded {
		return
	}
	f.learned++
	require.Equal(f.t, f.now < x.sent+f.least(x.told), again != nil, "sent at %d, told %+v", x.sent, x.told)
}

// least is for how long a refusal holds, by the words of the design.
func (f *forwarder) least(d *strategy.Decision) strategy.Time {
	waits := []time.Duration{time.Second}
	for _, v := range append(d.Limits, strategy.LimitVerdict{Verdict: d.Verdict}) {
		if !v.Allowed && v.Wait != strategy.Never {
			waits = append(waits, v.Wait)
		}
	}
	return strategy.Time(slices.Min(waits) / time.Microsecond)
}

func (f *forwarder) records(p *strategy.Policy) *strategy.Records {
	return &f.owner[max(slices.Index(deniedPolicies, p), 1)]
}

func (f *forwarder) decide(h strategy.Hit, charge bool) strategy.Decision {
	d, err := f.records(h.Policy).Decide(f.now, h, charge)
	require.NoError(f.t, err)
	d.Owner = "owner"
	return d
}

// hit sends a hit, unless it is refused here: then the owner would have refused it, too, and for as long at least.
func (f *forwarder) hit(h strategy.Hit) {
	x := f.denials.find(deniedKey, &h, f.now)
	if x == nil {
		at := f.now + strategy.Time(rapid.IntRange(1, 40).Draw(f.t, "there"))
		f.flying = append(f.flying, flight{h: h, sent: f.now, at: at, back: at + strategy.Time(rapid.IntRange(1, 40).Draw(f.t, "and back"))})
		return
	}
	f.repeated++
	a := x.answer(f.now)
	truth := f.decide(h, false)
	require.False(f.t, a.Allowed || a.Degraded)
	require.Equal(f.t, "owner", a.Owner)
	if h.Policy == deniedPolicies[0] || h.Policy == deniedPolicies[1] {
		return // they share a state, of which each sees the other's changes only when it asks
	}
	require.False(f.t, truth.Allowed, "cost %d at %d is refused late: %+v", h.Cost, f.now, x)
	require.Less(f.t, a.Remaining, float64(h.Cost))
	require.Equal(f.t, len(truth.Limits), len(a.Limits))
	if len(a.Limits) == 0 { // else another limit may be the tightest now
		require.Equal(f.t, truth.Limit, a.Limit)
		require.Equal(f.t, truth.Period, a.Period)
	}
	for i, l := range append(a.Limits, strategy.LimitVerdict{Verdict: a.Verdict}) {
		require.Equal(f.t, l.Allowed, l.Wait == 0, "limit %d: %+v", i, l)
	}
	if truth.Wait != strategy.Never {
		require.Positive(f.t, a.Wait)
		require.LessOrEqual(f.t, a.Wait, truth.Wait, "cost %d at %d", h.Cost, f.now)
	}
	require.LessOrEqual(f.t, f.now-x.sent, strategy.Time(1_000_000))
}

// Guarantee 10: whatever a forwarder refuses by itself, the owner would refuse, and with a wait no shorter.
func TestDenialsAreNeverLate(t *testing.T) {
	repeated := 0
	rapid.Check(t, func(t *rapid.T) {
		f := &forwarder{t: t, owner: make([]strategy.Records, len(deniedPolicies)), now: 1_700_000_000_000_000}
		// All costs and instants are such that waits are short and straddle each other.
		policies := []*strategy.Policy{rapid.SampledFrom(deniedPolicies).Draw(t, "policy"), rapid.SampledFrom(deniedPolicies).Draw(t, "another")}
		var sent []strategy.Hit
		var at []strategy.Time
		for range rapid.IntRange(10, 60).Draw(t, "steps") {
			h := strategy.NewHit("k", rapid.SampledFrom(policies).Draw(t, "of"))
			h.Cost = rapid.OneOf(rapid.Int64Range(1, 3), rapid.Int64Range(1, 25)).Draw(t, "cost")
			h.Context = strategy.Context{
				"tier":     rapid.SampledFrom([]string{"free", "premium", "nobody"}).Draw(t, "tier"),
				"priority": rapid.Int64Range(1, 4).Draw(t, "priority"), "trace": rapid.String().Draw(t, "trace"),
			}
			switch rapid.IntRange(0, 11).Draw(t, "do") {
			case 0: // elsewhere
				f.decide(h, true)
			case 1: // a refund through this node
				if len(sent) > 0 {
					i := rapid.IntRange(0, len(sent)-1).Draw(t, "which")
					_ = f.records(sent[i].Policy).Refund(at[i], f.now, sent[i]) // may have been refused
					f.denials.clear(deniedKey, f.now)
					f.refunded = f.now
				}
			case 2:
				f.pass(strategy.Time(rapid.IntRange(1000, 400_000).Draw(t, "long")))
			case 3:
				h.MaxWait = time.Second
				require.Nil(t, f.denials.find(deniedKey, &h, f.now), "it waits")
			default:
				f.hit(h)
				sent, at = append(sent, h), append(at, f.now)
			}
			f.pass(strategy.Time(rapid.IntRange(0, 60).Draw(t, "short")))
		}
		repeated += f.repeated
	})
	assert.Greater(t, repeated, 10, "too little was refused here")
}

// What a denial depends on, each changed alone.
func TestDenialsOfOthers(t *testing.T) {
	p := policy("1/day", strategy.TieredRate{})
	refused := strategy.Decision{Verdict: strategy.Verdict{Wait: time.Hour, Limit: 5, Remaining: 1}, Period: 24 * time.Hour, Owner: "n1"}
	h := strategy.NewHit("k", p)
	h.Cost, h.Context = 3, strategy.Context{"tier": "premium", "trace": "1"}
	const sent = 1000
	for name, c := range map[string]struct {
		key    actor.Key
		change func(h *strategy.Hit)
		now    strategy.Time
		found  bool
	}{
		"the same":          {deniedKey, func(*strategy.Hit) {}, sent, true},
		"dearer":            {deniedKey, func(h *strategy.Hit) { h.Cost = 100 }, sent, true},
		"cheaper":           {deniedKey, func(h *strategy.Hit) { h.Cost = 2 }, sent, false},
		"another trace":     {deniedKey, func(h *strategy.Hit) { h.Context = strategy.Context{"tier": "premium"} }, sent, true},
		"another tier":      {deniedKey, func(h *strategy.Hit) { h.Context = nil }, sent, false},
		"an equal policy":   {deniedKey, func(h *strategy.Hit) { h.Policy = policy("1/day", strategy.TieredRate{}) }, sent, true},
		"another rate":      {deniedKey, func(h *strategy.Hit) { h.Policy = policy("2/day", strategy.TieredRate{}) }, sent, false},
		"another parameter": {deniedKey, func(h *strategy.Hit) { h.Policy = policy("1/day", strategy.TieredRate{Marker: "t:"}) }, sent, false},
		"another strategy":  {deniedKey, func(h *strategy.Hit) { h.Policy = policy("1/day", nil) }, sent, false},
		"another key":       {actor.Key{Hi: 3, Lo: deniedKey.Lo}, func(*strategy.Hit) {}, sent, false},
		"it waits":          {deniedKey, func(h *strategy.Hit) { h.MaxWait = 1 }, sent, false},
		"at the end":        {deniedKey, func(*strategy.Hit) {}, sent + 999_999, true},
		"after the end":     {deniedKey, func(*strategy.Hit) {}, sent + 1_000_000, false},
	} {
		t.Run(name, func(t *testing.T) {
			d, other := new(denials), h
			d.learn(deniedKey, &h, &refused, sent)
			c.change(&other)
			x := d.find(c.key, &other, c.now)
			require.Equal(t, c.found, x != nil)
			if x != nil {
				want := refused
				want.Wait -= time.Duration(c.now-sent) * time.Microsecond
				assert.Equal(t, want, x.answer(c.now))
			}
		})
	}
}

// What is not kept at all.
func TestRefusalsThatAreNotKept(t *testing.T) {
	for name, change := range map[string]func(h *strategy.Hit, d *strategy.Decision){
		"allowed":           func(_ *strategy.Hit, d *strategy.Decision) { d.Allowed = true },
		"degraded":          func(_ *strategy.Hit, d *strategy.Decision) { d.Degraded = true },
		"for those waiting": func(_ *strategy.Hit, d *strategy.Decision) { d.Queued = true },
		"after waiting":     func(h *strategy.Hit, _ *strategy.Decision) { h.MaxWait = time.Second },
		"recorded": func(h *strategy.Hit, _ *strategy.Decision) {
			h.Policy = policy("1/day", strategy.FixedWindow{CountRejected: true})
		},
		"custom": func(h *strategy.Hit, _ *strategy.Decision) { h.Policy = policy("1/day", silent{}) },
	} {
		t.Run(name, func(t *testing.T) {
			d, h := new(denials), strategy.NewHit("k", policy("1/day", nil))
			refused := strategy.Decision{Verdict: strategy.Verdict{Wait: time.Hour}}
			change(&h, &refused)
			d.learn(deniedKey, &h, &refused, 1)
			h.MaxWait = 0
			assert.Nil(t, d.find(deniedKey, &h, 1))
		})
	}
}

// silent is a custom strategy that says nothing of its refusals.
type silent struct{}

func (silent) Name() string { return "silent" }
func (silent) Bind(r strategy.Rate) (strategy.Algorithm, error) {
	a, err := strategy.FixedWindow{}.Bind(r)
	return struct{ strategy.Algorithm }{a}, err
}

// Of several limits that refuse, the first to allow again ends it; each keeps its own wait.
func TestDenialsOfSeveral(t *testing.T) {
	p := strategy.MustPolicy(
		strategy.Limit{Name: "burst", Rate: strategy.MustRate("1/s")}, strategy.Limit{Name: "day", Rate: strategy.MustRate("9/day")},
		strategy.Limit{Name: "year", Rate: strategy.MustRate("99/day")},
	)
	verdict := func(name string, wait time.Duration) strategy.LimitVerdict {
		return strategy.LimitVerdict{Name: name, Verdict: strategy.Verdict{Allowed: wait == 0, Wait: wait}}
	}
	told := []strategy.LimitVerdict{verdict("burst", 300*time.Millisecond), verdict("day", time.Hour), verdict("year", 0)}
	d, h := new(denials), strategy.NewHit("k", p)
	refused := strategy.Decision{Verdict: told[1].Verdict, LimitedBy: "day", Limits: told}
	d.learn(deniedKey, &h, &refused, 1000)
	want := []strategy.LimitVerdict{verdict("burst", 100*time.Millisecond), verdict("day", time.Hour-200*time.Millisecond), verdict("year", 0)}
	told[0].Name = "changed by the caller"
	for range 2 {
		a := d.find(deniedKey, &h, 201_000).answer(201_000)
		assert.Equal(t, want, a.Limits)
		assert.Equal(t, want[1].Wait, a.Wait)
		assert.Equal(t, "day", a.LimitedBy)
		a.Limits[0].Wait = 0 // as a caller may
	}
	assert.NotNil(t, d.find(deniedKey, &h, 300_999))
	assert.Nil(t, d.find(deniedKey, &h, 301_000))
}

// A refusal of a hit that was sent before something was given back is out of date, whenever it arrives.
func TestDenialsToldAfterARefund(t *testing.T) {
	h := strategy.NewHit("k", policy("1/day", nil))
	refused := strategy.Decision{Verdict: strategy.Verdict{Wait: time.Hour}}
	for sent, kept := range map[strategy.Time]bool{1000: false, 2000: false, 2001: true} {
		d := new(denials)
		d.clear(deniedKey, 2000)
		d.clear(deniedKey, 1500) // returned later
		d.learn(deniedKey, &h, &refused, sent)
		assert.Equal(t, kept, d.find(deniedKey, &h, 2001) != nil, "sent at %d", sent)
	}
}

// Never is for ever, but it is asked again after a second all the same.
func TestDeniedForEver(t *testing.T) {
	d, h := new(denials), strategy.NewHit("k", policy("1/day", nil))
	h.Cost = 2
	d.learn(deniedKey, &h, &strategy.Decision{Verdict: strategy.Verdict{Wait: strategy.Never}}, 1)
	assert.Equal(t, strategy.Never, d.find(deniedKey, &h, 1_000_000).answer(1_000_000).Wait)
	assert.Nil(t, d.find(deniedKey, &h, 1_000_001))
}

// Guarantee 6: at the bound, what ends first makes room.
func TestDenialsAreBounded(t *testing.T) {
	d, h := new(denials), strategy.NewHit("k", policy("1/day", nil))
	for i := range uint64(denialWays + 1) {
		refused := strategy.Decision{Verdict: strategy.Verdict{Wait: time.Duration(10+i) * time.Millisecond}}
		d.learn(actor.Key{Hi: i, Lo: 5}, &h, &refused, 1)
	}
	for i := range uint64(denialWays + 1) {
		assert.Equal(t, i > 0, d.find(actor.Key{Hi: i, Lo: 5}, &h, 1) != nil, "%d", i)
	}
}

// Nothing is allocated for a hit that nothing is known of, and the table is safe for concurrent use.
func TestDenialsUnderLoad(t *testing.T) {
	d, p := new(denials), policy("1/day", nil)
	var all sync.WaitGroup
	for i := range uint64(4) {
		all.Go(func() {
			h := strategy.NewHit("k", p)
			for j := range uint64(2000) {
				k := actor.Key{Hi: j % 20, Lo: i % 2}
				d.learn(k, &h, &strategy.Decision{Verdict: strategy.Verdict{Wait: time.Second}, Limits: make([]strategy.LimitVerdict, 2)}, strategy.Time(j+1))
				if x := d.find(k, &h, strategy.Time(j)); x != nil {
					_ = x.answer(strategy.Time(j))
				}
				if j%100 == 0 {
					d.clear(k, strategy.Time(j))
				}
			}
		})
	}
	all.Wait()
	h := strategy.NewHit("k", p)
	assert.Zero(t, testing.AllocsPerRun(100, func() { d.find(deniedKey, &h, 0) }))
}

// Guarantee 10, with nodes: what the owner refused is refused by the node that was asked, until something is given back.
func TestDenialsOfNodes(t *testing.T) {
	nodes := startCluster(t, 2, nil)
	p := policy("2/day", strategy.TokenBucket{})
	h := strategy.NewHit("", p)
	for i := 0; h.Key == "" || nodes[0].Owner("", h.Key, "").Owner != "n1"; i++ {
		h.Key = fmt.Sprint("key:", i)
	}
	var first strategy.Decision
	for i := range 2 {
		d, err := nodes[0].Hit(t.Context(), h)
		require.NoError(t, err)
		require.True(t, d.Allowed)
		if i == 0 {
			first = d
		}
	}
	refused, err := nodes[0].Hit(t.Context(), h)
	require.NoError(t, err)
	require.False(t, refused.Allowed)
	repeats := func() int64 { return nodes[0].Stats().Repeated }
	require.Zero(t, repeats())
	for _, ask := range []func() (strategy.Decision, error){
		func() (strategy.Decision, error) { return nodes[0].Hit(t.Context(), h) },
		func() (strategy.Decision, error) { return nodes[0].Check(t.Context(), h) },
	} {
		for attempt := 1; ; attempt++ {
			_, err := nodes[0].Hit(t.Context(), h) // asks the owner again, if it was refused more than a second ago
			require.NoError(t, err)
			before := repeats()
			d, err := ask()
			require.NoError(t, err)
			assert.Equal(t, "n1", d.Owner)
			assert.False(t, d.Allowed || d.Degraded)
			assert.LessOrEqual(t, d.Wait, refused.Wait)
			assert.Positive(t, d.Wait)
			if repeats() > before {
				break
			}
			require.Less(t, attempt, 20, "no refusal is repeated")
		}
	}
	before := repeats()
	st, ok, err := nodes[0].Stat(t.Context(), h)
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Equal(t, before, repeats(), "the owner tells how it stands")
	assert.Positive(t, st.Wait)

	require.NoError(t, nodes[0].Refund(t.Context(), h, first.At))
	d, err := nodes[0].Hit(t.Context(), h)
	require.NoError(t, err)
	assert.True(t, d.Allowed, "what was given back counts at once")
}
