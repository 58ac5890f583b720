package httpadapter

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
)

// Rule says to which requests a throttle applies: those that match everything that it states. A throttle with several
// rules applies where all of them match. The zero Rule matches every request.
type Rule struct {
	// Pattern is a pattern of http.ServeMux, such as "/api/{id}", "/static/" or "POST /upload".
	Pattern string
	// Methods are compared exactly; GET does not include HEAD. Empty means all.
	Methods []string
	// If is any further condition.
	If func(*http.Request, Context) bool
	// Bypass turns the rule around: the throttle does not apply where it matches.
	Bypass bool
}

// rule is a Rule with its pattern compiled.
type rule struct {
	Rule
	mux *http.ServeMux // of the pattern alone; nil: any path
}

// found marks that the mux of a rule matched as it is, without a redirect to a clean path.
type found struct{}

func (found) ServeHTTP(http.ResponseWriter, *http.Request) {}

// compileRules checks rules and puts them in the order in which they are asked: functions are what costs, so they come
// last, and what bypasses comes before what applies.
func compileRules(list []Rule) ([]rule, error) {
	var errs []error
	rules := make([]rule, len(list))
	for i, r := range list {
		if slices.Contains(r.Methods, "") {
			errs = append(errs, fmt.Errorf("rules[%d].methods: %q has an empty one", i, r.Methods))
		}
		mux, err := muxOf(r.Pattern)
		if err != nil {
			errs = append(errs, fmt.Errorf("rules[%d].pattern: %w", i, err))
		}
		rules[i] = rule{r, mux}
	}
	slices.SortStableFunc(rules, func(a, b rule) int { return a.order() - b.order() })
	return rules, errors.Join(errs...)
}

func (r *rule) order() int {
	n := 0
	if r.If != nil {
		n += 2
	}
	if !r.Bypass {
		n++
	}
	return n
}

// muxOf compiles a pattern. A mux panics on a bad one, as patterns are usually constants; here they may come from a
// configuration.
func muxOf(pattern string) (mux *http.ServeMux, err error) {
	if pattern == "" {
		return nil, nil
	}
	defer func() {
		if v := recover(); v != nil {
			mux, err = nil, fmt.Errorf("%q: %v", pattern, v)
		}
	}()
	mux = http.NewServeMux()
	mux.Handle(pattern, found{})
	return mux, nil
}

// apply reports whether a throttle with these rules applies to the request.
func apply(rules []rule, r *http.Request, c Context) bool {
	for i := range rules {
		if ru := &rules[i]; ru.matches(r, c) == ru.Bypass {
			return false
		}
	}
	return true
}

func (r *rule) matches(req *http.Request, c Context) bool {
	if len(r.Methods) > 0 && !slices.Contains(r.Methods, req.Method) {
		return false
	}
	return r.matchesPath(req) && (r.If == nil || r.If(req, c))
}

// matchesPath asks the mux. A path that it would clean and redirect, such as /a/../b, matches a rule that limits, but
// not one that bypasses: some routers behind do not clean, and whatever they make of it, nobody gets around the limit.
func (r *rule) matchesPath(req *http.Request) bool {
	if r.mux == nil {
		return true
	}
	h, pattern := r.mux.Handler(req)
	if _, clean := h.(found); clean {
		return true
	}
	return pattern != "" && !r.Bypass
}
