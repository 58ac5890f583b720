package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// question is what hit, check and stat send.
type question struct {
	Key      string         `json:"key"`
	Rate     string         `json:"rate,omitempty"`
	Policy   string         `json:"policy,omitempty"`
	Strategy string         `json:"strategy,omitempty"`
	Params   map[string]any `json:"params,omitempty"`
	Cost     int64          `json:"cost"`
	UID      string         `json:"uid,omitempty"`
	Context  map[string]any `json:"context,omitempty"`
}

// answer is what comes back; numbers are missing where the rate is unlimited.
type answer struct {
	Allowed   bool     `json:"allowed"`
	Remaining *float64 `json:"hits_remaining"`
	WaitMS    int64    `json:"wait_ms"`
	Limit     *int64   `json:"limit"`
	PeriodMS  int64    `json:"period_ms"`
	LimitedBy string   `json:"limited_by"`
	Owner     string   `json:"owner"`
	Degraded  bool     `json:"degraded"`
}

// asks reports whether cmd is one of those that ask about a key.
func asks(cmd *cobra.Command) bool {
	return cmd.Name() == "hit" || cmd.Name() == "check" || cmd.Name() == "stat"
}

// askCommand is hit, check or stat.
func (p *program) askCommand(op string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   op + " KEY",
		Short: map[string]string{"hit": "Charge a hit to a key", "check": "Ask whether a hit would be allowed", "stat": "Tell where a key stands"}[op],
		Long: map[string]string{
			"hit":   "Charge a hit to a key. Exits with 0 if it is allowed, 1 if it is refused, 2 if nobody could decide.",
			"check": "Ask whether a hit would be allowed; nothing is consumed. Exits with 0 if so, 1 if not, 2 if nobody could decide.",
			"stat":  "Tell where a key stands; nothing is consumed. Exits with 2 if nobody could tell.",
		}[op],
		Example: fmt.Sprintf(`  traffik-node %[1]s user:42 --rate 100/min
  traffik-node %[1]s user:42 --rate 100/min --strategy token_bucket --param burst_size=150 --cost 5
  traffik-node %[1]s user:42 --policy login --addr http://10.0.0.7:8080 --json`, op),
		Args: one("KEY"),
	}
	var r remote
	var q question
	var params, pairs []string
	var scope string
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringVar(&q.Rate, "rate", "", "`rate` such as 100/min")
	fs.StringVar(&q.Policy, "policy", "", "`name` of a policy of the node, in place of --rate")
	fs.StringVar(&q.Strategy, "strategy", "", "`name` of the strategy (default fixed_window)")
	fs.StringArrayVar(&params, "param", nil, "parameter of the strategy, `name=value`; may be repeated")
	fs.Int64Var(&q.Cost, "cost", 1, "what the hit consumes")
	fs.StringVar(&q.UID, "uid", "", "`name` of the throttle, to limit one key apart")
	fs.StringVar(&scope, "scope", "", "`name` of a bucket of the key")
	fs.StringArrayVar(&pairs, "context", nil, "what strategies may read, such as tier=pro, `name=value`; may be repeated")
	r.flags(fs)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		q.Key = args[0]
		if err := q.complete(params, pairs, scope); err != nil {
			return err
		}
		body, err := json.Marshal(q)
		if err != nil {
			return err
		}
		status, out, err := r.do(cmd.Context(), http.MethodPost, "/v1/"+op, bytes.NewReader(body), http.StatusOK, http.StatusTooManyRequests)
		if err != nil {
			return err
		}
		return p.tell(op, status, out, r.json)
	}
	return cmd
}

// complete reads name=value pairs into the parameters and the context.
func (q *question) complete(params, pairs []string, scope string) (err error) {
	if !utf8.ValidString(q.Key) { // JSON would change it
		return fmt.Errorf("KEY %q: is not UTF-8", q.Key)
	}
	if q.Params, err = readPairs("param", params); err != nil {
		return err
	}
	if q.Context, err = readPairs("context", pairs); err != nil {
		return err
	}
	if scope != "" {
		if q.Context == nil {
			q.Context = map[string]any{}
		}
		q.Context["scope"] = scope
	}
	return nil
}

// readPairs reads name=value pairs. A value that is JSON, such as 5, true or {"a":1}, is that; any other is a string.
func readPairs(flag string, pairs []string) (map[string]any, error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	out := make(map[string]any, len(pairs))
	for _, pair := range pairs {
		name, v, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--%s %q: is not name=value", flag, pair)
		}
		if _, twice := out[name]; twice {
			return nil, fmt.Errorf("--%s %q: %s is set twice", flag, pair, name)
		}
		if out[name] = v; json.Valid([]byte(v)) {
			out[name] = json.RawMessage(v)
		}
	}
	return out, nil
}

// tell writes the answer to a question, and returns errRefused if it is a refusal.
func (p *program) tell(op string, status int, out []byte, raw bool) error {
	var a *answer // nil where the strategy keeps no statistics
	if err := json.Unmarshal(out, &a); err != nil {
		return fmt.Errorf("the node's answer cannot be read: %w", err)
	}
	if a == nil {
		a = &answer{}
	}
	var err error
	switch {
	case raw:
		_, err = fmt.Fprintf(p.out, "%s\n", bytes.TrimSpace(out))
	case string(bytes.TrimSpace(out)) == "null":
		_, err = fmt.Fprintln(p.out, "the strategy keeps no statistics")
	default:
		err = a.write(p.out, op)
	}
	if err == nil && op != "stat" && (status == http.StatusTooManyRequests || !a.Allowed) {
		return errRefused
	}
	return err
}

// write writes a for people, in one line.
func (a *answer) write(w io.Writer, op string) error {
	var parts []string
	if op != "stat" {
		parts = append(parts, map[bool]string{true: "allowed", false: "refused"}[a.Allowed])
	}
	if a.LimitedBy != "" {
		parts = append(parts, "limited by "+a.LimitedBy)
	}
	if a.Remaining != nil && a.Limit != nil {
		parts = append(parts, fmt.Sprintf("%s of %d per %v remaining", strconv.FormatFloat(*a.Remaining, 'f', -1, 64), *a.Limit, time.Duration(a.PeriodMS)*time.Millisecond))
	}
	switch {
	case a.WaitMS < 0:
		parts = append(parts, "never fits")
	case a.WaitMS > 0:
		parts = append(parts, fmt.Sprintf("wait %v", time.Duration(a.WaitMS)*time.Millisecond))
	}
	if a.Owner != "" {
		parts = append(parts, "owner "+a.Owner)
	}
	if a.Degraded {
		parts = append(parts, "decided without the owner")
	}
	_, err := fmt.Fprintln(w, strings.Join(parts, ", "))
	return err
}
