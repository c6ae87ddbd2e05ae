package zonetext

import (
	"fmt"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// nearNow is how far from now a Unix time may be to be taken for one.
const nearNow = 10 * 365 * 24 * time.Hour

// NextSerial returns the serial to follow the one in a file, in the style of the
// file's own. A date with a count (YYYYMMDDnn, up to tomorrow) is followed by today's
// first: 00 if the file's count is 00, else 01; within ten years of now it is a Unix
// time, followed by now's; anything else by plus one. That must be greater (RFC 1982)
// than file and each of known; else it is the greatest of them plus one. Never 0.
// The date is that of now's location.
func NextSerial(file zone.Serial, known []zone.Serial, now time.Time) zone.Serial {
	greatest := file
	for _, k := range known {
		if greatest.Less(k) {
			greatest = k
		}
	}
	if wanted := inStyleOf(file, now); wanted != 0 && greatest.Less(wanted) {
		return wanted
	}
	return zone.SerialIncrement.Next(greatest, now)
}

// inStyleOf is what the author of a file would write now, 0 for plus one.
func inStyleOf(file zone.Serial, now time.Time) zone.Serial {
	if day, ok := dateOf(file, now.Location()); ok && !day.After(now.AddDate(0, 0, 1)) {
		year, month, today := now.Date()
		first := zone.Serial(year*1000000 + int(month)*10000 + today*100)
		if file%100 != 0 {
			first++
		}
		return first
	}
	if age := now.Sub(time.Unix(int64(file), 0)); age.Abs() <= nearNow {
		return zone.Serial(now.Unix())
	}
	return 0
}

// dateOf reads YYYYMMDDnn; no zone is older than 1983 (RFC 882).
func dateOf(s zone.Serial, at *time.Location) (time.Time, bool) {
	if s < 1983010100 {
		return time.Time{}, false
	}
	day, err := time.ParseInLocation("20060102", fmt.Sprint(uint32(s/100)), at)
	return day, err == nil
}
