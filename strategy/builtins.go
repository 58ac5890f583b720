package strategy

// builtins are the strategies that every registry knows.
func builtins() []Kind {
	return []Kind{
		KindOf[FixedWindow](),
		KindOf[TokenBucket](),
		KindOf[GCRA](),
	}
}
