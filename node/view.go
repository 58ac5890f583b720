package node

import (
	"slices"
	"strings"

	"github.com/traffik-io/traffik/ring"
	"github.com/traffik-io/traffik/transport"
)

// view is what this node believes of the cluster: an immutable snapshot, built aside by one goroutine and swapped in.
type view struct {
	self    *peer
	members []*peer // all that are alive, itself included, by name
	ring    *ring.Ring
	owners  []*peer // of the ring's members, in its order
}

// peer is a member that is alive.
type peer struct {
	meta       *meta
	gossipAddr string
	link       *transport.Link // nil for this node itself
}

// newView ranks the members. Of those with one name, the newest process is ranked.
func newView(prev *ring.Ring, self *peer, others map[transport.UID]*peer) *view {
	v := &view{self: self, members: []*peer{self}}
	for _, p := range others {
		v.members = append(v.members, p)
	}
	slices.SortFunc(v.members, func(a, b *peer) int {
		if c := strings.Compare(a.meta.name, b.meta.name); c != 0 {
			return c
		}
		return slices.Compare(a.meta.uid[:], b.meta.uid[:])
	})
	byName := map[string]*peer{}
	for _, p := range v.members {
		if p.ranks() && (byName[p.meta.name] == nil || p.meta.newerThan(byName[p.meta.name].meta)) {
			byName[p.meta.name] = p
		}
	}
	v.ring = prev
	for _, name := range prev.Members() {
		if byName[name] == nil {
			v.ring = v.ring.Without(name)
		}
	}
	for name := range byName {
		v.ring = v.ring.With(name)
	}
	for _, name := range v.ring.Members() {
		v.owners = append(v.owners, byName[name])
	}
	return v
}

// ranks reports whether p may own partitions.
func (p *peer) ranks() bool { return p.meta.state == Active && p.meta.role == Full }

// owner is who owns partition p in this view; nil if nobody does.
func (v *view) owner(p int) *peer {
	if i := v.ring.OwnerIndex(p); i >= 0 {
		return v.owners[i]
	}
	return nil
}

// find returns the live member with that uid, or nil.
func (v *view) find(u transport.UID) *peer {
	for _, p := range v.members {
		if p.meta.uid == u {
			return p
		}
	}
	return nil
}

// rivals returns a live process that has this node's name and is to have it, or nil.
func (v *view) rival() *peer {
	for _, p := range v.members {
		if p != v.self && p.meta.state != Leaving && p.meta.name == v.self.meta.name && p.meta.newerThan(v.self.meta) {
			return p
		}
	}
	return nil
}

// established reports whether there is another full member that has been active.
func (v *view) established() bool {
	return slices.ContainsFunc(v.members, func(p *peer) bool {
		return p != v.self && p.meta.role == Full && p.meta.state != Joining
	})
}

// full is the number of members that own keys or are about to.
func (v *view) full() int {
	n := 0
	for _, p := range v.members {
		if p.meta.role == Full && p.meta.state != Leaving {
			n++
		}
	}
	return n
}
