package strategy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Records is all that one key has used: a state for each strategy and limit name that it was hit under. The zero
// value is that of a key never seen. It is not safe for concurrent use; the actor of the key owns it.
type Records struct {
	first record
}

// record is the state of one limit. The first is part of its Records, since most keys have one.
type record struct {
	limit *boundLimit // under which it was last charged; nil: no record
	state State
	next  *record
}

// aged is the state of an algorithm that cannot tell when it may be forgotten.
type aged struct {
	state State
	last  Time
}

// IdleLifetime is how long the state of a custom strategy that is no [Forgetter] is kept after its last hit.
const IdleLifetime = 24 * time.Hour

// maxRecords bounds the limits, told apart by strategy and name, that one key may be counted under at a time.
const maxRecords = 64

// ErrTooManyLimits says that a key is in use under 64 other limits already.
var ErrTooManyLimits = errors.New("limits: the key is in use under 64 other limits")

// ErrNoRefund says that the strategy cannot give back what was charged.
var ErrNoRefund = errors.New("strategy: it does not support refunds")

// Decide says whether h fits the policy at now. With charge set it records the outcome: the cost under every limit if
// all allow it, and otherwise nothing but what the refusing limits themselves record of refusals. With charge unset
// nothing changes. The policy and the cost of h are not validated here. A cost of 0 is allowed, and nobody is asked. The
// error is ErrTooManyLimits, and then nothing has changed.
func (rs *Records) Decide(now Time, h Hit, charge bool) (Decision, error) {
	p := h.Policy
	if h.Cost == 0 {
		return Allow(), nil
	}
	if len(p.limits) > 1 {
		return rs.decideAll(now, h, charge)
	}
	l := p.limits[0]
	if l.algo == nil {
		return Allow(), nil
	}
	s, err := rs.open(l, now, charge)
	if err != nil {
		return Decision{}, err
	}
	return Decision{Verdict: l.algo.Decide(s, now, h, charge), Period: l.rate.Period(), At: now}, nil
}

// decideAll asks every limit, and only then charges.
func (rs *Records) decideAll(now Time, h Hit, charge bool) (Decision, error) {
	limits := h.Policy.limits
	verdicts := make([]LimitVerdict, len(limits))
	allowed := true
	for i, l := range limits {
		v := unlimitedVerdict
		if l.algo != nil {
			s, err := rs.open(l, now, charge)
			if err != nil {
				return Decision{}, err
			}
			v = l.algo.Decide(s, now, h, false)
		}
		verdicts[i] = LimitVerdict{l.name, l.rate.Period(), v}
		allowed = allowed && v.Allowed
	}
	for i, l := range limits {
		if v := &verdicts[i]; charge && l.algo != nil && v.Allowed == allowed {
			s, _ := rs.open(l, now, true)
			v.Verdict = l.algo.Decide(s, now, h, true)
		}
	}
	return tightest(verdicts, now), nil
}

// tightest sums up the verdicts of all limits of a policy.
func tightest(verdicts []LimitVerdict, now Time) Decision {
	worst := &verdicts[0]
	for i := range verdicts[1:] {
		if v := &verdicts[i+1]; tighter(v.Verdict, worst.Verdict) {
			worst = v
		}
	}
	d := Decision{Verdict: worst.Verdict, Period: worst.Period, Limits: verdicts, At: now}
	if !d.Allowed {
		d.LimitedBy = worst.Name
	}
	return d
}

func tighter(a, b Verdict) bool {
	switch {
	case a.Allowed != b.Allowed:
		return b.Allowed
	case a.Allowed || a.Wait == b.Wait:
		return a.Remaining < b.Remaining
	case a.Wait == Never || b.Wait == Never:
		return a.Wait == Never
	}
	return a.Wait > b.Wait
}

// Check is Decide for a hit that is not charged. A limit whose strategy keeps no statistics allows it.
func (rs *Records) Check(now Time, h Hit) (Decision, error) {
	for _, l := range h.Policy.limits {
		if _, ok := l.algo.(Statistician); !ok && l.algo != nil {
			return Allow(), nil
		}
	}
	return rs.Decide(now, h, false)
}

// Stat tells where the key stands under the policy; ok is false if a strategy of it keeps no statistics.
func (rs *Records) Stat(now Time, h Hit) (st Stat, ok bool, err error) {
	limits := h.Policy.limits
	v, ok, err := rs.stat(limits[0], now, h)
	if !ok || err != nil || len(limits) == 1 {
		return statOf(h.Key, limits[0].rate, v), ok, err
	}
	verdicts, worst := make([]LimitVerdict, len(limits)), 0
	for i, l := range limits {
		if v, ok, err = rs.stat(l, now, h); !ok || err != nil {
			return Stat{}, ok, err
		}
		verdicts[i] = LimitVerdict{l.name, l.rate.Period(), v}
		if tighter(v, verdicts[worst].Verdict) {
			worst = i
		}
	}
	st = statOf(h.Key, limits[worst].rate, verdicts[worst].Verdict)
	st.Limits = verdicts
	return st, true, nil
}

