package audit

// Share is what one node admitted of a key without its owner.
type Share struct{ Asked, Key string }

// Shares is the cost of the degraded admissions, by node and key.
func Shares(answers []Answer) map[Share]int64 {
	shares := map[Share]int64{}
	for i := range answers {
		if a := &answers[i]; a.Degraded && a.Verdict == Admitted {
			shares[Share{a.Asked, a.Key}] += a.Cost
		}
	}
	return shares
}
