package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a time span that reads "1s", "90m", "24h", "7d" or "0".
type Duration time.Duration

const day = 24 * time.Hour

// UnmarshalText reads it; the error says what is allowed.
func (d *Duration) UnmarshalText(text []byte) error {
	span, err := parseDuration(string(text))
	if err != nil || span < 0 {
		return fmt.Errorf("%q is not a duration such as \"1s\", \"24h\" or \"7d\"", text)
	}
	*d = Duration(span)
	return nil
}

func parseDuration(s string) (time.Duration, error) {
	days, ok := strings.CutSuffix(s, "d")
	if !ok {
		return time.ParseDuration(s)
	}
	n, err := strconv.Atoi(days)
	if err != nil || n < 0 || n > 36500 {
		return 0, errors.New("not a number of days up to 36500")
	}
	return time.Duration(n) * day, nil
}

// MarshalText writes it in the form that UnmarshalText reads.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String writes it as people do: "24h", where time.Duration has "24h0m0s".
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
