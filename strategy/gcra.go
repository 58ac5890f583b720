package strategy

import (
	"math"
	"math/big"
)

// GCRA is the generic cell rate algorithm: it spaces hits evenly, by period/limit, and tolerates those that come
// early by up to the burst tolerance T. A hit of cost c conforms iff now >= max(TAT, now) + (c-1)·period/limit - T
// (ITU-T I.371; TAT is the theoretical arrival time). With the default T of 0, no two hits pass at once, and a cost
// above 1 never does.
type GCRA struct {
	// BurstToleranceMS is T in milliseconds, and exactly what the float64 says: 1000.0/3 of "3/s" may lack a hair of the
	// interval, and so let no second hit through at once. Burst says what is meant there.
	BurstToleranceMS float64 `json:"burst_tolerance_ms,omitzero"`
	// Burst says it in hits: so many can pass at once, T = (Burst-1)·period/limit. 0 leaves it to BurstToleranceMS;
	// setting both is an error.
	Burst int64 `json:"burst,omitzero"`
}

// Name implements Strategy.
func (GCRA) Name() string { return "gcra" }

// Bind implements Strategy. The capacity of the meter is the largest conforming cost, 1 + T·limit/period.
func (g GCRA) Bind(r Rate) (Algorithm, error) {
	switch {
	case g.Burst < 0:
		return nil, paramError("burst", g.Burst, "is negative")
	case g.Burst > 0 && g.BurstToleranceMS != 0:
		return nil, paramError("burst", g.Burst, "and burst_tolerance_ms are both set")
	case g.BurstToleranceMS < 0 || math.IsNaN(g.BurstToleranceMS):
		return nil, paramError("burst_tolerance_ms", g.BurstToleranceMS, "is negative")
	case g.BurstToleranceMS > maxSpan/1000:
		return nil, paramError("burst_tolerance_ms", g.BurstToleranceMS, "is above 100 years")
	}
	field, capacity := "burst", amount{whole: g.Burst}
	if g.Burst == 0 {
		field = "burst_tolerance_ms"
		q, part := g.early(r)
		if !q.IsInt64() || q.Int64() >= maxCapacity {
			return nil, paramError(field, g.BurstToleranceMS, "lets more than 2^60 hits through at once")
		}
		capacity = amount{q.Int64() + 1, part.Int64()}
	}
	m, err := newMeter(r, capacity, field)
	if err != nil {
		return nil, err
	}
	m.integral = true
	return m, nil
}

// early is T·limit/period: how many hits may come early, and the part of one more. It is rounded down to what drains in
// a microsecond, which changes no decision, since every level is a multiple of that.
func (g GCRA) early(r Rate) (whole, part *big.Int) {
	x := new(big.Rat).SetFloat64(g.BurstToleranceMS)
	x.Mul(x, new(big.Rat).SetInt64(1000)).Mul(x, new(big.Rat).SetInt64(r.limit))
	parts := new(big.Int).Quo(x.Num(), x.Denom())
	return parts.QuoRem(parts, big.NewInt(r.micros()), new(big.Int))
}
