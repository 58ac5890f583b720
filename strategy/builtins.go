package strategy

// builtins are the strategies that every registry knows.
func builtins() []Kind {
	return []Kind{
		KindOf[FixedWindow](),
		KindOf[SlidingWindowCounter](),
		KindOf[SlidingWindowLog](),
		KindOf[TokenBucket](),
		KindOf[TokenBucketWithDebt](),
		KindOf[LeakyBucket](),
		KindOf[LeakyBucketWithQueue](),
		KindOf[GCRA](),
		KindOf[TieredRate](),
		KindOf[AdaptiveThrottle](),
		KindOf[PriorityQueue](),
		KindOf[QuotaWithRollover](),
		KindOf[TimeOfDay](),
		KindOf[CostBasedTokenBucket](),
	}
}
