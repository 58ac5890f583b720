package node

// Member is what this node knows of a member of the cluster, itself included.
type Member struct {
	Name        string
	UID         string // of the process; a restart has another
	State       State
	Role        Role
	HTTPAddr    string
	GossipAddr  string
	ClusterAddr string
	Version     string
	Partitions  int   // that it serves; as Assigned, if it did not tell in time
	Assigned    int   // that it should own, in this node's view
	Keys        int64 // that it holds; -1 if it did not tell in time
	Self        bool
}

// State is the state of a member.
type State string

// States of a member.
const (
	Joining State = "joining" // owns nothing yet
	Active  State = "active"
	Leaving State = "leaving" // owns nothing any more
	Dead    State = "dead"
)

// Ownership tells who decides for a key.
type Ownership struct {
	Partition int
	Owner     string   // name of the member; empty if no full member is alive
	Backups   []string // names, in the order in which they would take over
	Term      uint64   // the highest that this node knows; 0 if it knows none
}
