package ring_test

import (
	"fmt"

	"github.com/traffik-io/traffik/ring"
)

func Example() {
	h := ring.NewHasher([]byte("a secret of the cluster"))
	r, _ := ring.New(h, ring.DefaultPartitions, 2, "n1", "n2", "n3")
	hi, _ := h.Key("api:items", "user:42", "default")
	before := r.Ranked(r.Partition(hi))

	r = r.Without(before[0]) // the owner is gone: its backup takes over
	fmt.Println(r.Owner(r.Partition(hi)) == before[1])
	// Output: true
}
