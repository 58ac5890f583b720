package audit

// Account is what a log says of one key: of its limit, so much was certainly used, and so much more may have been.
type Account struct {
	Charged  int64 // cost of what was admitted
	Possible int64 // cost of what has no known outcome
	Denied   int   // hits
}

// Accounts are those of all keys in the log.
func Accounts(answers []Answer) map[string]Account {
	keys := map[string]Account{}
	for i := range answers {
		a := &answers[i]
		x := keys[a.Key]
		switch {
		case a.charged():
			x.Charged += a.Cost
		case a.Verdict == Unknown, a.Degraded: // whoever answered instead, the owner may have charged it
			x.Possible += a.Cost
		default:
			x.Denied++
		}
		keys[a.Key] = x
	}
	return keys
}

// Lost is, for each key that has lost any, the cost that was admitted and that is not part of used, which the cluster
// shows when all is over.
func Lost(answers []Answer, used map[string]int64) map[string]int64 {
	lost := map[string]int64{}
	for key, x := range Accounts(answers) {
		if n := x.Charged - used[key]; n > 0 {
			lost[key] = n
		}
	}
	return lost
}

// Surplus is, for each key that has any, the used cost that nobody was admitted and that no unknown outcome explains.
func Surplus(answers []Answer, used map[string]int64) map[string]int64 {
	surplus := map[string]int64{}
	for key, x := range Accounts(answers) {
		if n := used[key] - x.Charged - x.Possible; n > 0 {
			surplus[key] = n
		}
	}
	return surplus
}

// Excess is, for each key that has any, the cost that was admitted beyond its bound.
func Excess(answers []Answer, bound func(key string) int64) map[string]int64 {
	excess := map[string]int64{}
	for key, x := range Accounts(answers) {
		if n := x.Charged - bound(key); n > 0 {
			excess[key] = n
		}
	}
	return excess
}

// Missing is, for each key whose hits of cost 1 were denied before its bound was used, the cost that should have been
// admitted: a limiter that denies everybody is not exact.
func Missing(answers []Answer, bound func(key string) int64) map[string]int64 {
	missing := map[string]int64{}
	for key, x := range Accounts(answers) {
		if n := bound(key) - x.Charged - x.Possible; x.Denied > 0 && n > 0 {
			missing[key] = n
		}
	}
	return missing
}

// Degraded counts the answers that no owner gave, by verdict.
func Degraded(answers []Answer) map[Verdict]int {
	n := map[Verdict]int{}
	for i := range answers {
		if answers[i].Degraded {
			n[answers[i].Verdict]++
		}
	}
	return n
}

// Sum adds up the costs of all keys.
func Sum(keys map[string]int64) (sum int64) {
	for _, n := range keys {
		sum += n
	}
	return sum
}
