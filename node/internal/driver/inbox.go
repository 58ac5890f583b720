package driver

import "time"

// post has f run on the goroutine of Run.
func (d *Driver) post(f func()) {
	d.mu.Lock()
	d.inbox = append(d.inbox, f)
	d.mu.Unlock()
	d.signal()
}

func (d *Driver) signal() { notify(d.wake) }

// work runs what was posted, and then, unless bulk rests, one piece of that. It returns for how long bulk rests then: as
// long as that took, so that hits get half of a busy processor.
func (d *Driver) work() (rest time.Duration) {
	d.urgent()
	began := time.Now()
	if rest = d.rest.Sub(began); rest > 0 {
		return rest
	}
	d.mu.Lock()
	if len(d.bulk) == 0 {
		d.mu.Unlock()
		return 0
	}
	f := d.bulk[0]
	d.bulk[0] = nil
	d.bulk = d.bulk[1:]
	d.mu.Unlock()
	f()
	took := time.Since(began)
	d.rest = began.Add(2 * took)
	return took
}

// urgent runs what was posted. Bulk calls it between its messages.
func (d *Driver) urgent() {
	d.mu.Lock()
	inbox := d.inbox
	d.inbox = nil
	d.mu.Unlock()
	for _, f := range inbox {
		f()
		d.keepUp()
	}
	d.keepUp()
}

// postBulk has f run on the goroutine of Run when nothing else waits.
func (d *Driver) postBulk(f func()) {
	d.mu.Lock()
	d.bulk = append(d.bulk, f)
	d.mu.Unlock()
	d.signal()
}
