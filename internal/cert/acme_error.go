package cert

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/mholt/acmez/v3/acme"

	"github.com/acmezone/acmezone/internal/zone"
)

// errSlow is for a CA that answers, and yet doesn't come to an end: its order stays
// "processing", for instance. Requests have bounds of their own.
var errSlow = errors.New("the try took too long")

// unreached reports whether the CA wasn't reached at all, which costs it nothing.
func unreached(err error) bool {
	return errors.As(err, new(*url.Error)) && !errors.As(err, new(acme.Problem))
}

// why says in one line why a try failed and what to do, without the libraries' talk.
func (m *Managed) why(err error) string {
	var problem acme.Problem
	var unknown x509.UnknownAuthorityError
	var request *url.Error
	var account unregistered
	switch {
	case errors.As(err, &account) && errors.As(err, &problem):
		return whyUnregistered(problem, account.bound)
	case errors.As(err, &problem):
		return m.whyRefused(problem)
	case errors.Is(err, zone.ErrNotPublished), errors.Is(err, zone.ErrNotStored), errors.Is(err, zone.ErrBusy):
		return oneLine("the challenge couldn't be published: " + err.Error())
	case errors.As(err, &unknown):
		return fmt.Sprintf("the CA at %s shows a certificate of a root that isn't trusted here: name its root in api.acme_ca_file", m.Directory)
	case errors.Is(err, errSlow):
		return fmt.Sprintf("the CA at %s didn't finish within %v", m.Directory, tryTime)
	case errors.As(err, &request):
		return oneLine(fmt.Sprintf("the CA isn't reached at %s: %v", request.URL, request.Err))
	}
	return oneLine(m.inOurWords(err.Error()))
}

// inOurWords is for the errors that the libraries have no type for: it takes their steps
// from the beginning, and names the key of the configuration.
func (m *Managed) inOurWords(text string) string {
	if _, what, found := strings.Cut(text, "provisioning client: "); found {
		return fmt.Sprintf("%s isn't the directory of a CA: %s: look at api.acme_directory", m.Directory, strings.TrimSpace(what))
	}
	if what, found := strings.CutPrefix(text, "failed storage check: "); found {
		what, _, _ = strings.Cut(what, " - storage is probably")
		return fmt.Sprintf("the folder %s (api.acme_storage) can't be written to: %s", m.Storage, what)
	}
	if _, what, found := strings.Cut(text, "getting ACME account: "); found {
		return fmt.Sprintf("the account in %s can't be used: %s: take the file away to have another one registered", filepath.Join(m.Storage, m.accountKey()), what)
	}
	text = strings.TrimPrefix(text, "["+m.Host+"] ")
	return strings.TrimPrefix(strings.TrimPrefix(text, "Obtain: "), "Renew: ")
}

// whyUnregistered is why there is no account. CAs say in many ways that they don't take a
// binding: unauthorized, malformed.
func whyUnregistered(p acme.Problem, bound bool) string {
	said := refusal(p, "the CA gives no account")
	switch p.Type {
	case acme.ProblemTypeExternalAccountRequired:
		return said + ": " + bindFix
	case acme.ProblemTypeUnauthorized, acme.ProblemTypeMalformed:
		if bound {
			return said + ": are api.acme_eab_kid and the HMAC key in api.acme_eab_hmac_key_file as the CA gave them, and not used up or withdrawn?"
		}
	case acme.ProblemTypeInvalidContact, acme.ProblemTypeUnsupportedContact:
		return said + ": look at api.acme_email"
	}
	return said
}

// whyRefused has the CA's own words, and what they ask for.
func (m *Managed) whyRefused(p acme.Problem) string {
	said := refusal(p, "the CA refuses")
	switch p.Type {
	case acme.ProblemTypeDNS, acme.ProblemTypeUnauthorized, acme.ProblemTypeIncorrectResponse, acme.ProblemTypeConnection:
		if p.Resource == nil { // there was no challenge yet
			return said
		}
		if m.Challenge.CNAME != "" {
			return said + ": is the record there: " + m.Challenge.CNAME + " ?"
		}
		return said + ": do the CA's resolvers reach the zone? 'acmezone check' says"
	case acme.ProblemTypeCAA:
		return said + ": the CAA record of the name, or of one above it, has to allow this CA"
	}
	return said
}

// refusal has the CA's own words.
func refusal(p acme.Problem, what string) string {
	kind := strings.TrimPrefix(p.Type, acme.ProblemTypeNamespace)
	said := oneLine(fmt.Sprintf("%s (%s): %s", what, kind, strings.TrimSuffix(p.Detail, ".")))
	for _, sub := range p.Subproblems {
		said += "; " + oneLine(sub.Detail)
	}
	return said
}

// oneLine folds what the CA or a library says, and bounds it.
func oneLine(text string) string {
	const most = 500
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
