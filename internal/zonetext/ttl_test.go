package zonetext

import "testing"

func TestSecondsAsNSDReadsThem(t *testing.T) {
	for text, want := range map[string]uint32{
		"0": 0, "3600": 3600, "1h30m": 5400, "1H30M": 5400, "2w1d": 15 * 86400, "1h30": 3630, "s": 0,
		"2147483647": 2147483647, "2147483648": defaultTTL,
	} {
		if got, ok := seconds([]byte(text)); got != want || !ok {
			t.Errorf("%s: %d, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "-1", "1y", "1.5h", "IN"} {
		if got, ok := seconds([]byte(text)); ok {
			t.Errorf("%s: %d", text, got)
		}
	}
}
