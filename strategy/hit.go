package strategy

import (
	"errors"
	"fmt"
	"time"
)

// Bounds of a hit. They keep every message between nodes, and every key in memory, small.
const (
	MaxKeyLen         = 1024             // bytes of key, uid and scope, each
	MaxContextEntries = 16               // entries of a context
	MaxContextBytes   = 1024             // bytes of a context, names and values together
	MaxWait           = 60 * time.Second // what a hit may ask to wait
	DefaultScope      = "default"        // the scope of a hit that names none
)

// Hit asks for a cost to be charged to a key under a policy. The zero cost is a no-op that is allowed and touches
// nothing; [NewHit] starts from cost 1.
type Hit struct {
	// Key names whom the limit is for. Required, 1 to MaxKeyLen bytes.
	Key string
	// UID names the throttle, so that two throttles can limit the same Key apart. Empty is a name like any other.
	UID string
	// Scope separates buckets of one Key and UID. Empty means DefaultScope.
	Scope string
	// Cost is what the hit consumes. 0 consumes nothing and is allowed; negative is an error.
	Cost int64
	// Policy holds the limits. Required.
	Policy *Policy
	// Context is what strategies may read beside the cost, such as tier and priority. It is not part of the key.
	Context Context
	// MaxWait is how long the hit may be held until it fits, at most MaxWait; 0 means refuse at once.
	MaxWait time.Duration
}

// NewHit returns a hit of cost 1 on key under the policy.
func NewHit(key string, p *Policy) Hit { return Hit{Key: key, Policy: p, Cost: 1} }

// Context holds what a strategy may read of a hit: strings, booleans, int64 or float64.
type Context map[string]any

// Tier is the entry "tier", "" if there is none.
func (c Context) Tier() string {
	s, _ := c["tier"].(string)
	return s
}

// Priority levels of the entry "priority", by number or by name.
const (
	Low      = 1
	Normal   = 2
	High     = 3
	Critical = 4
)

// Priority is the entry "priority" as a level from Low to Critical: an integer from 1 to 4, or one of low, normal,
// high and critical. It is 0 if there is none.
func (c Context) Priority() int {
	switch p := c["priority"].(type) {
	case int64:
		if Low <= p && p <= Critical {
			return int(p)
		}
	case int:
		if Low <= p && p <= Critical {
			return p
		}
	case float64:
		if p == Low || p == Normal || p == High || p == Critical {
			return int(p)
		}
	case string:
		switch p {
		case "low":
			return Low
		case "normal":
			return Normal
		case "high":
			return High
		case "critical":
			return Critical
		}
	}
	return 0
}

// number is the entry name as a float64; ok is false if it is absent or not a number.
func (c Context) number(name string) (v float64, ok bool) {
	switch n := c[name].(type) {
	case float64:
		return n, true
	case int64:
		return float64(n), true
	case int:
		return float64(n), true
	}
	return 0, false
}

func (c Context) validate() error {
	if len(c) == 0 {
		return nil
	}
	if len(c) > MaxContextEntries {
		return fmt.Errorf("context: %d entries, at most %d are allowed", len(c), MaxContextEntries)
	}
	size := 0
	for name, v := range c {
		size += len(name)
		switch v := v.(type) {
		case string:
			size += len(v)
		case bool, int, int64, float64:
			size += 8
		default:
			return fmt.Errorf("context.%s: a %T is neither string, number nor boolean", name, v)
		}
	}
	if size > MaxContextBytes {
		return fmt.Errorf("context: %d bytes, at most %d are allowed", size, MaxContextBytes)
	}
	if v, ok := c["priority"]; ok && c.Priority() == 0 {
		return fmt.Errorf("context.priority: %v is neither 1 to 4 nor low, normal, high or critical", v)
	}
	if v, ok := c["tier"]; ok {
		if _, text := v.(string); !text {
			return fmt.Errorf("context.tier: %v is not a string", v)
		}
	}
	return nil
}

// Validate reports the first field that makes h unusable, by name and value.
func (h *Hit) Validate() error {
	switch {
	case h.Key == "":
		return errors.New("key: empty")
	case len(h.Key) > MaxKeyLen:
		return fmt.Errorf("key: %d bytes, at most %d are allowed", len(h.Key), MaxKeyLen)
	case len(h.UID) > MaxKeyLen:
		return fmt.Errorf("uid: %d bytes, at most %d are allowed", len(h.UID), MaxKeyLen)
	case len(h.Scope) > MaxKeyLen:
		return fmt.Errorf("context.scope: %d bytes, at most %d are allowed", len(h.Scope), MaxKeyLen)
	case h.Cost < 0:
		return fmt.Errorf("cost: %d is negative", h.Cost)
	case h.Policy == nil:
		return errors.New("policy: missing")
	case h.MaxWait < 0 || h.MaxWait > MaxWait:
		return fmt.Errorf("max_wait: %v is not between 0 and %v", h.MaxWait, MaxWait)
	case h.MaxWait > 0 && len(h.Policy.limits) > 1:
		return errors.New("max_wait: a policy of several limits cannot be waited for")
	}
	return h.Context.validate()
}
