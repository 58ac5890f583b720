package strategy

// Sharer is a Strategy with quantities of hits among its parameters. Without it, a share is the strategy as it is,
// under a smaller rate.
type Sharer interface {
	// Share returns the strategy with an nth of each such quantity, rounded up.
	Share(n int64) Strategy
}

// Share returns the policy with an nth of every limit, rounded up: what each of n nodes may admit when they cannot ask
// each other. Unlimited rates stay so.
func (p *Policy) Share(n int) (*Policy, error) {
	if n <= 1 {
		return p, nil
	}
	limits := make([]Limit, len(p.limits))
	for i := range limits {
		l := p.Limit(i)
		if !l.Rate.infinite {
			l.Rate.limit = nth(l.Rate.limit, int64(n))
		}
		if s, ok := l.Strategy.(Sharer); ok {
			l.Strategy = s.Share(int64(n))
		}
		limits[i] = l
	}
	return NewPolicy(limits...)
}

// nth is an nth of v, rounded up.
func nth(v, n int64) int64 { return v/n + min(v%n, 1) }

// nth is an nth of c, rounded up; the default and None stay so.
func (c Count) nth(n int64) Count { return Count(nth(int64(c), n)) }

// Share implements Sharer.
func (s TokenBucket) Share(n int64) Strategy {
	s.BurstSize = s.BurstSize.nth(n)
	return s
}

// Share implements Sharer. The tolerance is a time, and so stays.
func (g GCRA) Share(n int64) Strategy {
	g.Burst = nth(g.Burst, n)
	return g
}

// Share implements Sharer.
func (s TokenBucketWithDebt) Share(n int64) Strategy {
	s.BurstSize, s.MaxDebt = s.BurstSize.nth(n), nth(s.MaxDebt, n)
	return s
}

// Share implements Sharer.
func (s QuotaWithRollover) Share(n int64) Strategy {
	if s.MaxRollover == 0 {
		s.MaxRollover = 500
	}
	s.MaxRollover = s.MaxRollover.nth(n)
	return s
}

// Share implements Sharer.
func (s CostBasedTokenBucket) Share(n int64) Strategy {
	s.BurstSize = s.BurstSize.nth(n)
	return s
}
