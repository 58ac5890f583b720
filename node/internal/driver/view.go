package driver

import "github.com/traffik-io/traffik/node/ownership"

// SetView tells who is there, and who should own what. Done is closed when the machine has looked at all partitions since.
func (d *Driver) SetView(members []ownership.Member, ring ownership.Ring) (done <-chan struct{}) {
	told := make(chan struct{})
	d.post(func() {
		if len(members) > 1 && d.alone.Load() {
			d.flush() // what there was nobody to be told of
			d.alone.Store(false)
		}
		d.losses.view(members, ring)
		d.step(ownership.ViewChanged{Members: members, Ring: ring})
		d.keepFeeds(members)
		d.viewers = append(d.viewers, told)
		for len(members) < 2 && d.looksOn() { // there is nobody to ask
			d.step(ownership.Proceed{})
		}
	})
	return told
}

// looksOn reports whether the machine has partitions to look at since the view has changed. If not, it tells those who wait
// for that.
func (d *Driver) looksOn() bool {
	if d.machine.LooksOn() {
		return true
	}
	for _, told := range d.viewers {
		close(told)
	}
	d.viewers = nil
	return false
}

// inUse reports whether p has keys, be they of changes that are not read yet.
func (d *Driver) inUse(p uint32) bool {
	if d.cfg.Actors.KeysOf(int(p)) > 0 {
		return true
	}
	in := &d.flows.in[p]
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.unread) > 0
}

// Proved says that a process is certainly dead, though gossip may not say so yet.
func (d *Driver) Proved(uid ownership.UID) {
	d.post(func() { d.step(ownership.Proof{UID: uid}) })
}

// Cleared takes back what Proved said.
func (d *Driver) Cleared(uid ownership.UID) {
	d.post(func() { d.step(ownership.ProofCleared{UID: uid}) })
}
