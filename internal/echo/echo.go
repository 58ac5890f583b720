package echo

import (
	"encoding/binary"
	"net"
	"runtime"
	"sync"
)

const readBufferLen = 64 << 10

// Serve answers one connection until it ends.
func Serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	buf, end := make([]byte, readBufferLen), 0
	for {
		n, err := conn.Read(buf[end:])
		if err != nil {
			return
		}
		end += n
		whole := 0
		for end-whole >= 4 {
			size := 4 + int(binary.BigEndian.Uint32(buf[whole:]))
			if end-whole < size {
				break
			}
			whole += size
		}
		if _, err := conn.Write(buf[:whole]); err != nil {
			return
		}
		end = copy(buf, buf[whole:end])
	}
}

// Client is the side of the callers. It is safe for concurrent use.
type Client struct {
	conn net.Conn
	wake chan struct{}
	end  sync.WaitGroup
	pool sync.Pool

	mu      sync.Mutex
	pending []byte
	spare   []byte
	table   []*call
	free    []uint32
}

type call struct {
	done chan struct{}
	got  []byte
}

// NewClient takes the connection over.
func NewClient(conn net.Conn) *Client {
	c := &Client{conn: conn, wake: make(chan struct{}, 1)}
	c.pool.New = func() any { return &call{done: make(chan struct{}, 1)} }
	c.end.Go(c.write)
	c.end.Go(c.read)
	return c
}

// Close ends the goroutines. No call may be waiting.
func (c *Client) Close() {
	_ = c.conn.Close()
	close(c.wake)
	c.end.Wait()
}

// Do sends the payload and returns when it is back.
func (c *Client) Do(payload []byte) {
	q := c.pool.Get().(*call)
	c.mu.Lock()
	id := uint32(len(c.table))
	if n := len(c.free); n > 0 {
		id = c.free[n-1]
		c.free = c.free[:n-1]
		c.table[id] = q
	} else {
		c.table = append(c.table, q)
	}
	first := len(c.pending) == 0
	c.pending = binary.BigEndian.AppendUint32(c.pending, uint32(4+len(payload)))
	c.pending = binary.BigEndian.AppendUint32(c.pending, id)
	c.pending = append(c.pending, payload...)
	c.mu.Unlock()
	if first {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
	<-q.done
	c.pool.Put(q)
}

func (c *Client) write() {
	for range c.wake {
		runtime.Gosched()
		c.mu.Lock()
		b := c.pending
		c.pending = c.spare[:0]
		c.mu.Unlock()
		if _, err := c.conn.Write(b); err != nil {
			return
		}
		c.spare = b
	}
}

func (c *Client) read() {
	buf, end := make([]byte, readBufferLen), 0
	for {
		n, err := c.conn.Read(buf[end:])
		if err != nil {
			return
		}
		end += n
		whole := 0
		for end-whole >= 8 {
			size := 4 + int(binary.BigEndian.Uint32(buf[whole:]))
			if end-whole < size {
				break
			}
			id := binary.BigEndian.Uint32(buf[whole+4:])
			c.mu.Lock()
			q := c.table[id]
			c.free = append(c.free, id)
			c.mu.Unlock()
			q.got = append(q.got[:0], buf[whole+8:whole+size]...)
			q.done <- struct{}{}
			whole += size
		}
		end = copy(buf, buf[whole:end])
	}
}
