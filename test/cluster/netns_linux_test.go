package cluster

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// namespace is a network of the kernel that has no name: it is gone when nobody holds it any more, even if the tests
// are killed.
type namespace struct {
	file   *os.File
	closed chan struct{}
	users  sync.WaitGroup
}

func newNamespace() (*namespace, error) {
	ns := &namespace{closed: make(chan struct{})}
	return ns, onThread(func() (err error) {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("unshare: %w", err)
		}
		ns.file, err = os.Open("/proc/thread-self/ns/net")
		return err
	})
}

// do runs f inside: the sockets that f opens and the processes that it starts stay there.
func (ns *namespace) do(f func() error) error {
	return onThread(func() error {
		if err := unix.Setns(int(ns.file.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("setns: %w", err)
		}
		return f()
	})
}

// onThread runs f on a thread that ends with it, so that what f does to its thread is undone.
func onThread(f func() error) error {
	done := make(chan error, 1)
	go func() { // ends with f, and is not unlocked
		runtime.LockOSThread()
		done <- f()
	}()
	return <-done
}

// path names the namespace to commands, for as long as this process lives.
func (ns *namespace) path() string { return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), ns.file.Fd()) }

// ip gives the lines to ip(8), inside.
func (ns *namespace) ip(lines ...string) error {
	return ns.do(func() error {
		cmd := exec.Command("ip", "-batch", "-")
		cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
		var errs bytes.Buffer
		cmd.Stderr = &errs
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("ip: %w: %s: %s", err, errs.String(), strings.Join(lines, "; "))
		}
		return nil
	})
}

// set sets a parameter of the namespace, below net in sysctl(8).
func (ns *namespace) set(name, value string) error {
	return ns.do(func() error { return os.WriteFile("/proc/sys/net/"+name, []byte(value), 0) })
}

// dialers is how many connections are opened at once.
const dialers = 8

// dialer returns what connects from inside, until the namespace is closed. It keeps its threads: one for each connection
// would be too many when a load meets nodes that stall.
func (ns *namespace) dialer() func(ctx context.Context, network, addr string) (net.Conn, error) {
	type dialed struct {
		conn net.Conn
		err  error
	}
	type call struct {
		ctx           context.Context
		network, addr string
		answer        chan dialed
	}
	calls := make(chan call)
	for range dialers {
		ns.users.Go(func() { // ends with the namespace
			_ = ns.do(func() error {
				for {
					select {
					case c := <-calls:
						conn, err := new(net.Dialer).DialContext(c.ctx, c.network, c.addr)
						c.answer <- dialed{conn, err}
					case <-ns.closed:
						return nil
					}
				}
			})
		})
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c := call{ctx, network, addr, make(chan dialed, 1)}
		select {
		case calls <- c:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-ns.closed:
			return nil, net.ErrClosed
		}
		d := <-c.answer
		return d.conn, d.err
	}
}

// close ends those who use it, and lets go of it.
func (ns *namespace) close() {
	close(ns.closed)
	ns.users.Wait()
	ns.file.Close()
}
