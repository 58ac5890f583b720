package strategy

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"time"
)

// TimeOfDay is a FixedWindow whose limit is multiplied by what the hour of the day says. Where a window spans several
// hours, each hit is held against the limit of its own hour; one counter serves them all. In one window it admits at
// most the largest limit of the hours that the window touches. Days have 24 hours: a zone is a fixed offset.
type TimeOfDay struct {
	// TimeWindows are the hours and their multipliers; of several that hold an hour, the first counts, and an hour
	// that none holds has the multiplier 1. Nil means [0,8) 2, [8,17) 1, [17,24) 1.5.
	TimeWindows []Hours `json:"time_windows,omitzero"`
	// TimezoneOffset is the local time minus UTC in hours, -12 to 14; fractions such as 5.5 are kept to the
	// microsecond.
	TimezoneOffset float64 `json:"timezone_offset,omitzero"`
	// CountRejected makes refused hits use quota too.
	CountRejected bool `json:"count_rejected,omitzero"`
}

// Hours are the hours of a day from Start until before End, 0 <= Start < End <= 24, and what they multiply the limit
// by, above 0; the product is rounded toward zero. In JSON they are [Start, End, Multiplier].
type Hours struct {
	Start, End int
	Multiplier float64
}

// MarshalJSON implements json.Marshaler.
func (h Hours) MarshalJSON() ([]byte, error) {
	return json.Marshal([3]float64{float64(h.Start), float64(h.End), h.Multiplier})
}

// UnmarshalJSON implements json.Unmarshaler.
func (h *Hours) UnmarshalJSON(b []byte) error {
	var v []float64
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	if len(v) != 3 || v[0] != math.Trunc(v[0]) || v[1] != math.Trunc(v[1]) || math.Abs(v[0])+math.Abs(v[1]) > 1000 {
		return &json.UnmarshalTypeError{Value: string(b), Type: reflect.TypeFor[Hours]()}
	}
	*h = Hours{int(v[0]), int(v[1]), v[2]}
	return nil
}

// Name implements Strategy.
func (TimeOfDay) Name() string { return "time_of_day" }

// Bind implements Strategy.
func (s TimeOfDay) Bind(r Rate) (Algorithm, error) {
	if !(s.TimezoneOffset >= -12 && s.TimezoneOffset <= 14) {
		return nil, paramError("timezone_offset", s.TimezoneOffset, "is not between -12 and 14")
	}
	slots := s.TimeWindows
	if slots == nil {
		slots = []Hours{{0, 8, 2}, {8, 17, 1}, {17, 24, 1.5}}
	}
	if len(slots) == 0 {
		return nil, paramError("time_windows", "[]", "is empty")
	}
	t := &timeOfDay{
		window: window{r.micros(), s.CountRejected},
		offset: int64(math.RoundToEven(s.TimezoneOffset * microsPerHour)),
	}
	for hour := range t.limits {
		t.limits[hour] = r.limit
	}
	for i := len(slots) - 1; i >= 0; i-- { // backwards, so that the first that holds an hour is the last to say
		h, field := slots[i], fmt.Sprintf("time_windows[%d]", i)
		limit, ok := scaled(r.limit, h.Multiplier)
		switch {
		case h.Start < 0 || h.Start >= h.End || h.End > 24:
			return nil, paramError(field, h, "has hours that are not 0 <= start < end <= 24")
		case !ok || h.Multiplier == 0:
			return nil, paramError(field, h, "has a multiplier that is not above 0 or makes a limit above 2^60")
		}
		for hour := h.Start; hour < h.End; hour++ {
			t.limits[hour] = limit
		}
	}
	return t, nil
}

const microsPerHour = 3_600_000_000

type timeOfDay struct {
	window
	limits [24]int64 // by local hour
	offset int64     // microseconds
}

// Decide implements Algorithm.
func (t *timeOfDay) Decide(s State, now Time, h Hit, charge bool) Verdict {
	st := s.(*windowState)
	at := max(now, st.start)
	v := t.decide(st, now, h.Cost, t.limitAt(at), charge)
	if !v.Allowed {
		v.Wait = t.wait(st, at, now, h.Cost)
	}
	return v
}

// Stat implements Statistician.
func (t *timeOfDay) Stat(s State, now Time, h Hit) Verdict {
	h.Cost = 1
	return t.Decide(s, now, h, false)
}

// wait looks ahead for the earliest instant after at at which the cost fits: within the window, at the hours that the
// limit may change; after it, with nothing counted, at the first hour that is large enough.
func (t *timeOfDay) wait(st *windowState, at, now Time, cost int64) time.Duration {
	start, count := t.at(st, at)
	end := start + Time(t.period)
	if change, ok := t.hourFor(count, cost, at); ok && change < end {
		return wait(int64(change - now))
	}
	if cost <= t.limitAt(end) {
		return wait(int64(end - now))
	}
	if change, ok := t.hourFor(0, cost, end); ok {
		return wait(int64(change - now))
	}
	return Never
}

// hourFor is the earliest beginning of an hour after at whose limit leaves room for cost beside count.
func (t *timeOfDay) hourFor(count, cost int64, at Time) (hour Time, ok bool) {
	hour = floorTo(at+Time(t.offset), microsPerHour) - Time(t.offset)
	for range t.limits {
		hour += microsPerHour
		if cost <= t.limitAt(hour)-count {
			return hour, true
		}
	}
	return 0, false
}

// limitAt is the limit of the hour of at.
func (t *timeOfDay) limitAt(at Time) int64 {
	local := at + Time(t.offset)
	return t.limits[(local-floorTo(local, 24*microsPerHour))/microsPerHour]
}
