package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/traffik-io/traffik/cmd/traffik-node/internal/config"
	"github.com/traffik-io/traffik/strategy"
)

func (p *program) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "validate FILE",
		Short:   "Check a configuration file",
		Long:    "Check a configuration file: every error is written with its line and column. Exits with 1 if there are any.",
		Example: "  traffik-node validate /etc/traffik.yaml",
		Args:    one("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			registry, err := strategy.NewRegistry()
			if err != nil {
				return err
			}
			data, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			f, err := config.ParseFile(registry, args[0], data)
			if err != nil {
				return fmt.Errorf("%s is not valid\n%w", args[0], err)
			}
			_, err = fmt.Fprintf(p.out, "%s: valid, %d policies\n", args[0], len(f.Policies))
			return err
		},
	}
}
