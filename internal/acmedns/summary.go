package acmedns

import (
	"fmt"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// Summary is what was found in a source.
type Summary struct {
	Accounts  int       `json:"accounts"`
	Unusable  int       `json:"-"`                        // that can't be an account anywhere
	Open      int       `json:"open"`                     // without an allow list
	NeverUsed int       `json:"never_used"`               // without an update
	BadLists  int       `json:"allow_lists_with_invalid"` // whose allow list isn't taken over whole
	Oldest    time.Time `json:"oldest_update,omitzero"`   // of the accounts' last updates
	Newest    time.Time `json:"newest_update,omitzero"`
	Odd       []string  `json:"-"` // what somebody should look at, a line each
}

func (s *Summary) note(a zone.Account, what string) {
	s.Odd = append(s.Odd, zone.Oddity(a, what))
}

func (s *Summary) skip(row, reason string) {
	s.Unusable++
	s.Odd = append(s.Odd, row+" is skipped: "+reason)
}

func (s *Summary) orphan(subdomain string, rows int) {
	s.Odd = append(s.Odd, fmt.Sprintf("%d rows of values belong to no account: subdomain %.80q", rows, subdomain))
}

func (s *Summary) count(a zone.Account) {
	if a.AllowFrom.Open() {
		s.Open++
	}
	if a.Updated.IsZero() {
		s.NeverUsed++
		return
	}
	if s.Oldest.IsZero() || a.Updated.Before(s.Oldest) {
		s.Oldest = a.Updated
	}
	if a.Updated.After(s.Newest) {
		s.Newest = a.Updated
	}
}
