package ownership

import (
	"slices"

	"github.com/traffik-io/traffik/strategy"
)

// Status is what this node knows of one partition.
type Status struct {
	Role Role
	// Term is the highest one that was active as far as known here; its Owner is whom to ask. Zero if none is known.
	Term Term
	// Copy is how far the complete copy here has got; zero without one.
	Copy Version
	// Serving says that hits are decided here.
	Serving bool
	// Copies counts the complete copies, the owner's included. It is known to the owner only, else 0.
	Copies int
	// Oldest is when the oldest mutation happened that is not as safe as it can be, or a little before; 0 if there is
	// none. It is known to the owner only.
	Oldest strategy.Time
	// Merges counts the divergent copies that wait here for the owner to join them.
	Merges int
}

// Status tells about partition p. It is zero for one that nothing is known of.
func (m *Machine) Status(p uint32) Status {
	q := m.have(p)
	if q == nil {
		return Status{}
	}
	s := Status{Role: q.role, Term: q.hint, Copy: q.copy, Serving: q.gate.Mode == Serve, Merges: len(q.merges)}
	if q.own != nil {
		s.Copies = m.setLen(q)
		if len(q.own.marks) > 0 {
			s.Oldest = q.own.marks[0].at
		}
	}
	return s
}

// Silent are the members that have answered nothing for Config.Patience, as of the last [Tick], in the order of their
// UIDs.
func (m *Machine) Silent() (all []UID) {
	for _, u := range m.view.others {
		if m.silent(u) {
			all = append(all, u)
		}
	}
	return all
}

// Holders are the nodes that hold a complete copy of partition p, this one first, and the term; nil unless this node owns
// it.
func (m *Machine) Holders(p uint32) (Term, []UID) {
	q := m.have(p)
	if q == nil || q.own == nil {
		return Term{}, nil
	}
	return q.copy.Term, slices.Clone(q.own.holderSet(m.cfg.Self))
}