// stat is the verdict of one limit on a hit of cost 1 that is not charged.
func (rs *Records) stat(l *boundLimit, now Time, h Hit) (v Verdict, ok bool, err error) {
	if l.algo == nil {
		return unlimitedVerdict, true, nil
	}
	teller, ok := l.algo.(Statistician)
	if !ok {
		return Verdict{}, false, nil
	}
	s, err := rs.open(l, now, false)
	if err != nil {
		return Verdict{}, false, err
	}
	return teller.Stat(s, now, h), true, nil
}

func statOf(key string, r Rate, v Verdict) Stat {
	return Stat{Key: key, Rate: r, Remaining: v.Remaining, Wait: v.Wait, Limit: v.Limit}
}

// Refund gives h.Cost, charged at the instant charged, back to every limit of the policy. If a strategy cannot, the
// error is ErrNoRefund and nothing changes.
func (rs *Records) Refund(charged, now Time, h Hit) error {
	for _, l := range h.Policy.limits {
		if _, ok := l.algo.(Refunder); !ok && l.algo != nil {
			return fmt.Errorf("%s: %w", l.strategy, ErrNoRefund)
		}
	}
	for _, l := range h.Policy.limits {
		if l.algo == nil || rs.find(l) == nil {
			continue
		}
		s, err := rs.open(l, now, true)
		if err != nil {
			return err
		}
		l.algo.(Refunder).Refund(s, charged, now, h)
	}
	return nil
}

// Slot is the wait of h behind waiting hits of the same key with the costs ahead, in total; ok is false if the
// strategy of the policy does not tell.
func (rs *Records) Slot(now Time, ahead int64, h Hit) (v Verdict, ok bool) {
	l := h.Policy.limits[0]
	q, ok := l.algo.(Queuer)
	if !ok {
		return Verdict{}, false
	}
	s, err := rs.open(l, now, false)
	return q.Slot(s, now, ahead, h), err == nil
}

// find returns the record of the identity of l, or nil.
func (rs *Records) find(l *boundLimit) *record {
	for r := &rs.first; r != nil && r.limit != nil; r = r.next {
		if r.limit == l || r.limit.isFor(l) {
			return r
		}
	}
	return nil
}

// open returns the state of the identity of l, adapted to l. For writing it makes the record if there is none; for
// reading it changes nothing, and the state must not be changed.
func (rs *Records) open(l *boundLimit, now Time, write bool) (State, error) {
	r := rs.find(l)
	switch {
	case r == nil && !write:
		return l.fresh, nil
	case r == nil:
		var err error
		if r, err = rs.create(l, now); err != nil {
			return nil, err
		}
	case r.limit != l && !r.limit.same(l):
		if !write {
			return readAdapted(r, l, now)
		}
		adapt(l, r.unaged(), r.limit, now)
		r.limit = l
	case write:
		r.limit = l
	}
	if !l.forgets && write {
		r.state.(*aged).last = now
	}
	return r.unaged(), nil
}

// readAdapted is a copy of r's state, adapted to l.
func readAdapted(r *record, l *boundLimit, now Time) (State, error) {
	s, err := r.limit.algo.Decode(r.limit.algo.Append(nil, r.unaged()))
	if err != nil {
		return nil, fmt.Errorf("strategy %s: copying a state: %w", l.strategy, err)
	}
	adapt(l, s, r.limit, now)
	return s, nil
}

func adapt(l *boundLimit, s State, old *boundLimit, now Time) {
	if a, ok := l.algo.(Adapter); ok {
		a.Adapt(s, old.algo, now)
	}
}

func (rs *Records) create(l *boundLimit, now Time) (*record, error) {
	s := l.algo.New()
	if !l.forgets {
		s = &aged{state: s, last: now}
	}
	return rs.add(l, s, now)
}

// add makes s the record of l, which has none.
func (rs *Records) add(l *boundLimit, s State, now Time) (*record, error) {
	if rs.first.limit == nil {
		rs.first = record{limit: l, state: s}
		return &rs.first, nil
	}
	n, last := 1, &rs.first
	for ; last.next != nil; last = last.next {
		n++
	}
	if n >= maxRecords && rs.prune(now) == 0 {
		return nil, ErrTooManyLimits
	}
	for last = &rs.first; last.next != nil; {
		last = last.next
	}
	last.next = &record{limit: l, state: s}
	return last.next, nil
}

// prune drops the records that are neutral at now, the first excepted, and returns how many it dropped.
func (rs *Records) prune(now Time) (n int) {
	for r := &rs.first; r.next != nil; {
		if r.next.neutralAt() <= now {
			r.next = r.next.next
			n++
		} else {
			r = r.next
		}
	}
	return n
}

