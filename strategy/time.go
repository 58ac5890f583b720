package strategy

import (
	"math"
	"time"
)

// Time is an instant on the clock of a partition, in microseconds since the Unix epoch. Everything inside a strategy
// counts in this unit; durations become time.Duration only in answers.
type Time int64

// TimeOf is the instant t in the unit of a decision, rounded down.
func TimeOf(t time.Time) Time { return Time(t.UnixMicro()) }

// Go returns t as a time.Time.
func (t Time) Go() time.Time { return time.UnixMicro(int64(t)) }

// Never is the wait of a hit whose cost can never fit: waiting does not help.
const Never time.Duration = -1

// forever is later than any instant that a valid policy can produce.
const forever Time = math.MaxInt64

// maxSpan bounds, in microseconds, every period and every time that a full bucket takes to drain: 100 years. Twice
// that span still fits a time.Duration, so no wait and no instant overflows.
const maxSpan = 100 * 365 * 24 * 3600 * 1_000_000

// micros is the period in the unit of a decision.
func (r Rate) micros() int64 { return r.periodMS * 1000 }

// wait converts microseconds to the duration of an answer. It saturates, since a policy that changed may have left a
// level that the new rate takes longer to drain than a time.Duration can say.
func wait(us int64) time.Duration {
	return time.Duration(min(us, math.MaxInt64/1000)) * time.Microsecond
}
