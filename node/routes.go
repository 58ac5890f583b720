package node

import (
	"sync/atomic"

	"github.com/traffik-io/traffik/node/internal/driver"
	"github.com/traffik-io/traffik/transport"
)

// routes are the owners that other nodes named, where they differ from what this node knows itself; and, in term 0, those
// whom the view named before.
type routes []atomic.Pointer[route]

type route struct {
	term  uint64
	owner transport.UID
}

// learn takes a route if it is not older than the one that is known.
func (r routes) learn(p int, term uint64, owner transport.UID) {
	known := r[p].Load()
	if known != nil && (known.term > term || *known == route{term, owner}) {
		return
	}
	r[p].CompareAndSwap(known, &route{term, owner})
}

// keep has whoever should have owned a partition before the view changed from old to v be asked first, if nobody has named
// another: it goes on serving until it has handed over.
func (r routes) keep(old, v *view) {
	before := map[*peer]*route{}
	for p := range r {
		was, is := old.owner(p), v.owner(p)
		if was == nil || is == nil || was.meta.uid == is.meta.uid || v.find(was.meta.uid) == nil {
			continue
		}
		named := r[p].Load()
		if named != nil && v.find(named.owner) != nil {
			continue
		}
		known := before[was]
		if known == nil {
			known = &route{owner: was.meta.uid}
			before[was] = known
		}
		r[p].CompareAndSwap(named, known)
	}
}

// forget drops a route that led nowhere.
func (r routes) forget(p int) { r[p].Store(nil) }

// route is who decides for partition p: this node if it serves it, else who is said to, by the highest term; else who
// should. Nil if there is nobody.
func (n *Node) route(v *view, p int) *peer {
	if n.driver.Mode(p) != driver.Redirect {
		return v.self
	}
	should := n.heir(v, p)
	uid, term := n.driver.Owner(p)
	owner := transport.UID(uid)
	if told := n.routes[p].Load(); told != nil && (told.term > term.N || owner == transport.UID{}) {
		owner = told.owner
	}
	switch {
	case owner == transport.UID{} || should != nil && should.meta.uid == owner:
		return should
	case owner == n.id.UID: // not any more
		return should
	}
	if said := v.find(owner); said != nil && !n.proofs.has(owner) {
		return said
	}
	return should
}

// heir is the first in rank for partition p that is not proved to be dead.
func (n *Node) heir(v *view, p int) *peer {
	first := v.owner(p)
	if first == nil || first == v.self || !n.proofs.has(first.meta.uid) {
		return first
	}
	for _, i := range v.ring.AppendRanked(nil, p)[1:] {
		if !n.proofs.has(v.owners[i].meta.uid) {
			return v.owners[i]
		}
	}
	return first
}
