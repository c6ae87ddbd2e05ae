package zone

import "errors"

// What can go wrong between a request and its answer, in the words that the
// layers share; each wraps them with what happened.
var (
	// ErrNoAccount: there is no account of that name.
	ErrNoAccount = errors.New("no such account")
	// ErrTaken: the user name, the subdomain or the token's ID is in use, was in
	// use once, or is reserved.
	ErrTaken = errors.New("the name is taken")
	// ErrBound: an account is bound to the domain already.
	ErrBound = errors.New("the domain is bound to an account already")
	// ErrNotBound: no account is bound to the domain.
	ErrNotBound = errors.New("no account is bound to the domain")
	// ErrToken: the registration token is unknown, used up or expired.
	ErrToken = errors.New("the token is not valid")
	// ErrSource: what was to be imported couldn't be read to its end, and nothing of
	// it was taken over.
	ErrSource = errors.New("nothing was imported")
	// ErrForeign: the account was made with another token than the one at hand.
	ErrForeign = errors.New("the account is another token's")
	// ErrNotStored: the change was not made durable, or it isn't known whether it
	// was. Nothing may be reported as done.
	ErrNotStored = errors.New("not stored")
	// ErrNotPublished: the change is durable, but not every name server answered
	// it in time. It will be published without another request.
	ErrNotPublished = errors.New("not published yet")
	// ErrBusy: too many changes are waiting already.
	ErrBusy = errors.New("too many changes are waiting")
	// ErrOvertaken: a later serial than the snapshot's was found where the zone is
	// served, and the zone's own has been raised: a newer snapshot is on its way.
	ErrOvertaken = errors.New("a later serial is known already")
	// ErrForked: somebody else wrote to the same database. The process must stop.
	ErrForked = errors.New("another process has written to the database")
)

// Errors are the ones above that one change alone can fail with.
var Errors = []error{ErrNoAccount, ErrTaken, ErrBound, ErrNotBound, ErrToken, ErrForeign, ErrSource}
