package ownership

import "bytes"

// UID is the random identity of one process start. A restarted node has another one.
type UID [16]byte

// Less orders UIDs; the order has no meaning but is the same everywhere.
func (u UID) Less(v UID) bool { return bytes.Compare(u[:], v[:]) < 0 }

// Term names one serving period of one partition. The zero value is before every term.
type Term struct {
	// N grows with every change of owner. Claims mint at least the Unix time in milliseconds, so that a cluster
	// that started cold outranks an owner that slept through it.
	N uint64
	// Owner serves in this term, Minter made it up: the owner itself in a claim, the owner before it in a handoff.
	Owner, Minter UID
}

// Less is the total order of terms.
func (t Term) Less(u Term) bool {
	if t.N != u.N {
		return t.N < u.N
	}
	if t.Owner != u.Owner {
		return t.Owner.Less(u.Owner)
	}
	return t.Minter.Less(u.Minter)
}

// Version is how far a complete copy has got: Seq mutations into Term. The zero value means no copy.
type Version struct {
	Term Term
	Seq  uint64
}

// Less orders copies: by term, then by mutations.
func (v Version) Less(w Version) bool {
	if v.Term != w.Term {
		return v.Term.Less(w.Term)
	}
	return v.Seq < w.Seq
}

// covers reports whether a copy that continued from v certainly holds all that a copy at w does.
func (v Version) covers(w Version) bool {
	return w == Version{} || w.Term == v.Term && w.Seq <= v.Seq
}
