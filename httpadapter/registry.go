package httpadapter

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// ErrTaken says that a registry has a throttle of that uid already.
var ErrTaken = errors.New("uid is taken")

// Registry finds throttles by uid, to look at them and change them while the program runs. The zero value is empty and
// ready to use. It is safe for concurrent use.
type Registry struct {
	disabled atomic.Bool

	mu        sync.RWMutex
	throttles map[string]*Throttle
}

func (g *Registry) add(t *Throttle) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.throttles[t.uid] != nil {
		return fmt.Errorf("throttle %q: %w", t.uid, ErrTaken)
	}
	if g.throttles == nil {
		g.throttles = map[string]*Throttle{}
	}
	g.throttles[t.uid] = t
	return nil
}

// Find returns the throttle called uid.
func (g *Registry) Find(uid string) (t *Throttle, ok bool) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	t, ok = g.throttles[uid]
	return t, ok
}

// UIDs are the names of all throttles, sorted.
func (g *Registry) UIDs() []string {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return slices.Sorted(maps.Keys(g.throttles))
}

// Remove forgets the throttle called uid, so that its name is free, and reports whether there was one. The throttle
// goes on limiting.
func (g *Registry) Remove(uid string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, ok := g.throttles[uid]
	delete(g.throttles, uid)
	return ok
}

// Disable disables the throttle called uid, and reports whether there is one.
func (g *Registry) Disable(uid string) bool {
	t, ok := g.Find(uid)
	if ok {
		t.Disable()
	}
	return ok
}

// Enable enables the throttle called uid, and reports whether there is one. It does not end DisableAll.
func (g *Registry) Enable(uid string) bool {
	t, ok := g.Find(uid)
	if ok {
		t.Enable()
	}
	return ok
}

// DisableAll is the emergency switch: from one instant on every throttle, also of those made later, lets everything
// pass, until EnableAll.
func (g *Registry) DisableAll() { g.disabled.Store(true) }

// EnableAll ends DisableAll, and enables every throttle that was disabled by itself.
func (g *Registry) EnableAll() {
	g.mu.RLock()
	defer g.mu.RUnlock()
	for _, t := range g.throttles {
		t.Enable()
	}
	g.disabled.Store(false)
}
