// Package ablate takes safety away, one rule at a time, from binaries that are built to be caught: a test of faults that
// such a binary passes proves nothing.
//
// It does so in builds with the tag "ablation" only, for the rules that the environment variable TRAFFIK_ABLATE lists,
// separated by commas. In other builds every rule is a constant false, and the compiler leaves out what depends on it.
// Builds with the tag also tell the term in which a hit was decided, so that a second owner can be told from the first;
// with no rule listed they differ in nothing else.
//
//	acks    answers do not wait until the copies hold what was charged
//	copies  what moves with a partition arrives empty
//	dedup   an owner does not know a hit that is sent again
//	merge   a replaced owner forgets what the next one does not know
//	pause   a process does not ask, after it was suspended, whether it was replaced
//
// Such a build also ends itself, as kill -9 does, or suspends itself at a point of a handoff, see Point: the variable
// TRAFFIK_KILL or TRAFFIK_STOP says at which, and at the how-manieth partition that gets there, as owner:frozen:3 does.
// Only those partitions count that TRAFFIK_PARTITIONS lists, separated by commas; all, if it is empty. A line on standard
// error tells that it is there. In other builds there is nothing of this.
//
// # Concurrency
//
// What Listen returns belongs to one hit and the goroutine that asks for it. Reach may be called from many goroutines.
package ablate
