package ownership_test

import (
	"fmt"

	"github.com/traffik-io/traffik/node/ownership"
)

// ring is a fixed ranking.
type ring []ownership.UID

func (r ring) Rank(uint32) []ownership.UID { return r }

// Example hands partition 0 from node 1 to node 2, which joins and ranks first.
func Example() {
	one, two := ownership.UID{1}, ownership.UID{2}
	machines := map[ownership.UID]*ownership.Machine{}
	for _, u := range []ownership.UID{one, two} {
		machines[u], _ = ownership.New(ownership.Config{Self: u, Partitions: 1})
	}

	// step is a driver without state: messages arrive in order, streams are empty, and time stands still.
	type told struct {
		node  ownership.UID
		event ownership.Event
	}
	step := func(u ownership.UID, e ownership.Event) {
		for queue := []told{{u, e}}; len(queue) > 0; queue = queue[1:] {
			u := queue[0].node
			for _, f := range machines[u].Step(1e6, queue[0].event) {
				switch f := f.(type) {
				case ownership.Send:
					queue = append(queue, told{f.To, ownership.Received{From: u, Msg: f.Msg}})
				case ownership.Stream:
					queue = append(queue, told{u, ownership.Streamed{P: f.P, To: f.To, Stream: f.Stream}})
				case ownership.Freeze:
					queue = append(queue, told{u, ownership.Quiesced{P: f.P}})
				case ownership.Gate:
					if f.Mode == ownership.Serve {
						fmt.Printf("node %d serves in term %d\n", u[0], f.Term.N)
					}
				}
			}
		}
	}

	alone := []ownership.Member{{UID: one, State: ownership.Active}}
	step(one, ownership.ViewChanged{Members: alone, Ring: ring{one}})
	both := []ownership.Member{{UID: one, State: ownership.Active}, {UID: two, State: ownership.Active}}
	step(two, ownership.ViewChanged{Members: both, Ring: ring{two, one}})
	step(one, ownership.ViewChanged{Members: both, Ring: ring{two, one}})
	fmt.Println("node 1 is a", machines[one].Status(0).Role)
	// Output:
	// node 1 serves in term 1000
	// node 2 serves in term 1001
	// node 1 is a backup
}
