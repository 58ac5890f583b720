package strategy

// TokenBucketWithDebt is a TokenBucket that may be overdrawn by MaxDebt, to be paid back by the refill. In any
// interval t it admits at most BurstSize + MaxDebt + limit·t/period.
type TokenBucketWithDebt struct {
	// BurstSize is the capacity; 0 means the rate's limit, None that all is debt.
	BurstSize Count `json:"burst_size,omitzero"`
	// MaxDebt is how far below empty the bucket may go; 0 means not at all.
	MaxDebt int64 `json:"max_debt,omitzero"`
}

// Name implements Strategy.
func (TokenBucketWithDebt) Name() string { return "token_bucket_with_debt" }

// Bind implements Strategy.
func (s TokenBucketWithDebt) Bind(r Rate) (Algorithm, error) {
	size, err := burst(s.BurstSize, r)
	if err != nil {
		return nil, err
	}
	switch {
	case s.MaxDebt < 0:
		return nil, paramError("max_debt", s.MaxDebt, "is negative")
	case s.MaxDebt > maxCapacity-size:
		return nil, paramError("max_debt", s.MaxDebt, "and burst_size together are above 2^60")
	}
	return newMeter(r, amount{whole: size + s.MaxDebt}, "max_debt")
}
