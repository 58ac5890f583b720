package audit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

const ms = time.Millisecond

// at is a hit of cost 1 on key k that was sent at the instant and answered a millisecond later.
func at(sent time.Duration, v Verdict, used int64) Answer {
	return Answer{Key: "k", Cost: 1, Due: sent, Sent: sent, Received: sent + ms, Verdict: v, Used: used}
}

func of(a Answer, change func(*Answer)) Answer {
	change(&a)
	return a
}

func by(owner string, term uint64) func(*Answer) {
	return func(a *Answer) { a.Owner, a.Term = owner, term }
}

func degraded(a *Answer) { a.Degraded = true }

// Guarantee 1.
func TestWhatIsRememberedIsHeldAgainstWhatWasTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		log           []Answer
		used          int64
		lost, surplus int64
	}{
		"all is there":                     {[]Answer{at(0, Admitted, 1), at(1, Admitted, 2), at(2, Denied, 2)}, 2, 0, 0},
		"one is lost":                      {[]Answer{at(0, Admitted, 1), at(1, Admitted, 2)}, 1, 1, 0},
		"one was charged twice":            {[]Answer{at(0, Admitted, 1)}, 2, 0, 1},
		"a denied one was charged":         {[]Answer{at(0, Denied, 0)}, 1, 0, 1},
		"an unknown one was charged":       {[]Answer{at(0, Unknown, 0)}, 1, 0, 0},
		"an unknown one was not":           {[]Answer{at(0, Unknown, 0)}, 0, 0, 0},
		"an unknown one was charged twice": {[]Answer{at(0, Unknown, 0)}, 2, 0, 1},
		"a degraded one is not the owner's": {
			[]Answer{of(at(0, Admitted, 1), degraded)}, 0, 0, 0},
	} {
		used := map[string]int64{"k": c.used}
		assert.Equal(t, c.lost, Sum(Lost(c.log, used)), name)
		assert.Equal(t, c.surplus, Sum(Surplus(c.log, used)), name)
	}
}

// Guarantee 2.
func TestAdmittedIsHeldAgainstTheBound(t *testing.T) {
	t.Parallel()
	bound := func(string) int64 { return 2 }
	for name, c := range map[string]struct {
		log             []Answer
		excess, missing int64
	}{
		"to the limit":            {[]Answer{at(0, Admitted, 1), at(1, Admitted, 2), at(2, Denied, 2)}, 0, 0},
		"one too many":            {[]Answer{at(0, Admitted, 1), at(1, Admitted, 2), at(2, Admitted, 2)}, 1, 0},
		"denied too early":        {[]Answer{at(0, Admitted, 1), at(1, Denied, 1)}, 0, 1},
		"denied all":              {[]Answer{at(0, Denied, 0)}, 0, 2},
		"maybe at the limit":      {[]Answer{at(0, Admitted, 1), at(1, Unknown, 0), at(2, Denied, 2)}, 0, 0},
		"not at the limit":        {[]Answer{at(0, Admitted, 1)}, 0, 0},
		"beyond it, degraded":     {[]Answer{at(0, Admitted, 1), at(1, Admitted, 2), of(at(2, Admitted, 0), degraded)}, 0, 0},
		"denied, but degraded":    {[]Answer{of(at(0, Denied, 0), degraded)}, 0, 0},
		"unknown beyond it":       {[]Answer{at(0, Admitted, 1), at(1, Admitted, 2), at(2, Unknown, 0)}, 0, 0},
		"a high cost at a stroke": {[]Answer{of(at(0, Admitted, 3), func(a *Answer) { a.Cost = 3 })}, 1, 0},
	} {
		assert.Equal(t, c.excess, Sum(Excess(c.log, bound)), name)
		assert.Equal(t, c.missing, Sum(Missing(c.log, bound)), name)
	}
	assert.Equal(t, map[Verdict]int{Denied: 1}, Degraded([]Answer{at(0, Denied, 0), of(at(0, Denied, 0), degraded)}))
}

// Guarantee 3.
func TestAHitThatIsAdmittedAfterADenialIsFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		log   []Answer
		found int
	}{
		"admitted after":       {[]Answer{at(0, Denied, 1), at(5*ms, Admitted, 1)}, 1},
		"admitted before":      {[]Answer{at(0, Admitted, 1), at(5*ms, Denied, 1)}, 0},
		"at the same time":     {[]Answer{at(0, Denied, 1), at(ms, Admitted, 1)}, 0},
		"degraded":             {[]Answer{at(0, Denied, 1), of(at(5*ms, Admitted, 1), degraded)}, 0},
		"after a degraded one": {[]Answer{of(at(0, Denied, 1), degraded), at(5*ms, Admitted, 1)}, 0},
		"a smaller cost":       {[]Answer{of(at(0, Denied, 1), func(a *Answer) { a.Cost = 2 }), at(5*ms, Admitted, 2)}, 0},
		"another key":          {[]Answer{of(at(0, Denied, 1), func(a *Answer) { a.Key = "j" }), at(5*ms, Admitted, 1)}, 0},
	} {
		assert.Len(t, Reopened(c.log), c.found, name)
	}
}

