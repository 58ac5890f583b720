package main

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/traffik-io/traffik/strategy"
)

// trace is a line of a trace file.
type trace struct {
	Strategy string                     `json:"strategy"`
	Params   map[string]json.RawMessage `json:"params"`
	Rate     struct {
		Limit    int64 `json:"limit"`
		PeriodMS int64 `json:"period_ms"`
	} `json:"rate"`
	Key    string      `json:"key"`
	Quirk  string      `json:"quirk"` // the first of Quirks
	Quirks []behaviour `json:"quirks"`
	Policy []behaviour `json:"policy"`
	Ops    []operation `json:"ops"`
}

// behaviour is something that the original does, by name, and where a trace shows it.
type behaviour struct {
	Name    string   `json:"name"`
	At      int      `json:"at"`      // index of the first operation
	Affects []result `json:"affects"` // in results of that and later operations
}

// result is one of the results that an operation has.
type result string

const (
	decision      result = "decision"
	hitWait       result = "hit_wait"
	statRemaining result = "stat_remaining"
	statWait      result = "stat_wait"
)

// operation is a hit or a stat, and what the original answered.
type operation struct {
	TimeMS    int64  `json:"t_ms"`
	Op        string `json:"op"`
	Cost      *int64 `json:"cost"`
	Priority  int    `json:"priority"` // of params.per_op_priority
	Remaining number `json:"hits_remaining"`
	WaitMS    number `json:"wait_ms"`
}

// cost is that of a hit, and 1 for a stat, which tells of one.
func (op *operation) cost() int64 {
	if op.Cost == nil {
		return 1
	}
	return *op.Cost
}

// number is a JSON number, or the string "inf".
type number float64

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(b []byte) error {
	if string(b) == `"inf"` {
		*n = number(math.Inf(1))
		return nil
	}
	return json.Unmarshal(b, (*float64)(n))
}

// parseTrace reads a line.
func parseTrace(line []byte) (*trace, error) {
	t := new(trace)
	if err := json.Unmarshal(line, t); err != nil {
		return nil, err
	}
	for i, op := range t.Ops {
		switch {
		case op.Op != "hit" && op.Op != "stat":
			return nil, fmt.Errorf("ops[%d].op: %q is neither hit nor stat", i, op.Op)
		case op.Op == "hit" && (op.Cost == nil || *op.Cost < 0):
			return nil, fmt.Errorf("ops[%d].cost: missing or negative", i)
		}
	}
	return t, nil
}

// names of the strategies on the wire, by those of the original.
var names = map[string]string{
	"FixedWindow":          "fixed_window",
	"SlidingWindowCounter": "sliding_window_counter",
	"SlidingWindowLog":     "sliding_window_log",
	"TokenBucket":          "token_bucket",
	"TokenBucketWithDebt":  "token_bucket_with_debt",
	"LeakyBucket":          "leaky_bucket",
	"LeakyBucketWithQueue": "leaky_bucket_with_queue",
	"GCRA":                 "gcra",
	"TieredRate":           "tiered_rate",
	"AdaptiveThrottle":     "adaptive_throttle",
	"PriorityQueue":        "priority_queue",
	"QuotaWithRollover":    "quota_with_rollover",
	"TimeOfDay":            "time_of_day",
	"CostBasedTokenBucket": "cost_based_token_bucket",
}

// policies are the limits that the operations of a trace are made under, by operation. They are one and the same,
// unless each operation has a priority of its own: then the original made it through an instance of the strategy
// with that default priority, and all instances shared the state.
func (t *trace) policies(r *strategy.Registry) ([]*strategy.Policy, error) {
	params := map[string]json.RawMessage{}
	for name, v := range t.Params {
		if name != "per_op_priority" {
			params[name] = v
		}
	}
	switch t.Strategy {
	case "FixedWindow", "SlidingWindowCounter", "TieredRate", "TimeOfDay", "AdaptiveThrottle":
		params["count_rejected"] = json.RawMessage("true")
	}
	policies := make([]*strategy.Policy, len(t.Ops))
	for i, op := range t.Ops {
		if i > 0 && op.Priority == t.Ops[i-1].Priority {
			policies[i] = policies[i-1]
			continue
		}
		if op.Priority != 0 {
			params["default_priority"] = json.RawMessage(fmt.Sprint(op.Priority))
		}
		p, err := t.policyOf(r, params)
		if err != nil {
			return nil, err
		}
		policies[i] = p
	}
	return policies, nil
}

func (t *trace) policyOf(r *strategy.Registry, params map[string]json.RawMessage) (*strategy.Policy, error) {
	rate, err := t.rate()
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	name, ok := names[t.Strategy]
	if !ok {
		return nil, fmt.Errorf("strategy: %q is unknown", t.Strategy)
	}
	s, err := r.Strategy(name, encoded)
	if err != nil {
		return nil, err
	}
	return strategy.NewPolicy(strategy.Limit{Rate: rate, Strategy: s})
}

// rate is that of the trace. A limit of 0 in a period of 0 is how the original spells unlimited.
func (t *trace) rate() (strategy.Rate, error) {
	if t.Rate.Limit == 0 && t.Rate.PeriodMS == 0 {
		return strategy.Unlimited(), nil
	}
	if t.Rate.PeriodMS > math.MaxInt64/int64(time.Millisecond) {
		return strategy.Rate{}, fmt.Errorf("rate: period of %d ms is too long", t.Rate.PeriodMS)
	}
	return strategy.NewRate(t.Rate.Limit, time.Duration(t.Rate.PeriodMS)*time.Millisecond)
}
