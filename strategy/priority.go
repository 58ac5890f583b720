package strategy

import (
	"encoding/json"
	"reflect"
)

// Priority is a level from [Low] to [Critical]; 0 means Normal. In JSON it is the number, or one of "low", "normal",
// "high" and "critical".
type Priority int

// UnmarshalJSON implements json.Unmarshaler.
func (p *Priority) UnmarshalJSON(b []byte) error {
	var v any
	if err := json.Unmarshal(b, &v); err != nil || v == nil {
		return err
	}
	if *p = Priority(Context{"priority": v}.Priority()); *p == 0 {
		return &json.UnmarshalTypeError{Value: string(b), Type: reflect.TypeFor[Priority]()}
	}
	return nil
}

// priorityOf is the priority of a hit: that of its context, else the digit that follows the marker in its key, else
// standard.
func priorityOf(h *Hit, marker string, standard int) int {
	if p := h.Context.Priority(); p != 0 {
		return p
	}
	if m := marked(h.Key, marker); len(m) == 1 && '0'+Low <= m[0] && m[0] <= '0'+Critical {
		return int(m[0] - '0')
	}
	return standard
}
