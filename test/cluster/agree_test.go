package cluster

import (
	"errors"
	"fmt"
)

// agreed is what all nodes tell of the keys: how much of each is used, and who owns it. It is an error as long as they
// tell different things.
func agreed(nodes []*process, keys []aim) (used map[string]int64, owners map[string]string, err error) {
	used, owners = map[string]int64{}, map[string]string{}
	for i, p := range nodes {
		for _, a := range keys {
			r, err := p.send("/v1/stat", fmt.Sprintf(`{"key":%q,"rate":"%d/day"}`, a.key, a.limit))
			if err != nil || r.Status != 200 || r.Degraded {
				return nil, nil, errors.Join(fmt.Errorf("%s of %s: %+v", a.key, p.name, r), err)
			}
			n := a.limit - int64(r.Remaining)
			if i == 0 {
				used[a.key], owners[a.key] = n, r.Owner
			} else if used[a.key] != n || owners[a.key] != r.Owner {
				return nil, nil, fmt.Errorf("%s: %d used of %s, or %d of %s", a.key, used[a.key], owners[a.key], n, r.Owner)
			}
		}
	}
	return used, owners, nil
}
