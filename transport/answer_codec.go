package transport

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/traffik-io/traffik/strategy"
)

// The body of ANSWER: status, term, and by status
//
//	Decided   allowed, remaining, wait, limit, period (ms), at [, limited by, limits [, queued]]
//	Told      rate limit, rate period (ms; 0 if unlimited), remaining, wait, limit [, limits]
//	NotOwner  uid, addr
//	Failed    code, text
//
// A wait is in µs, -1 for never. Of limits, each is: name, period (ms), allowed, remaining, wait, limit.
const (
	answerFields  = 2
	decidedFields = answerFields + 6
	toldFields    = answerFields + 5
	ownerFields   = answerFields + 2
	failedFields  = answerFields + 2
	limitFields   = 6
	maxLimitName  = 64
)

// appendAnswer appends an ANSWER frame.
func appendAnswer(b []byte, stream uint64, r *HitResponse) []byte {
	start := len(b)
	b = appendFrame(b, typeAnswer, stream)
	switch r.Status {
	case Decided:
		b = appendDecided(b, r)
	case Told:
		b = appendTold(b, r)
	case NotOwner:
		b = appendAnswerHead(b, ownerFields, r)
		b = appendBinary(b, r.Owner.UID[:])
		b = appendString(b, clip(r.Owner.Addr, maxAddr))
	case Failed:
		b = appendAnswerHead(b, failedFields, r)
		b = appendUint(b, r.Code)
		b = appendString(b, clip(r.Text, maxText))
	default:
		b = appendAnswerHead(b, answerFields, r)
	}
	return endFrame(b, start)
}

func appendAnswerHead(b []byte, fields int, r *HitResponse) []byte {
	b = appendArray(b, fields)
	b = appendUint(b, uint64(r.Status))
	b = appendUint(b, r.Term)
	return b
}

func appendDecided(b []byte, r *HitResponse) []byte {
	d := &r.Decision
	several := len(d.Limits) > 0 || d.Queued
	fields := decidedFields
	if several {
		fields += 2
	}
	if d.Queued {
		fields++
	}
	b = appendAnswerHead(b, fields, r)
	b = appendBool(b, d.Allowed)
	b = appendVerdict(b, &d.Verdict)
	b = appendInt(b, d.Period.Milliseconds())
	b = appendInt(b, int64(d.At))
	if several {
		b = appendString(b, d.LimitedBy)
		b = appendLimits(b, d.Limits)
	}
	if d.Queued {
		b = appendBool(b, true)
	}
	return b
}

func appendVerdict(b []byte, v *strategy.Verdict) []byte {
	b = appendFloat(b, v.Remaining)
	b = appendWait(b, v.Wait)
	b = appendInt(b, v.Limit)
	return b
}

func appendWait(b []byte, w time.Duration) []byte {
	if w < 0 {
		return appendInt(b, -1)
	}
	return appendInt(b, micros(w))
}

func appendLimits(b []byte, limits []strategy.LimitVerdict) []byte {
	b = appendArray(b, len(limits))
	for i := range limits {
		l := &limits[i]
		b = appendArray(b, limitFields)
		b = appendString(b, l.Name)
		b = appendInt(b, l.Period.Milliseconds())
		b = appendBool(b, l.Allowed)
		b = appendVerdict(b, &l.Verdict)
	}
	return b
}

func appendTold(b []byte, r *HitResponse) []byte {
	s := r.Stat
	fields := toldFields
	if len(s.Limits) > 0 {
		fields++
	}
	b = appendAnswerHead(b, fields, r)
	b = appendInt(b, s.Rate.Limit())
	b = appendInt(b, s.Rate.PeriodMillis())
	b = appendVerdict(b, &strategy.Verdict{Remaining: s.Remaining, Wait: s.Wait, Limit: s.Limit})
	if len(s.Limits) > 0 {
		b = appendLimits(b, s.Limits)
	}
	return b
}