// NeutralAt is the instant from which on the records equal those of a key never seen, so that forgetting them changes
// no decision.
func (rs *Records) NeutralAt() Time {
	at := Time(math.MinInt64)
	for r := &rs.first; r != nil && r.limit != nil; r = r.next {
		at = max(at, r.neutralAt())
	}
	return at
}

func (r *record) neutralAt() Time {
	if f, ok := r.limit.algo.(Forgetter); ok {
		return f.NeutralAt(r.state)
	}
	return r.state.(*aged).last + Time(IdleLifetime/time.Microsecond)
}

// unaged is the state as the algorithm knows it.
func (r *record) unaged() State {
	if a, ok := r.state.(*aged); ok {
		return a.state
	}
	return r.state
}

// Join changes rs to cover both copies of a key that grew apart, without lowering what was used under any limit.
// Where a custom strategy is no [Joiner], the copy of o is taken if it is newer. It may take over parts of o.
func (rs *Records) Join(o *Records, now Time, newer bool) error {
	for r := &o.first; r != nil && r.limit != nil; r = r.next {
		mine := rs.find(r.limit)
		if mine == nil {
			created, err := rs.create(r.limit, now)
			if err != nil {
				return err
			}
			created.state = r.state
			continue
		}
		mine.join(r, now, newer)
	}
	return nil
}

// join takes o's content into r. Of two limits, the one with the greater encoding is kept until the next hit brings
// its own, so that the order of joining does not matter.
func (r *record) join(o *record, now Time, newer bool) {
	if !r.limit.same(o.limit) {
		if string(r.limit.encoded) < string(o.limit.encoded) {
			adapt(o.limit, r.unaged(), r.limit, now)
			r.limit = o.limit
		} else {
			adapt(r.limit, o.unaged(), o.limit, now)
		}
	}
	if j, ok := r.limit.algo.(Joiner); ok {
		j.Join(r.unaged(), o.unaged())
		if a, ok := r.state.(*aged); ok {
			a.last = max(a.last, o.state.(*aged).last)
		}
	} else if newer {
		r.state = o.state
	}
}

// Append appends the encoded records, each with the limit under which it was last charged.
func (rs *Records) Append(b []byte) []byte {
	b = append(b, version)
	for r := &rs.first; r != nil && r.limit != nil; r = r.next {
		b = append(b, r.limit.encoded...)
		b = r.appendState(b)
		if a, ok := r.state.(*aged); ok {
			b = binary.AppendVarint(b, int64(a.last))
		}
	}
	return b
}

// appendState appends the state after its length, which is seldom known before.
func (r *record) appendState(b []byte) []byte {
	at := len(b)
	b = r.limit.algo.Append(append(b, 0), r.unaged())
	size := len(b) - at - 1
	if size < 0x80 {
		b[at] = byte(size)
		return b
	}
	var length [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(length[:], uint64(size))
	return slices.Replace(b, at, at+1, length[:n]...)
}

// DecodeRecords returns the records that Append wrote. A malformed input, or a strategy that this registry does not
// know, is an error. It does not keep b.
func (r *Registry) DecodeRecords(b []byte) (*Records, error) {
	rs := &Records{}
	if err := r.DecodeInto(rs, b); err != nil {
		return nil, err
	}
	return rs, nil
}

// DecodeInto is DecodeRecords into rs, which is zero before. After an error its content is undefined.
func (r *Registry) DecodeInto(rs *Records, b []byte) error {
	rd := reader{b: b}
	rd.version()
	for n := 0; len(rd.b) > 0; n++ {
		if n == maxRecords {
			return ErrTooManyLimits
		}
		if err := rs.decodeOne(r, &rd); err != nil {
			return fmt.Errorf("records: %w", err)
		}
	}
	if !rd.done() {
		return errors.New("records: malformed")
	}
	return nil
}

func (rs *Records) decodeOne(r *Registry, rd *reader) error {
	p := r.last.Load()
	if p != nil && bytes.HasPrefix(rd.b, p.encoded[2:]) {
		rd.b = rd.b[len(p.encoded)-2:]
	} else {
		start := rd.b
		rd.skipLimit()
		// The limit in the form of a policy of one, so that records of many keys share it.
		var buf [128]byte
		var err error
		if p, err = r.DecodePolicy(append(append(buf[:0], version, 1), start[:len(start)-len(rd.b)]...)); err != nil {
			return err
		}
		r.last.Store(p)
	}
	l := p.limits[0]
	if l.algo == nil || rs.find(l) != nil {
		return errState
	}
	s, err := l.algo.Decode(rd.bytes(maxState))
	if err != nil {
		return fmt.Errorf("strategy %s: %w", l.strategy, err)
	}
	if !l.forgets {
		s = &aged{state: s, last: rd.time()}
	}
	_, err = rs.add(l, s, 0)
	return err
}

// maxState bounds the encoded state of one limit.
const maxState = 16 << 20
