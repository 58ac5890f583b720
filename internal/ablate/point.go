//go:build ablation

package ablate

import (
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Point is where a handoff has got to, in the eyes of one of those who take part: the owner, the target that it is handed
// to, and the backup. Who sends the message of a step is there when that was delivered, and who receives it before it is
// acted on.
type Point string

// The points of a handoff. A target is not told of intents, nor a backup of offers, copies and commits.
const (
	OwnerOffered   Point = "owner:offered"
	OwnerCopying   Point = "owner:copying"
	OwnerTold      Point = "owner:told" // the backup knows who will be next
	OwnerFrozen    Point = "owner:frozen"
	OwnerCommitted Point = "owner:committed"

	TargetOffered   Point = "target:offered"
	TargetCopying   Point = "target:copying"
	TargetFrozen    Point = "target:frozen"
	TargetCommitted Point = "target:committed"

	BackupTold      Point = "backup:told"
	BackupCommitted Point = "backup:committed"
)

// fault is what befalls this process at a point; the zero value, nothing.
type fault struct {
	at   Point
	nth  int
	of   []string       // partitions; empty for all
	with syscall.Signal // 0 if there is no fault

	mu   sync.Mutex // guards what follows
	seen map[uint32]bool
}

var kill, stop = faultOf("TRAFFIK_KILL", syscall.SIGKILL), faultOf("TRAFFIK_STOP", syscall.SIGSTOP)

// faultOf reads role:step:n, and the partitions that count, from the environment.
func faultOf(name string, with syscall.Signal) *fault {
	value := os.Getenv(name)
	if value == "" {
		return &fault{}
	}
	end := strings.LastIndexByte(value, ':')
	nth, err := strconv.Atoi(value[end+1:])
	if err != nil || end < 0 || nth < 1 {
		panic(fmt.Sprintf("%s: %q is not role:step:n", name, value))
	}
	f := &fault{at: Point(value[:end]), nth: nth, with: with, seen: map[uint32]bool{}}
	if of := os.Getenv("TRAFFIK_PARTITIONS"); of != "" {
		f.of = strings.Split(of, ",")
	}
	return f
}

// Reach ends or suspends this process with a signal if it was told to at this point of the handoff of partition p, and
// does not return before it goes on. A partition counts once, however often it gets to the point.
func Reach(at Point, p uint32) {
	for _, f := range []*fault{kill, stop} {
		if f.with != 0 && f.at == at && f.due(p) {
			f.strike(p)
		}
	}
}

// due reports whether p is the partition at which the fault strikes.
func (f *fault) due(p uint32) bool {
	if len(f.of) > 0 && !slices.Contains(f.of, fmt.Sprint(p)) {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen[p] {
		return false
	}
	f.seen[p] = true
	return len(f.seen) == f.nth
}

// strike says where the process is, and sends it the signal.
func (f *fault) strike(p uint32) {
	goesOn := make(chan os.Signal, 1)
	signal.Notify(goesOn, syscall.SIGCONT)
	defer signal.Stop(goesOn)
	fmt.Fprintf(os.Stderr, "reached %s of partition %d\n", f.at, p)
	if err := syscall.Kill(os.Getpid(), f.with); err != nil {
		panic(err)
	}
	<-goesOn
}
