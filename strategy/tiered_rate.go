package strategy

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// TieredRate is a FixedWindow whose limit is multiplied by that of the hit's tier. The tier is the entry "tier" of
// the context, else what follows the marker in the key ("api:tier:gold:user:7"), up to the next colon. A tier without
// a multiplier is the default tier, so that a client cannot invent one.
//
// One counter serves all tiers of a key: what was used stays used when the tier changes.
type TieredRate struct {
	// TierMultipliers maps tiers to what they multiply the limit by, at least 0; the product is rounded toward zero.
	// Nil means free 1, premium 5, enterprise 10.
	TierMultipliers Multipliers `json:"tier_multipliers,omitzero"`
	// DefaultTier is the tier of hits without a known one; "" means free. It must have a multiplier.
	DefaultTier string `json:"default_tier,omitzero"`
	// Marker begins the tier in a key, at the start of the key or after a colon; "" means "tier:". A colon is
	// appended if it has none.
	Marker string `json:"marker,omitzero"`
	// CountRejected makes refused hits use quota too.
	CountRejected bool `json:"count_rejected,omitzero"`
}

// Multipliers are those of tiers, by name.
type Multipliers map[string]float64

// UnmarshalJSON implements json.Unmarshaler. A tier that is null is an error: it could mean 0, 1 or no tier at all.
func (m *Multipliers) UnmarshalJSON(b []byte) error {
	var tiers map[string]*float64
	if err := json.Unmarshal(b, &tiers); err != nil || tiers == nil {
		return err
	}
	*m = make(Multipliers, len(tiers))
	for tier, x := range tiers {
		if x == nil {
			return &json.UnmarshalTypeError{Value: fmt.Sprintf("null for %q", tier), Type: reflect.TypeFor[float64]()}
		}
		(*m)[tier] = *x
	}
	return nil
}

// Name implements Strategy.
func (TieredRate) Name() string { return "tiered_rate" }

// Bind implements Strategy.
func (s TieredRate) Bind(r Rate) (Algorithm, error) {
	multipliers := s.TierMultipliers
	if multipliers == nil {
		multipliers = map[string]float64{"free": 1, "premium": 5, "enterprise": 10}
	}
	if s.DefaultTier == "" {
		s.DefaultTier = "free"
	}
	t := &tieredRate{
		window: window{r.micros(), s.CountRejected},
		limits: make(map[string]int64, len(multipliers)),
		marker: marker(s.Marker, "tier:"),
	}
	for tier, m := range multipliers {
		limit, ok := scaled(r.limit, m)
		if !ok {
			return nil, paramError("tier_multipliers."+tier, m, multiplierBounds)
		}
		t.limits[tier] = limit
	}
	standard, ok := t.limits[s.DefaultTier]
	if !ok {
		return nil, paramError("default_tier", s.DefaultTier, "has no multiplier")
	}
	t.standard = standard
	return t, nil
}

const multiplierBounds = "is negative or makes a limit above 2^60"

type tieredRate struct {
	window
	limits   map[string]int64
	standard int64 // of the default tier
	marker   string
}

// Decide implements Algorithm.
func (t *tieredRate) Decide(s State, now Time, h Hit, charge bool) Verdict {
	return t.decide(s.(*windowState), now, h.Cost, t.limitOf(&h), charge)
}

// Stat implements Statistician.
func (t *tieredRate) Stat(s State, now Time, h Hit) Verdict {
	return t.decide(s.(*windowState), now, 1, t.limitOf(&h), false)
}

func (t *tieredRate) limitOf(h *Hit) int64 {
	tier := h.Context.Tier()
	if tier == "" {
		tier = marked(h.Key, t.marker)
	}
	if limit, ok := t.limits[tier]; ok {
		return limit
	}
	return t.standard
}

// marker is m, or standard where m is empty, with a colon at its end.
func marker(m, standard string) string {
	switch {
	case m == "":
		return standard
	case strings.HasSuffix(m, ":"):
		return m
	}
	return m + ":"
}

// marked is the text between the first marker in key and the next colon or the end. A marker counts at the start of
// the key or after a colon, so that "frontier:x" has no tier.
func marked(key, marker string) string {
	for from := 0; from <= len(key); {
		i := strings.Index(key[from:], marker)
		if i < 0 {
			return ""
		}
		i += from
		if i == 0 || key[i-1] == ':' {
			value, _, _ := strings.Cut(key[i+len(marker):], ":")
			return value
		}
		from = i + 1
	}
	return ""
}
