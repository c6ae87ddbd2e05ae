package zone

import "slices"

// Binding is a domain and the account that it is bound to.
type Binding struct {
	Domain  string
	Token   string // ID of the token whose the binding is; "" for the operator's, and when the token has ended
	Account Account
	Holders []string // IDs of the tokens, the good ones, that made the account or have bound domains to it
}

// MayHave reports whether the token may be given a password for the account that a
// domain is bound to. With that password the values of every domain of the account can
// be set, so what the operator has bound is given to nobody who isn't good for all of
// them, nor where another token has a share in it. Who made the account, or has bound
// the domain, has proved to have its password already.
func (t Token) MayHave(b Binding) bool {
	switch {
	case !t.Domains.Allow(b.Domain), b.Token != "" && b.Token != t.ID:
		return false
	case b.Token == t.ID, b.Account.Token == t.ID:
		return true
	}
	others := slices.ContainsFunc(b.Holders, func(id string) bool { return id != t.ID })
	return !others && !slices.ContainsFunc(b.Account.Domains, func(domain string) bool { return !t.Domains.Allow(domain) })
}
