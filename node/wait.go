package node

import (
	"context"
	"time"
)

// copied is a caller on this node whose answer waits until the copies hold what it charged.
type copied struct{ done chan bool }

// Copied implements driver.Waiter.
func (c *copied) Copied(ok bool) { c.done <- ok }

// copied returns one from the pool.
func (n *Node) copied() *copied {
	if c, ok := n.copies.Get().(*copied); ok {
		return c
	}
	return &copied{make(chan bool, 1)}
}

// awaitCopies returns when the copies hold mutation seq of partition p. It reports false if that is not known within
// the budget of a decision.
func (n *Node) awaitCopies(ctx context.Context, p int, seq uint64) bool {
	c := n.copied()
	if n.driver.Await(p, seq, c) {
		n.copies.Put(c)
		return true
	}
	t := time.NewTimer(n.cfg.Timeout)
	defer t.Stop()
	select {
	case ok := <-c.done:
		n.copies.Put(c)
		return ok
	case <-t.C:
	case <-ctx.Done():
	}
	return false // c belongs to the driver
}
