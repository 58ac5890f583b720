package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/traffik-io/traffik/strategy"
)

// input is a line of rates.jsonl: what the rate parser was given, and what it answered.
type input struct {
	In       *string     `json:"in"`
	Limit    json.Number `json:"limit"`
	PeriodMS json.Number `json:"period_ms"`
	Error    string      `json:"error"` // a code; only that there is one is compared
	Quirk    string      `json:"quirk"`
}

var errNoInput = errors.New("not an input of the rate parser")

func parseInput(line []byte) (*input, error) {
	in := new(input)
	if err := json.Unmarshal(line, in); err != nil {
		return nil, err
	}
	if in.In == nil {
		return nil, errNoInput
	}
	return in, nil
}

// rate parses the input and compares the outcome.
func (r *replay) rate(in *input, where string) {
	t := r.tally("rates")
	t.traces++
	if in.Quirk != "" {
		t.exclude(in.Quirk)
		return
	}
	t.compared++
	want := "error"
	if in.Error == "" {
		want = in.Limit.String() + " per " + in.PeriodMS.String() + " ms"
	}
	got := "error"
	rate, err := strategy.ParseRate(*in.In)
	if err == nil {
		got = fmt.Sprintf("%d per %d ms", rate.Limit(), rate.PeriodMillis())
	}
	if got != want {
		t.mismatches++
		r.log.Printf("%s: rate %q: %s, want %s", where, *in.In, got, want)
	}
}