// clip is the first limit bytes of s.
func clip(s string, limit int) string { return s[:min(len(s), limit)] }

// answer takes the body of ANSWER into r, which is zero. All of it is copied.
func (d *decoder) answer(r *HitResponse) error {
	n := d.array(answerFields)
	r.Status, r.Term = Status(d.uint()), d.uint()
	switch r.Status {
	case Decided:
		n -= d.decided(n, &r.Decision)
	case Told:
		r.Stat = &strategy.Stat{}
		n -= d.told(n, r.Stat)
	case NotOwner:
		d.need(n, ownerFields)
		r.Owner = &Owner{UID: d.binary16(), Addr: d.string(maxAddr)}
		n -= ownerFields
	case Failed:
		d.need(n, failedFields)
		r.Code, r.Text = d.uint(), d.string(maxText)
		n -= failedFields
	case Refunded, NoStat, Overloaded:
		n -= answerFields
	default:
		d.fail(fmt.Errorf("status %d is unknown", r.Status))
	}
	d.rest(n)
	return d.done()
}

func (d *decoder) need(n, fields int) {
	if n < fields {
		d.fail(fmt.Errorf("%d fields, %d are needed", n, fields))
	}
}

// decided takes a decision and returns how many fields of the answer it took, the head included.
func (d *decoder) decided(n int, v *strategy.Decision) int {
	d.need(n, decidedFields)
	v.Allowed = d.bool()
	d.verdict(&v.Verdict)
	v.Period = d.period()
	v.At = strategy.Time(d.int())
	if n < decidedFields+2 {
		return decidedFields
	}
	v.LimitedBy = d.string(maxLimitName)
	v.Limits = d.limits()
	if n < decidedFields+3 {
		return decidedFields + 2
	}
	v.Queued = d.bool()
	return decidedFields + 3
}

func (d *decoder) verdict(v *strategy.Verdict) {
	v.Remaining = d.float()
	v.Wait = d.wait()
	v.Limit = d.int()
}

// wait takes microseconds, or -1 for never.
func (d *decoder) wait() time.Duration {
	us := d.int()
	if us == -1 {
		return strategy.Never
	}
	if us < 0 || us > math.MaxInt64/int64(time.Microsecond) {
		d.fail(fmt.Errorf("%d µs is no wait", us))
		return 0
	}
	return time.Duration(us) * time.Microsecond
}

// period takes milliseconds.
func (d *decoder) period() time.Duration {
	ms := d.int()
	if ms < 0 || ms > math.MaxInt64/int64(time.Millisecond) {
		d.fail(fmt.Errorf("%d ms is no period", ms))
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}

func (d *decoder) limits() []strategy.LimitVerdict {
	n := d.array(0)
	if n > strategy.MaxLimits {
		d.fail(errTooLong)
		return nil
	}
	if n == 0 {
		return nil
	}
	limits := make([]strategy.LimitVerdict, n)
	for i := range limits {
		l, fields := &limits[i], d.array(limitFields)
		l.Name = d.string(maxLimitName)
		l.Period = d.period()
		l.Allowed = d.bool()
		d.verdict(&l.Verdict)
		d.rest(fields - limitFields)
	}
	return limits
}

// told takes a stat and returns how many fields of the answer it took, the head included.
func (d *decoder) told(n int, s *strategy.Stat) int {
	d.need(n, toldFields)
	s.Rate = d.rate()
	var v strategy.Verdict
	d.verdict(&v)
	s.Remaining, s.Wait, s.Limit = v.Remaining, v.Wait, v.Limit
	if n == toldFields {
		return toldFields
	}
	s.Limits = d.limits()
	return toldFields + 1
}

func (d *decoder) rate() strategy.Rate {
	limit, period := d.int(), d.period()
	if period == 0 {
		return strategy.Unlimited()
	}
	r, err := strategy.NewRate(limit, period)
	if err != nil {
		d.fail(errors.New("malformed rate"))
	}
	return r
}
