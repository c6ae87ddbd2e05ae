package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rate is a number of events in a time: "100/h", "5/s"; "0" is no limit. As many may
// come at once, and they come back evenly over the time.
type Rate struct {
	Events int
	Per    time.Duration
}

var rateUnits = []struct {
	name string
	span time.Duration
}{{"s", time.Second}, {"m", time.Minute}, {"h", time.Hour}, {"d", day}}

// maxEvents bounds a rate: beyond it the operator means none.
const maxEvents = 1_000_000_000

// UnmarshalText reads it; the error says what is allowed.
func (r *Rate) UnmarshalText(text []byte) error {
	count, unit, _ := strings.Cut(string(text), "/")
	n, err := strconv.Atoi(count)
	if err == nil && n == 0 {
		*r = Rate{}
		return nil
	}
	for _, u := range rateUnits {
		if u.name == unit && err == nil && n > 0 && n <= maxEvents {
			*r = Rate{n, u.span}
			return nil
		}
	}
	return fmt.Errorf("%q is not a rate such as \"100/h\", \"10/m\" or \"0\", which is none", text)
}

// MarshalText writes it in the form that UnmarshalText reads.
func (r Rate) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

func (r Rate) String() string {
	for _, u := range rateUnits {
		if u.span == r.Per && r.Events > 0 {
			return fmt.Sprintf("%d/%s", r.Events, u.name)
		}
	}
	return "0"
}
