package ring

import (
	"fmt"
	"math/bits"
	"slices"
)

// DefaultPartitions is good for about a hundred owners (200 partitions for each).
const DefaultPartitions = 16384

// none marks a rank that no member fills.
const none = ^uint16(0)

// Ring ranks members for each partition. The zero value is not usable; a ring without members is.
type Ring struct {
	hasher  Hasher
	depth   int
	shift   int      // of the hash's high word, to its partition
	members []member // sorted by name
	ranked  []uint16 // depth indices of members for each partition, best first, then none
}

type member struct {
	name string
	hash uint64
}

// New ranks the named members over the partitions, a power of two between 2 and 65536, and keeps the best depth of
// each partition: its owner and depth-1 backups.
func New(h Hasher, partitions, depth int, names ...string) (*Ring, error) {
	switch {
	case partitions < 2 || partitions > 1<<16 || partitions&(partitions-1) != 0:
		return nil, fmt.Errorf("partitions: %d is not a power of two between 2 and 65536", partitions)
	case depth < 1:
		return nil, fmt.Errorf("depth: %d is below 1", depth)
	case len(names) >= int(none):
		return nil, fmt.Errorf("members: %d are too many", len(names))
	}
	r := &Ring{hasher: h, depth: depth, shift: 64 - bits.TrailingZeros(uint(partitions)), ranked: make([]uint16, partitions*depth)}
	for i := range r.ranked {
		r.ranked[i] = none
	}
	for _, name := range names {
		r = r.With(name)
	}
	return r, nil
}

// Partitions is their number.
func (r *Ring) Partitions() int { return len(r.ranked) / r.depth }

// Partition is that of a key with the hash's high word hi.
func (r *Ring) Partition(hi uint64) int { return int(hi >> r.shift) }

// Members are the names of all members, sorted.
func (r *Ring) Members() []string {
	names := make([]string, len(r.members))
	for i, m := range r.members {
		names[i] = m.name
	}
	return names
}

// Owner is the best ranked member of partition p; "" if there are no members.
func (r *Ring) Owner(p int) string { return r.at(p, 0) }

// OwnerIndex is the index in Members of the owner of partition p; -1 if there are no members.
func (r *Ring) OwnerIndex(p int) int {
	if i := r.ranked[p*r.depth]; i != none {
		return int(i)
	}
	return -1
}

// Ranked are the owner of partition p and its backups, best first; fewer than the depth if members are.
func (r *Ring) Ranked(p int) []string {
	names := make([]string, 0, r.depth)
	for i := range min(r.depth, len(r.members)) {
		names = append(names, r.at(p, i))
	}
	return names
}

// AppendRanked appends those whom Ranked names, by their indices in Members.
func (r *Ring) AppendRanked(indices []int, p int) []int {
	for _, i := range r.row(p) {
		if i != none {
			indices = append(indices, int(i))
		}
	}
	return indices
}

// Owned is the number of partitions that each member owns, in the order of Members.
func (r *Ring) Owned() []int {
	n := make([]int, len(r.members))
	for p := 0; p < len(r.ranked); p += r.depth {
		if i := r.ranked[p]; i != none {
			n[i]++
		}
	}
	return n
}

func (r *Ring) at(p, rank int) string {
	if i := r.ranked[p*r.depth+rank]; i != none {
		return r.members[i].name
	}
	return ""
}

// With returns the ring with one member more; r itself if it is a member already.
func (r *Ring) With(name string) *Ring {
	at, found := r.find(name)
	if found {
		return r
	}
	n := r.changed(slices.Insert(slices.Clone(r.members), at, member{name, r.hasher.name(name)}))
	for i, m := range n.ranked {
		if m != none && int(m) >= at {
			n.ranked[i]++
		}
	}
	for p := range n.Partitions() {
		n.insert(p, uint16(at))
	}
	return n
}

// Without returns the ring with one member less; r itself if it is none.
func (r *Ring) Without(name string) *Ring {
	at, found := r.find(name)
	if !found {
		return r
	}
	n := r.changed(slices.Delete(slices.Clone(r.members), at, at+1))
	for p := range n.Partitions() {
		row := n.row(p)
		lost := slices.Index(row, uint16(at))
		for i, m := range row {
			if m != none && int(m) > at {
				row[i]--
			}
		}
		if lost >= 0 {
			n.rank(p)
		}
	}
	return n
}

func (r *Ring) find(name string) (at int, found bool) {
	return slices.BinarySearchFunc(r.members, name, func(m member, name string) int {
		switch {
		case m.name < name:
			return -1
		case m.name > name:
			return 1
		}
		return 0
	})
}

// changed is a copy of r with other members, and the ranks of the old ones.
func (r *Ring) changed(members []member) *Ring {
	return &Ring{hasher: r.hasher, depth: r.depth, shift: r.shift, members: members, ranked: slices.Clone(r.ranked)}
}

func (r *Ring) row(p int) []uint16 { return r.ranked[p*r.depth : (p+1)*r.depth] }

// rank fills the row of p anew.
func (r *Ring) rank(p int) {
	for i := range r.row(p) {
		r.row(p)[i] = none
	}
	for i := range r.members {
		r.insert(p, uint16(i))
	}
}

// insert puts member m into the row of p, at its rank if that is within the depth.
func (r *Ring) insert(p int, m uint16) {
	row := r.row(p)
	for i, other := range row {
		if other == none || r.better(p, m, other) {
			copy(row[i+1:], row[i:])
			row[i] = m
			return
		}
	}
}

// better reports whether a ranks before b for partition p.
func (r *Ring) better(p int, a, b uint16) bool {
	sa, sb := r.score(p, a), r.score(p, b)
	return sa > sb || sa == sb && a < b
}

// score is the weight of rendezvous hashing (Thaler and Ravishankar, 1998).
func (r *Ring) score(p int, m uint16) uint64 {
	return mix(r.members[m].hash ^ mix(uint64(p)+1))
}
