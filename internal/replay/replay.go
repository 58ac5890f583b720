package main

import (
	"bufio"
	"errors"
	"fmt"
	"log"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/traffik-io/traffik/strategy"
)

// Tolerances of a comparison. Decisions have none.
const (
	waitTolerance      = 1.0 // ms
	remainingTolerance = 0.001
)

// replay is a run over many traces.
type replay struct {
	registry *strategy.Registry
	log      *log.Logger // a line for each mismatch and each trace that cannot be replayed
	tallies  map[string]*tally
	broken   bool // a trace could not be replayed
}

func newReplay(log *log.Logger) (*replay, error) {
	registry, err := strategy.NewRegistry()
	return &replay{registry: registry, log: log, tallies: map[string]*tally{}}, err
}

// dir replays the *.jsonl files of a directory.
func (r *replay) dir(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("%s has no *.jsonl files", dir)
	}
	for _, name := range files {
		if err := r.file(name); err != nil {
			return err
		}
	}
	return nil
}

// maxLine bounds a line of a trace file.
const maxLine = 64 << 20

func (r *replay) file(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		where := fmt.Sprintf("%s:%d", filepath.Base(name), n)
		if err := r.line(lines.Bytes(), where); err != nil {
			r.log.Printf("%s: %v", where, err)
			r.broken = true
		}
	}
	return errors.Join(lines.Err())
}

// line replays one line, which is an input of the rate parser or a trace.
func (r *replay) line(line []byte, where string) error {
	if len(line) == 0 {
		return nil
	}
	if in, err := parseInput(line); err == nil {
		r.rate(in, where)
		return nil
	}
	t, err := parseTrace(line)
	if err != nil {
		return err
	}
	policies, err := t.policies(r.registry)
	if err != nil {
		return err
	}
	run := &traceRun{trace: t, tally: r.tally(t.Strategy), where: where, log: r.log, seen: original{trace: t}}
	return run.all(policies)
}

func (r *replay) tally(name string) *tally {
	if r.tallies[name] == nil {
		r.tallies[name] = &tally{}
	}
	return r.tallies[name]
}

// report prints a line for each strategy, and one for rates.
func (r *replay) report(out *log.Logger) {
	for _, name := range slices.Sorted(maps.Keys(r.tallies)) {
		out.Println(name, r.tallies[name])
	}
}

// failed says that there was a mismatch or an unreadable trace, or that nothing was compared.
func (r *replay) failed() bool {
	compared, mismatches := 0, 0
	for _, t := range r.tallies {
		compared += t.compared
		mismatches += t.mismatches
	}
	return r.broken || mismatches > 0 || compared == 0
}

// traceRun is one trace while it is replayed.
type traceRun struct {
	*trace
	*tally
	where   string
	log     *log.Logger
	records strategy.Records
	seen    original
	parted  string // the name that excludes all that follows; "" while decisions agree
}

// all replays every operation.
func (t *traceRun) all(policies []*strategy.Policy) error {
	t.traces++
	for i, op := range t.Ops {
		if t.parted == "" {
			t.parted = t.partsAt(i)
		}
		h := strategy.NewHit(t.Key, policies[i])
		now := strategy.Time(op.TimeMS * 1000)
		var done bool
		var err error
		if op.Op == "hit" {
			h.Cost = *op.Cost
			done, err = t.hit(i, op, h, now)
		} else {
			err = t.stat(i, op, h, now)
		}
		if err != nil || done {
			return err
		}
	}
	return nil
}

// hit replays a hit; done says that the decisions parted, against expectation.
func (t *traceRun) hit(i int, op operation, h strategy.Hit, now strategy.Time) (done bool, err error) {
	want := op.WaitMS == 0
	if t.parted == "" {
		d, err := t.records.Decide(now, h, true)
		switch {
		case err != nil:
			return false, err
		case d.Allowed == want:
			t.compared++
			t.agreed(i, op, d)
			return false, nil
		}
		if t.parted = t.seen.parts(op); t.parted == "" {
			t.compared++
			t.mismatch(i, "allowed=%v, want %v", d.Allowed, want)
			return true, nil
		}
	}
	t.exclude(t.parted)
	if !want {
		t.exclude(t.parted)
	}
	return false, nil
}

// agreed goes on with a hit that was decided alike: it compares the waits of refusals.
func (t *traceRun) agreed(i int, op operation, d strategy.Decision) {
	if t.seen.hit(op); !d.Allowed {
		t.compare(i, comparison{hitWait, millis(d.Wait), float64(op.WaitMS), waitTolerance})
	}
}

// stat replays a stat.
func (t *traceRun) stat(i int, op operation, h strategy.Hit, now strategy.Time) error {
	if t.parted != "" {
		t.exclude(t.parted)
		t.exclude(t.parted)
		return nil
	}
	st, ok, err := t.records.Stat(now, h)
	if err != nil || !ok {
		return errors.Join(err, fmt.Errorf("ops[%d]: no stat", i))
	}
	remaining := comparison{statRemaining, st.Remaining, float64(op.Remaining), remainingTolerance}
	wait := comparison{statWait, millis(st.Wait), float64(op.WaitMS), waitTolerance}
	// A label tells of one result of a stat, the first that differs: where what remains does, the wait may too.
	if why := t.compare(i, remaining); why != "" && !remaining.alike() && !wait.alike() {
		t.exclude(why)
		return nil
	}
	t.compare(i, wait)
	return nil
}

// comparison is one result beside that of the original.
type comparison struct {
	what                 result
	got, want, tolerance float64
}

func (c comparison) alike() bool { return c.got == c.want || math.Abs(c.got-c.want) <= c.tolerance }

// compare compares one result, unless it is excluded; then it returns the name of what excludes it.
func (t *traceRun) compare(i int, c comparison) (excluded string) {
	name := t.excludedBy(i, c.what)
	if name == "" && !c.alike() {
		name = t.seen.hides(t.Ops[i], c.what)
	}
	if name != "" {
		t.exclude(name)
		return name
	}
	if t.compared++; !c.alike() {
		t.mismatch(i, "%s=%v, want %v", c.what, c.got, c.want)
	}
	return ""
}

func (t *traceRun) mismatch(i int, format string, args ...any) {
	t.mismatches++
	t.log.Printf("%s: %s ops[%d] %s: %s", t.where, t.Strategy, i, t.Ops[i].Op, fmt.Sprintf(format, args...))
}

// millis is a wait in the unit of a trace; one that never ends is infinite.
func millis(wait time.Duration) float64 {
	if wait == strategy.Never {
		return math.Inf(1)
	}
	return float64(wait) / float64(time.Millisecond)
}
