package strategy

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// paramNames are the parameters of a strategy, as its JSON tags name them; nil if it reads its JSON by itself.
func paramNames(s reflect.Type) map[string]bool {
	if s.Kind() != reflect.Struct || reflect.PointerTo(s).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return nil
	}
	names := map[string]bool{}
	for _, f := range reflect.VisibleFields(s) {
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.IsExported() && tag != "-" {
			names[or(tag, f.Name)] = true
		}
	}
	return names
}

// or is s, or standard if s is empty.
func or(s, standard string) string {
	if s == "" {
		return standard
	}
	return s
}

// checkNames requires that the members of a JSON object are parameters, letter by letter: encoding/json would take
// "Burst_Size" for burst_size. What is no object is left to the decoder.
func checkNames(strategy string, names map[string]bool, params []byte) error {
	var members map[string]json.RawMessage
	if names == nil || json.Unmarshal(params, &members) != nil {
		return nil //nolint:nilerr // the decoder will say it better
	}
	var unknown []string
	for name := range members {
		if !names[name] {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	return fmt.Errorf("params.%s: %s has no such parameter", slices.Min(unknown), strategy)
}

// inWords is a type as whoever writes JSON calls it.
func inWords(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[Priority]():
		return "1 to 4, low, normal, high or critical"
	case reflect.TypeFor[Hours]():
		return "[start, end, multiplier]"
	case reflect.TypeFor[Count]():
		return "a whole number"
	case reflect.TypeFor[Ratio]():
		return "a number"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Map, reflect.Struct:
		return "an object"
	case reflect.Pointer:
		return inWords(t.Elem())
	}
	return "a whole number"
}
