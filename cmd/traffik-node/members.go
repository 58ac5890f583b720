package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

func (p *program) membersCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "members",
		Short: "List the members of the cluster",
		Example: `  traffik-node members
  traffik-node members --addr http://10.0.0.7:8080 --json`,
		Args: cobra.NoArgs,
	}
	var r remote
	cmd.Flags().SortFlags = false
	r.flags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		_, out, err := r.do(cmd.Context(), http.MethodGet, "/v1/members", nil, http.StatusOK)
		if err != nil {
			return err
		}
		if r.json {
			_, err = fmt.Fprintf(p.out, "%s\n", bytes.TrimSpace(out))
			return err
		}
		return p.writeMembers(out)
	}
	return cmd
}

// writeMembers writes the answer of /v1/members as a table.
func (p *program) writeMembers(out []byte) error {
	var answer struct {
		Members []struct {
			Name, State, Role, Version string
			HTTPAddr                   string `json:"http_addr"`
			Partitions                 int
			Keys                       *int64
		}
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		return fmt.Errorf("the node's answer cannot be read: %w", err)
	}
	w := tabwriter.NewWriter(p.out, 0, 8, 2, ' ', 0) // whose errors Flush returns
	_, _ = fmt.Fprintln(w, "NAME\tADDRESS\tSTATE\tROLE\tPARTITIONS\tKEYS\tVERSION")
	for _, m := range answer.Members {
		keys := "?"
		if m.Keys != nil {
			keys = fmt.Sprint(*m.Keys)
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", m.Name, m.HTTPAddr, m.State, m.Role, m.Partitions, keys, m.Version)
	}
	return w.Flush()
}