// Guarantee 4.
func TestAnswersThatALaterOwnerForgotAreFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		log   []Answer
		found []int64 // used
	}{
		"none":                   {[]Answer{at(0, Admitted, 1), at(5*ms, Admitted, 2), at(10*ms, Admitted, 3)}, nil},
		"the last two":           {[]Answer{at(0, Admitted, 1), at(5*ms, Admitted, 2), at(10*ms, Admitted, 3), at(15*ms, Admitted, 2)}, []int64{2, 3}},
		"all":                    {[]Answer{at(0, Admitted, 1), at(5*ms, Admitted, 2), at(10*ms, Admitted, 1)}, []int64{1, 2}},
		"answers cross":          {[]Answer{at(0, Admitted, 2), at(ms/2, Admitted, 1)}, nil},
		"an unknown one between": {[]Answer{at(0, Admitted, 1), at(5*ms, Unknown, 0), at(10*ms, Admitted, 3)}, nil},
		"a degraded one":         {[]Answer{at(0, Admitted, 1), of(at(5*ms, Admitted, 1), degraded)}, nil},
	} {
		var used []int64
		for _, a := range Forgotten(c.log) {
			used = append(used, a.Used)
		}
		assert.Equal(t, c.found, used, name)
	}
	one := func(string) int { return 1 }
	assert.Equal(t, 9*ms, Span([]Answer{at(10*ms, Admitted, 1), at(3*ms, Admitted, 2), at(12*ms, Admitted, 1)}, one))
	assert.Zero(t, Span([]Answer{at(10*ms, Admitted, 1)}, one))
	assert.Zero(t, Span(nil, one))
}

// Guarantee 5.
func TestAnswersOfAReplacedOwnerAreFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		log   []Answer
		found int
	}{
		"one owner after the other": {[]Answer{of(at(0, Admitted, 1), by("a", 1)), of(at(5*ms, Admitted, 2), by("b", 2))}, 0},
		"back again":                {[]Answer{of(at(0, Admitted, 1), by("a", 1)), of(at(5*ms, Admitted, 2), by("b", 2)), of(at(9*ms, Admitted, 3), by("a", 1))}, 1},
		"two in one term":           {[]Answer{of(at(0, Admitted, 1), by("a", 1)), of(at(5*ms, Admitted, 2), by("b", 1))}, 1},
		"crossing":                  {[]Answer{of(at(0, Admitted, 1), by("b", 2)), of(at(ms/2, Admitted, 2), by("a", 1))}, 0},
		"unknown terms":             {[]Answer{of(at(0, Admitted, 1), by("b", 2)), at(5*ms, Admitted, 2)}, 0},
		"degraded":                  {[]Answer{of(at(0, Admitted, 1), by("b", 2)), of(of(at(5*ms, Admitted, 2), by("a", 1)), degraded)}, 0},
	} {
		assert.Len(t, Stale(c.log), c.found, name)
	}
	late := of(of(at(0, Admitted, 1), by("a", 1)), func(a *Answer) { a.Received = 20 * ms }) // sent before b was told
	log := []Answer{late, of(at(5*ms, Admitted, 1), by("b", 2))}
	assert.Empty(t, Stale(log))
	assert.Len(t, StaleSince(log, "a", 10*ms), 1)
	assert.Empty(t, StaleSince(log, "b", 10*ms))
	assert.Empty(t, StaleSince(log, "a", 30*ms))
}

// Guarantee 6.
func TestHitsThatWereNotDecidedAreFound(t *testing.T) {
	t.Parallel()
	try := func(hit, attempt int, v Verdict) Answer {
		return of(at(0, v, 0), func(a *Answer) { a.Hit, a.Attempt = hit, attempt })
	}
	log := []Answer{
		try(1, 0, Admitted), try(2, 0, Unknown), try(3, 0, Unknown), try(2, 1, Denied), try(3, 1, Unknown),
		of(try(4, 0, Admitted), degraded),
	}
	assert.Len(t, Hits(log), 4)
	failed := Failed(log)
	if assert.Len(t, failed, 1) {
		assert.Equal(t, 3, failed[0].Hit)
	}
}

// Guarantee 7.
func TestTimesCountFromWhenAHitWasDue(t *testing.T) {
	t.Parallel()
	took := func(hit int, due, wait time.Duration) Answer {
		return of(at(due+wait-ms, Admitted, 0), func(a *Answer) { a.Hit, a.Due = hit, due })
	}
	log := []Answer{took(1, 0, 5*ms), took(2, 10*ms, 90*ms), took(3, 1500*ms, 3*ms)}
	assert.Equal(t, []time.Duration{5 * ms, 90 * ms, 3 * ms}, Latencies(log))
	assert.Equal(t, []time.Duration{90 * ms, 3 * ms}, PerSecond(log, 0.99))
	assert.Len(t, Between(log, 10*ms, 1500*ms), 1)

	times := []time.Duration{4, 1, 3, 2}
	assert.Equal(t, time.Duration(2), Percentile(times, 0.5))
	assert.Equal(t, time.Duration(4), Percentile(times, 0.99))
	assert.Equal(t, time.Duration(1), Percentile(times, 0))
	assert.Zero(t, Percentile(nil, 0.5))

	log = []Answer{
		at(0, Admitted, 1),                  // before
		of(at(3*ms, Admitted, 1), degraded), // nobody's decision
		at(4*ms, Unknown, 0),
		at(8*ms, Denied, 1),
		at(9*ms, Admitted, 1),
	}
	assert.Equal(t, map[string]time.Duration{"k": 7 * ms, "j": forever}, Outages(log, []string{"k", "j"}, 2*ms))
}

// Guarantee 8.
func TestSharesAreCountedByNode(t *testing.T) {
	t.Parallel()
	on := func(node string) func(*Answer) { return func(a *Answer) { a.Asked, a.Degraded = node, true } }
	log := []Answer{
		of(at(0, Admitted, 1), on("a")), of(at(1, Admitted, 2), on("a")), of(at(2, Denied, 2), on("a")),
		of(at(3, Admitted, 1), on("b")), at(4, Admitted, 1),
	}
	assert.Equal(t, map[Share]int64{{"a", "k"}: 2, {"b", "k"}: 1}, Shares(log))
}
