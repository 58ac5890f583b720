package node

import (
	"context"
	"errors"
	"time"
)

// closed is a context that is over: what is closed under it waits for nothing.
var closed = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// Leave is the first part of Shutdown: the node is not ready any more, and hands its partitions over, for as long as ctx
// allows. It goes on answering until Shutdown, so that whoever still asks it loses no hit. If nobody is there, but others
// vanished within two minutes, it waits for them: it may be cut off, and have the only copy. Shutdown alone does not.
func (n *Node) Leave(ctx context.Context) {
	n.mu.Lock()
	n.leaving = true
	alone := len(n.others) == 0 && n.vanished.Load() == 0
	n.mu.Unlock()
	n.leave(ctx, alone)
}

// leave tells the others, once, and hands over what is left.
func (n *Node) leave(ctx context.Context, alone bool) {
	n.ready.Store(false)
	if n.setState(Leaving); !alone && !n.handedOver.Load() {
		n.gossip.announce()
		n.handOver(ctx)
	}
}

// Shutdown leaves the cluster and stops, in this order:
//
//  1. The node tells the others that it leaves, and is not ready any more.
//  2. It hands its partitions over, and goes on answering, until it holds nothing that others need or ctx ends.
//  3. It stops to listen; hits in flight are answered.
//  4. It says farewell to gossip, and every goroutine ends.
//
// Hits that come later are ErrClosed. It may be called more than once, and then waits for the first call.
func (n *Node) Shutdown(ctx context.Context) error {
	n.mu.Lock()
	if n.closing {
		n.mu.Unlock()
		select {
		case <-n.done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	n.closing = true
	alone := len(n.others) == 0
	n.mu.Unlock()
	return n.stop(ctx, alone)
}

// fail stops the node because of err.
func (n *Node) fail(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closing {
		return
	}
	n.closing, n.failure = true, err
	n.log.Error("leaving the cluster", "err", err)
	go func() { // ends with the node: it closes done
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = n.stop(ctx, false)
	}()
}

// heard is how long gossip takes, with a margin, until a few hundred members know of a change.
const heard = 500 * time.Millisecond

// handOver waits until this node holds nothing any more that others need, and they have heard that it leaves.
func (n *Node) handOver(ctx context.Context) {
	began := time.Now()
	select {
	case <-n.driver.Drained():
		n.handedOver.Store(true)
		n.log.Info("everything is handed over", "took", time.Since(began))
	case <-ctx.Done():
		n.log.Warn("leaving with partitions that nobody took over", "partitions", n.driver.Stats().Serving)
	}
	sleep(ctx, heard-time.Since(began))
}

func (n *Node) stop(ctx context.Context, alone bool) error {
	n.leave(ctx, alone)
	err := n.server.Shutdown(ctx)
	n.stopped.Store(true)
	n.cancel()
	n.mu.Lock()
	n.alone = true
	others := n.others
	n.mu.Unlock()
	n.driver.Close()
	n.links.close(ctx)
	for _, p := range others {
		err = errors.Join(err, p.link.Close(ctx))
	}
	err = errors.Join(err, n.gossip.leave())
	n.tasks.Wait()
	n.shares.close()
	n.actors.Close()
	close(n.done)
	return err
}
