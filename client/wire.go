package client

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"time"

	"github.com/traffik-io/traffik/strategy"
)

// question is the body of a call.
type question struct {
	Key       string         `json:"key"`
	UID       string         `json:"uid,omitzero"`
	Cost      int64          `json:"cost"`
	Context   map[string]any `json:"context,omitempty"`
	MaxWaitMS int64          `json:"max_wait_ms,omitzero"`
	limit                    // of a policy with one limit without a name
	Limits    []limit        `json:"limits,omitzero"`
}

type limit struct {
	Name     string          `json:"name,omitzero"`
	Rate     string          `json:"rate,omitzero"`
	Strategy string          `json:"strategy,omitzero"`
	Params   json.RawMessage `json:"params,omitempty"`
}

func questionOf(h *strategy.Hit) (*question, error) {
	limits, err := limitsOf(h.Policy)
	if err != nil {
		return nil, err
	}
	q := &question{Key: h.Key, UID: h.UID, Cost: h.Cost, MaxWaitMS: int64((h.MaxWait + time.Millisecond - 1) / time.Millisecond)}
	if len(h.Context) > 0 || h.Scope != "" {
		q.Context = make(map[string]any, len(h.Context)+1)
		maps.Copy(q.Context, h.Context)
	}
	if h.Scope != "" {
		q.Context["scope"] = h.Scope
	}
	if len(limits) == 1 && limits[0].Name == "" {
		q.limit = limits[0]
	} else {
		q.Limits = limits
	}
	return q, nil
}

// answer is the body of a decision or stat.
type answer struct {
	Allowed   *bool    `json:"allowed"`
	Remaining *float64 `json:"hits_remaining"` // null if unlimited
	WaitMS    int64    `json:"wait_ms"`
	Limit     *int64   `json:"limit"` // null if unlimited
	PeriodMS  int64    `json:"period_ms"`
	Owner     string   `json:"owner"`
	Degraded  bool     `json:"degraded"`
	LimitedBy string   `json:"limited_by"`
}

func (a *answer) decision() (strategy.Decision, error) {
	if a.Allowed == nil {
		return strategy.Decision{}, fmt.Errorf("%w: the answer does not say whether the hit is allowed", ErrUnavailable)
	}
	return strategy.Decision{
		Verdict:   a.verdict(),
		Period:    time.Duration(a.PeriodMS) * time.Millisecond,
		LimitedBy: a.LimitedBy,
		Owner:     a.Owner,
		Degraded:  a.Degraded,
	}, nil
}

func (a *answer) verdict() strategy.Verdict {
	v := strategy.Verdict{Remaining: math.Inf(1), Limit: math.MaxInt64, Wait: time.Duration(a.WaitMS) * time.Millisecond}
	v.Allowed = a.Allowed != nil && *a.Allowed
	if a.Remaining != nil {
		v.Remaining = *a.Remaining
	}
	if a.Limit != nil {
		v.Limit = *a.Limit
	}
	if a.WaitMS < 0 {
		v.Wait = strategy.Never
	}
	return v
}

// stat is the answer to a stat. Its rate is that of the limit with the period that the node speaks of.
func (a *answer) stat(h *strategy.Hit) strategy.Stat {
	v := a.verdict()
	st := strategy.Stat{Key: h.Key, Remaining: v.Remaining, Wait: v.Wait, Limit: v.Limit, Owner: a.Owner, Degraded: a.Degraded}
	for i := range h.Policy.Len() {
		if r := h.Policy.Limit(i).Rate; r.Period() == time.Duration(a.PeriodMS)*time.Millisecond {
			st.Rate = r
			break
		}
	}
	return st
}
