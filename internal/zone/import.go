package zone

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"
)

type (
	// Import takes over accounts that another program has given out, all of them or
	// none. An account that is there already, user name and subdomain, is left as it
	// is; so the same import again does nothing.
	Import struct {
		Rows       iter.Seq2[ImportRow, error] // read once, by the goroutine that commits
		Definition *Definition                 // its static records keep their names
		OlderThan  time.Time                   // values set at or before it are left out; zero for none
		DryRun     bool                        // find out the result and change nothing
		Result     *ImportResult               // written before the change is done, if it succeeds
	}

	// ReplacePassword puts the fast hash of an account's password in the place of
	// the bcrypt hash that came with it. It does nothing if that isn't stored any
	// more.
	ReplacePassword struct {
		Username string
		Bcrypt   string
		Password Secret
	}
)

func (Import) change()          {}
func (ReplacePassword) change() {}

// ImportRow is an account to be taken over, and its values.
type ImportRow struct {
	Account Account `json:"account"`
	Values  []Value `json:"values,omitempty"` // Text and SetAt count
}

// ImportResult says what an import did, or would have done.
type ImportResult struct {
	New     int      `json:"new"`            // accounts taken over
	Present int      `json:"already_there"`  // accounts left as they are
	Skipped int      `json:"skipped"`        // accounts that can't be taken over; Odd says why
	Values  int      `json:"values"`         // values taken over
	TooOld  int      `json:"values_too_old"` // values left out for their age
	Odd     []string `json:"odd"`            // what somebody should look at, a line each
}

// Skip notes an account that can't be taken over.
func (r *ImportResult) Skip(a Account, reason string) {
	r.Skipped++
	r.Note(a, "is skipped: "+reason)
}

// Note notes something about an account that somebody should look at.
func (r *ImportResult) Note(a Account, what string) {
	r.Odd = append(r.Odd, Oddity(a, what))
}

// Oddity is a line about an account that somebody should look at. Its subdomain may be
// anything, which mustn't steer a terminal or fill it.
func Oddity(a Account, what string) string {
	name := a.Subdomain
	if quoted := strconv.Quote(name); len(name) > maxLabel || quoted != `"`+name+`"` {
		name = fmt.Sprintf("%.80q", name)
	}
	return fmt.Sprintf("account %s (%s) %s", a.Username, name, what)
}

// maxLabel is how long a label may be, in octets (RFC 1035, section 2.3.4).
const maxLabel = 63

// Refusal returns why no account may be made of the row, whatever the store holds;
// "" if one may.
func (r ImportRow) Refusal(def *Definition) string {
	a := r.Account
	label := checkLabel(a.Subdomain)
	switch {
	case !isUUID(a.Username):
		return "its user name is no UUID"
	case a.Subdomain == "":
		return "it has no subdomain"
	case Reserved(a.Subdomain):
		return "its name is reserved for the service itself"
	case len(a.Subdomain) > maxLabel:
		return "its subdomain is over 63 octets"
	case strings.Contains(a.Subdomain, "."):
		return "its subdomain is more than one label"
	case label != nil:
		return label.Error()
	case def.HasStatic(a.Subdomain):
		return "its name has a record in zone.records: take the record away first"
	case a.Password == Secret{} && !ValidBcrypt(a.Bcrypt):
		return "its password is no bcrypt hash that acme-dns makes"
	}
	return ""
}

// isUUID reports whether s is a UUID in canonical form.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f':
		default:
			return false
		}
	}
	return true
}

// HasStatic reports whether the operator gave records to that owner.
func (d *Definition) HasStatic(owner string) bool {
	name := owner + "." + d.name
	for _, rr := range d.static {
		if rr.Header().Name == name {
			return true
		}
	}
	return false
}
