package zone

import "time"

// Change is one thing to be made durable. The kinds below are all there are. A
// change is immutable once it is handed over.
type Change interface{ change() }

type (
	// Register makes an account and binds its domains to it. With a Token, one of
	// its uses goes with it, or the registration fails with ErrToken.
	Register struct {
		Account Account
		Token   *Secret
	}

	// BindDomain says that an account is for that domain. It fails with ErrBound if
	// the domain is bound already, to whomever; with a token, with ErrToken if that has
	// ended, and with ErrForeign if the account was made with another one that hasn't.
	// Passwords of the account that tokens have given out, and wouldn't for this domain
	// too, end.
	BindDomain struct {
		Domain   string // in the form of ParseDomain
		Username string
		Token    string // ID of the token whose the binding is, "" for the operator's
	}

	// UnbindDomain takes a binding away.
	UnbindDomain struct{ Domain string }

	// RotatePassword gives an account another password. The old one stays good until
	// then, if that lies ahead; those from earlier rotations end. What was given out
	// through tokens ends with the tokens.
	RotatePassword struct {
		Username string
		Password Secret
		OldUntil time.Time
	}

	// GivePasswords makes the passwords good that a token gives out for accounts.
	GivePasswords struct {
		Token     string           // its ID
		Passwords map[string]Given // by user name
	}

	// Given is a password and the domains that its account had, in the order of their
	// names, when it was decided that the token may have it: where a domain has come or
	// gone meanwhile, the password isn't good.
	Given struct {
		Secret  Secret
		Domains []string
	}

	// SetValue sets a TXT value: for an account at its own subdomain, or for the
	// service itself, Account empty, at a reserved owner.
	SetValue struct {
		Account string // user name
		Owner   string
		Text    string
	}

	// RemoveValue takes one TXT value away, or, with an empty Text, all that the
	// owner has; it is no error if it isn't there.
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

	// Redefine moves the zone's serial although no data of an account change: from the
	// next one on its static records are others.
	Redefine struct{}

	// CreateToken stores a registration token.
	CreateToken struct{ Token Token }

	// RevokeToken removes a registration token and the passwords that it gave out,
	// and the accounts that were made with it, if asked.
	RevokeToken struct {
		ID       string
		Accounts bool
	}

	// Heartbeat writes a row and nothing else, to prove that the store takes
	// writes.
	Heartbeat struct{}
)

func (Register) change()       {}
func (BindDomain) change()     {}
func (UnbindDomain) change()   {}
func (RotatePassword) change() {}
func (GivePasswords) change()  {}
func (SetValue) change()       {}
func (RemoveValue) change()    {}
func (RemoveAccount) change()  {}
func (Expire) change()         {}
func (RaiseSerial) change()    {}
func (Redefine) change()       {}
func (CreateToken) change()    {}
func (RevokeToken) change()    {}
func (Heartbeat) change()      {}
