package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	p := program{out: os.Stdout, err: os.Stderr, env: os.Getenv, signals: signals}
	os.Exit(p.run(context.Background(), os.Args[1:]))
}

// program is what a process has: its streams, environment and signals.
type program struct {
	out, err io.Writer
	env      func(string) string
	signals  <-chan os.Signal
}

// Exit statuses.
const (
	exitFine    = 0
	exitFailed  = 1
	exitRefused = 1 // of hit and check
	exitUnknown = 2 // of hit, check and stat: nobody could decide
)

// errRefused is the error of a hit or check that was refused. The answer has been written already.
var errRefused = errors.New("refused")

// run runs a command and returns the exit status.
func (p *program) run(ctx context.Context, args []string) int {
	root := p.root()
	root.SetArgs(args)
	root.SetOut(p.out)
	root.SetErr(p.err)
	cmd, err := root.ExecuteContextC(ctx)
	switch {
	case err == nil:
		return exitFine
	case errors.Is(err, errRefused):
		return exitRefused
	}
	_, _ = fmt.Fprintf(p.err, "%s: %v\n", cmd.CommandPath(), err) // the status tells, too
	if asks(cmd) {
		return exitUnknown
	}
	return exitFailed
}

// root is the command tree. Without a command, it serves.
func (p *program) root() *cobra.Command {
	root := p.serveCommand()
	root.Use = "traffik-node"
	root.Short = "A rate limiter that is a cluster"
	root.Args = nil // so that an unknown command is called one
	root.SilenceErrors, root.SilenceUsage = true, true
	root.AddCommand(
		p.serveCommand(), p.askCommand("hit"), p.askCommand("check"), p.askCommand("stat"),
		p.membersCommand(), p.validateCommand(), p.versionCommand(),
	)
	return root
}

// one requires one argument, which the usage calls name.
func one(name string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) == 0:
			return fmt.Errorf("%s is missing", name)
		case len(args) > 1:
			return fmt.Errorf("%q is one argument too many after %s", args[1], name)
		}
		return nil
	}
}
