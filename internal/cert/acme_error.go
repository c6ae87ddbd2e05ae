package cert

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/mholt/acmez/v3/acme"

	"github.com/acmezone/acmezone/internal/zone"
)

// unreached reports whether the CA wasn't reached at all, which costs it nothing.
func unreached(err error) bool {
	return errors.As(err, new(*url.Error)) && !errors.As(err, new(acme.Problem))
}

// why says in one line why a try failed and what to do, without the libraries' talk.
func (m *Managed) why(err error) string {
	var problem acme.Problem
	var unknown x509.UnknownAuthorityError
	var request *url.Error
	switch {
	case errors.As(err, &problem):
		return m.whyRefused(problem)
	case errors.Is(err, zone.ErrNotPublished), errors.Is(err, zone.ErrNotStored), errors.Is(err, zone.ErrBusy):
		return oneLine("the challenge couldn't be published: " + err.Error())
	case errors.As(err, &unknown):
		return fmt.Sprintf("the CA at %s shows a certificate of a root that isn't trusted here: name its root in api.acme_ca_file", m.Directory)
	case errors.Is(err, context.DeadlineExceeded):
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
	text = strings.TrimPrefix(text, "["+m.Host+"] ")
	return strings.TrimPrefix(strings.TrimPrefix(text, "Obtain: "), "Renew: ")
}

// whyRefused has the CA's own words, and what they ask for.
func (m *Managed) whyRefused(p acme.Problem) string {
	kind := strings.TrimPrefix(p.Type, acme.ProblemTypeNamespace)
	said := oneLine(fmt.Sprintf("the CA refuses (%s): %s", kind, strings.TrimSuffix(p.Detail, ".")))
	for _, sub := range p.Subproblems {
		said += "; " + oneLine(sub.Detail)
	}
	switch p.Type {
	case acme.ProblemTypeDNS, acme.ProblemTypeUnauthorized, acme.ProblemTypeIncorrectResponse, acme.ProblemTypeConnection:
		if m.Challenge.CNAME != "" {
			return said + ": is the record there: " + m.Challenge.CNAME + " ?"
		}
		return said + ": do the CA's resolvers reach the zone? 'acmezone check' says"
	case acme.ProblemTypeExternalAccountRequired:
		return said + ": this version has no external account binding: use another CA, or api.tls = \"files\""
	case acme.ProblemTypeCAA:
		return said + ": the CAA record of the name, or of one above it, has to allow this CA"
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
