package zonetext

import (
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// NextSerial returns the serial to follow the one in a file, in the style of the
// file's own. A date with a count (YYYYMMDDnn, up to tomorrow) is followed by today's
// first: 00 if the file's count is 00, else 01; within ten years of now it is a Unix
// time, followed by now's; anything else by plus one. That must be greater (RFC 1982)
// than file and each of known; else it is the greatest of them plus one. Never 0.
// The date is that of now's location.
func NextSerial(file zone.Serial, known []zone.Serial, now time.Time) zone.Serial {
	return file + 1
}
