package strategy

import "fmt"

// paramError says what is wrong with the value of a parameter.
func paramError(field string, value any, wrong string) error {
	return fmt.Errorf("params.%s: %v %s", field, value, wrong)
}

// burst is the capacity that a bucket's burst_size asks for: the rate's limit where it is 0.
func burst(size int64, r Rate) (int64, error) {
	switch {
	case size < 0:
		return 0, paramError("burst_size", size, "is negative")
	case size > maxCapacity:
		return 0, paramError("burst_size", size, "is above the largest capacity, 2^60")
	case size == 0:
		return r.limit, nil
	}
	return size, nil
}
