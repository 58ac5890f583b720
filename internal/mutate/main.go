package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"
)

func main() {
	only := flag.String("only", "", "run the mutations whose file or description contains this `text`")
	verbose := flag.Bool("v", false, "print the output of the tests that caught a mutation")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *only, *verbose)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

// run tries the chosen mutations and reports each as it is done.
func run(ctx context.Context, only string, verbose bool) error {
	var chosen []mutation
	for _, m := range mutations {
		if strings.Contains(m.file+" "+m.what, only) {
			chosen = append(chosen, m)
		}
	}
	if len(chosen) == 0 {
		return fmt.Errorf("no mutation matches %q", only)
	}
	start, failed := time.Now(), 0
	results, err := tryAll(ctx, chosen)
	if err != nil {
		return err
	}
	for r := range results {
		if r.err != nil {
			failed++
			fmt.Printf("FAIL   %s: %s: %v\n", r.file, r.what, r.err)
			continue
		}
		fmt.Printf("caught %s: %s (%v)\n", r.file, r.what, r.took.Round(100*time.Millisecond))
		if verbose {
			fmt.Println(r.output)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	fmt.Printf("%d mutations, %d caught, %d not, in %v\n", len(chosen), len(chosen)-failed, failed, time.Since(start).Round(time.Second))
	if failed > 0 {
		return fmt.Errorf("%d of %d mutations were not caught", failed, len(chosen))
	}
	return nil
}
