// Command replay judges the strategies by golden traces: hits and stats with what the original answered, recorded from
// it in JSON lines.
//
//	go run ./internal/replay DIR
//
// It replays every trace of the *.jsonl files of a directory and prints a line per strategy, and one for the inputs of
// the rate parser:
//
//	GCRA traces=40 compared=1496 excluded=204(gcra_cost_post_charged:151,gcra_stat_remaining:53) mismatches=0
//
// compared counts results: of a hit its decision and, if it was refused, its wait; of a stat what remains and the wait.
// excluded counts, by name, results that are different on purpose. A trace says from which operation on, and in which
// results, a named behaviour of the original shows; quirks, which are bugs, are all excluded from there on, and so
// are the policies that these strategies chose otherwise. Where a decision is affected, the rest of the trace is
// excluded. Of a stat a label tells the first result that differs, so the wait of one whose remaining differs may differ
// too. A few differences have no label, because it takes two of the original's behaviours at once to see them; the command
// finds those itself, and they are excluded only where results do differ. Each mismatch is told on standard error with
// file and line. The exit status is 1 if there is one, if a trace cannot be read, or if nothing was compared.
//
// # Guarantees
//
//  1. Every result of a trace is compared, excluded or, after a mismatch of a decision, given up; none is passed over.
//  2. A trace that cannot be replayed is an error, by file and line.
//  3. The recorded traces of testdata have no mismatch.
//
// It does not measure time, and it is a single goroutine.
package main
