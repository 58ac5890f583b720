package node

import (
	"maps"
	"math"
	"sync"
	"sync/atomic"

	"github.com/traffik-io/traffik/transport"
)

// origins finds what is remembered of the hits of each process. They are few and looked up with every hit, so the map is
// never changed: it is copied and replaced. The zero value is empty.
type origins struct {
	mu  sync.Mutex // held by whoever replaces all
	all atomic.Pointer[map[originKey]*dedup]
}

// originKey names what is remembered together: the hits of one class of one process.
type originKey struct {
	uid   transport.UID
	class uint64
}

// of returns what is remembered of the hits of a process that are of the class of id.
func (o *origins) of(u transport.UID, id uint64) *dedup {
	key := originKey{u, id & waiting}
	if all := o.all.Load(); all != nil {
		if d := (*all)[key]; d != nil {
			return d
		}
	}
	return o.add(key)
}

func (o *origins) add(key originKey) *dedup {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := map[originKey]*dedup{}
	if old := o.all.Load(); old != nil {
		all = maps.Clone(*old)
	}
	d := all[key] // another may have added it meanwhile
	if d == nil {
		d = newDedup(key)
		all[key] = d
		o.all.Store(&all)
	}
	return d
}

// forget drops what is remembered of a process, which sends no hit again: all its hits are settled, wherever there is a
// charge of them still.
func (o *origins) forget(u transport.UID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	old := o.all.Load()
	if old == nil {
		return
	}
	all := maps.Clone(*old)
	for _, class := range [...]uint64{0, waiting} {
		key := originKey{u, class}
		if d := all[key]; d != nil {
			delete(all, key)
			d.settleBelow(math.MaxUint64)
		}
	}
	o.all.Store(&all)
}
