package node

import "time"

// departure is a process that is gone from the view. It may only have been slow, or behind a broken network.
type departure struct {
	name string
	at   time.Time
	left bool // on purpose
}

// departedFor is how long the hits of a process that is gone are remembered: longer than any of them may be sent again.
const departedFor = 2 * time.Minute

// forgetDeparted forgets processes that are gone for good, and their hits.
func (n *Node) forgetDeparted(now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, d := range n.departed {
		if now.Sub(d.at) > departedFor {
			delete(n.departed, id)
			n.origins.forget(id)
			n.countVanishedLocked()
		}
	}
}

// countVanishedLocked counts the members that are gone and did not leave, but for those that were started again.
func (n *Node) countVanishedLocked() {
	names := map[string]bool{}
	for _, d := range n.departed {
		if !d.left {
			names[d.name] = true
		}
	}
	for _, p := range n.view.Load().members {
		delete(names, p.meta.name)
	}
	n.vanished.Store(int32(len(names)))
}

// sharers is how many nodes share a limit that no owner decides: the members, and those that vanished lately. When a
// network splits, each side loses sight of the other some time before it serves what that owned. Were it to share the
// limit among itself meanwhile, the shares of all nodes would add up to the limit once for each side, on top of what
// the owners admit.
func (n *Node) sharers() int { return len(n.view.Load().members) + int(n.vanished.Load()) }
