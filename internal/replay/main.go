package main

import (
	"fmt"
	"log"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: replay DIR")
		os.Exit(2)
	}
	os.Exit(run(os.Args[1], log.New(os.Stdout, "", 0), log.New(os.Stderr, "", 0)))
}

// run replays the traces of dir and returns the exit status.
func run(dir string, stdout, stderr *log.Logger) int {
	r, err := newReplay(stderr)
	if err == nil {
		err = r.dir(dir)
	}
	if err != nil {
		stderr.Println("replay:", err)
		return 1
	}
	r.report(stdout)
	if r.failed() {
		return 1
	}
	return 0
}
