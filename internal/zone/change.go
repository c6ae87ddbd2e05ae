package zone

import "time"

// Change is one thing to be made durable. The kinds below are all there are. A
// change is immutable once it is handed over.
type Change interface{ change() }

type (
	// Register makes an account. With a Token, one of its uses goes with it, or
	// the registration fails with ErrToken.
	Register struct {
		Account Account
		Token   *Secret
	}

	// SetValue sets a TXT value: for an account at its own subdomain, or for the
	// service itself, Account empty, at a reserved owner.
	SetValue struct {
		Account string // user name
		Owner   string
		Text    string
	}

	// RemoveValue takes one TXT value away; it is no error if it isn't there.
	RemoveValue struct {
		Owner string
		Text  string
	}

	// RemoveAccount removes an account and its values. Its name is never given
	// out again: somebody's CNAME may still point to it.
	RemoveAccount struct{ Username string }

	// Expire removes the values of those owners that were set at or before that
	// time.
	Expire struct {
		Before time.Time
		Owners []string
	}

	// RaiseSerial moves the zone's serial beyond one that a name server or the
	// zone file knows already; it does nothing if the serial is beyond it. Whether
	// that one may be followed is for the caller to find out (Serial.Plausible).
	RaiseSerial struct{ Above Serial }

	// CreateToken stores a registration token.
	CreateToken struct{ Token Token }

	// RevokeToken removes a registration token.
	RevokeToken struct{ ID string }

	// Heartbeat writes a row and nothing else, to prove that the store takes
	// writes.
	Heartbeat struct{}
)

func (Register) change()      {}
func (SetValue) change()      {}
func (RemoveValue) change()   {}
func (RemoveAccount) change() {}
func (Expire) change()        {}
func (RaiseSerial) change()   {}
func (CreateToken) change()   {}
func (RevokeToken) change()   {}
func (Heartbeat) change()     {}
