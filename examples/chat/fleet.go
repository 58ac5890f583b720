package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"
)

// replicaEnv tells a process that it is a replica, and which.
const replicaEnv = "TRAFFIK_CHAT_REPLICA"

// replicaConfig is what a replica is told.
type replicaConfig struct {
	Name, HTTP, Gossip, Cluster string
	Join                        []string
}

// fleet starts and kills the processes of the replicas.
type fleet struct {
	replicas []replicaConfig

	mu      sync.Mutex
	running []*process // nil: dead
}

type process struct {
	command *exec.Cmd
	stdin   io.Closer     // a replica ends when it is closed, so that none outlives the launcher
	done    chan struct{} // closed when it has ended
}

// newFleet chooses free ports for n replicas. They keep them over restarts.
func newFleet(n int) (*fleet, error) {
	f := &fleet{running: make([]*process, n)}
	var all []string
	for i := range n {
		addrs, err := freeAddrs(3)
		if err != nil {
			return nil, err
		}
		f.replicas = append(f.replicas, replicaConfig{Name: fmt.Sprintf("replica-%d", i+1), HTTP: addrs[0], Gossip: addrs[1], Cluster: addrs[2]})
		all = append(all, addrs[1])
	}
	for i := range f.replicas {
		f.replicas[i].Join = all
	}
	return f, nil
}

// freeAddrs are n loopback addresses that were free for TCP a moment ago.
func freeAddrs(n int) (addrs []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		addrs = append(addrs, l.Addr().String())
	}
	return addrs, nil
}

var errState = errors.New("it is in that state already")

func (f *fleet) start(i int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.running[i] != nil {
		return errState
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	config, err := json.Marshal(f.replicas[i])
	if err != nil {
		return err
	}
	p := &process{command: exec.Command(self), done: make(chan struct{})}
	p.command.Env = append(os.Environ(), replicaEnv+"="+string(config))
	p.command.Stderr = os.Stderr
	if p.stdin, err = p.command.StdinPipe(); err != nil {
		return err
	}
	if err := p.command.Start(); err != nil {
		return err
	}
	f.running[i] = p
	go func() { // ends with the process
		_ = p.command.Wait()
		close(p.done)
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.running[i] == p {
			f.running[i] = nil
		}
	}()
	return nil
}

// kill ends a replica without a chance to hand anything over, as a power cut would.
func (f *fleet) kill(i int) error {
	f.mu.Lock()
	p := f.running[i]
	f.running[i] = nil
	f.mu.Unlock()
	if p == nil {
		return errState
	}
	err := p.command.Process.Kill()
	<-p.done
	return err
}

func (f *fleet) alive(i int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.running[i] != nil
}

// stop lets all replicas leave, and kills those that take longer than 5 s.
func (f *fleet) stop() {
	f.mu.Lock()
	var all []*process
	for _, p := range f.running {
		if p != nil {
			all = append(all, p)
			_ = p.stdin.Close()
		}
	}
	f.mu.Unlock()
	late := time.AfterFunc(5*time.Second, func() {
		for _, p := range all {
			_ = p.command.Process.Kill()
		}
	})
	defer late.Stop()
	for _, p := range all {
		<-p.done
	}
}
