package strategy

// TokenBucket admits bursts of up to BurstSize and refills by the rate. In any interval t it admits at most
// BurstSize + limit·t/period.
type TokenBucket struct {
	// BurstSize is the capacity; 0 means the rate's limit, and None a bucket that admits nothing.
	BurstSize Count `json:"burst_size,omitzero"`
}

// Name implements Strategy.
func (TokenBucket) Name() string { return "token_bucket" }

// Bind implements Strategy.
func (s TokenBucket) Bind(r Rate) (Algorithm, error) {
	size, err := burst(s.BurstSize, r)
	if err != nil {
		return nil, err
	}
	return newMeter(r, amount{whole: size}, "burst_size")
}
