package audit

import "time"

// What is refused can be had by anybody as often as he likes, so there is a bound on how
// much of it is written: a hundred lines at once, two a second in the long run, which is
// under 50 MB a day.
const (
	refusedBurst = 100
	refusedEvery = 500 * time.Millisecond
	// leftOutEvery is how often it is written how many lines were left out.
	leftOutEvery = 10 * time.Second
)

// bound is a token bucket, and the count of what it left out.
type bound struct {
	room    float64
	since   time.Time // when room was true
	left    int64     // lines left out since that was last written
	written time.Time // when that was
}

// admits reports whether one more line that tells of a refusal has room.
func (b *bound) admits(now time.Time) bool {
	if b.since.IsZero() {
		b.room = refusedBurst
	} else {
		b.room = min(refusedBurst, b.room+max(0, now.Sub(b.since)).Seconds()/refusedEvery.Seconds())
	}
	b.since = now
	if b.room < 1 {
		b.left++
		return false
	}
	b.room--
	return true
}

// leftOut returns how many lines were left out, if it is time to say so.
func (b *bound) leftOut(now time.Time, last bool) int64 {
	if b.left == 0 || !last && now.Sub(b.written) < leftOutEvery {
		return 0
	}
	n := b.left
	b.left, b.written = 0, now
	return n
}
