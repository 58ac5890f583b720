package strategy_test

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/traffik-io/traffik/strategy"
)

// Cooldown admits a hit, whatever it costs, and then none for as many periods as it cost.
type Cooldown struct {
	Grace int64 `json:"grace,omitzero"` // microseconds that a hit may come early
}

func (Cooldown) Name() string { return "cooldown" }

func (c Cooldown) Bind(r strategy.Rate) (strategy.Algorithm, error) {
	return cooldown{c.Grace, r.Period().Microseconds() / r.Limit()}, nil
}

type cooldown struct{ grace, rest int64 }

func (cooldown) New() strategy.State { return new(strategy.Time) } // the end of the rest

func (c cooldown) Decide(s strategy.State, now strategy.Time, h strategy.Hit, charge bool) strategy.Verdict {
	end := s.(*strategy.Time)
	if left := int64(*end-now) - c.grace; left > 0 {
		return strategy.Verdict{Wait: time.Duration(left) * time.Microsecond, Limit: 1}
	}
	if charge {
		*end = max(now, *end) + strategy.Time(h.Cost*c.rest)
	}
	return strategy.Verdict{Allowed: true, Limit: 1}
}

func (cooldown) Append(b []byte, s strategy.State) []byte {
	return binary.AppendVarint(b, int64(*s.(*strategy.Time)))
}

func (cooldown) Decode(b []byte) (strategy.State, error) {
	end, n := binary.Varint(b)
	if n != len(b) || n == 0 {
		return nil, fmt.Errorf("cooldown: %x is no state", b)
	}
	return (*strategy.Time)(&end), nil
}

// A custom strategy is a struct and an algorithm of four methods. With its kind, every node of a cluster can own its keys.
func Example_custom() {
	registry, _ := strategy.NewRegistry(strategy.KindOf[Cooldown]())
	policy := strategy.MustPolicy(strategy.Limit{Rate: strategy.MustRate("1/s"), Strategy: Cooldown{Grace: 1000}})
	var here strategy.Records
	first, _ := here.Decide(0, strategy.NewHit("user:42", policy), true)
	there, _ := registry.DecodeRecords(here.Append(nil)) // the key moves to another node
	second, _ := there.Decide(0, strategy.NewHit("user:42", policy), true)
	fmt.Println(first.Allowed, second.Allowed, second.Wait)
	// Output: true false 999ms
}
