package zone

import (
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// CertificateStatus is how the API's own certificate is: what the service knows of it,
// and commands, health and metrics tell. Times are zero where there is none.
type CertificateStatus struct {
	Host       string    `json:"host"`
	SelfSigned bool      `json:"self_signed"` // what clients are shown is signed by the service itself
	Issuer     string    `json:"issuer"`      // who signed it, as it names itself
	NotBefore  time.Time `json:"not_before,omitzero"`
	NotAfter   time.Time `json:"not_after,omitzero"`

	// Why what the files hold now can't be used, or why the last try to get a certificate
	// from a CA failed; empty after one that didn't.
	LastError string `json:"last_error,omitempty"`

	// Of a certificate that the service gets from a CA.
	Directory string    `json:"directory,omitempty"`  // of the CA; empty where the service gets none
	CNAME     string    `json:"cname,omitempty"`      // the record that has to lead the CA into the zone; empty where none has to
	OtherCA   bool      `json:"other_ca,omitempty"`   // what clients are shown is from before, and of another CA
	NotStored string    `json:"not_stored,omitempty"` // why the certificate in use couldn't be stored, so that a restart would lose it; empty: it is
	Renewing  bool      `json:"renewing"`             // a try is under way
	LastTry   time.Time `json:"last_try,omitzero"`
	Failures  int       `json:"failures"`          // tries that failed since the last that didn't
	NextTry   time.Time `json:"next_try,omitzero"` // when one is due; zero before the zone is published for the first time
}

// runningOut is how long before its end a certificate that others renew is worth a
// warning, unless it lives so short that a third of its life is less.
const runningOut = 14 * 24 * time.Hour

// RunsOut reports whether little is left of the certificate, or nothing.
func (s CertificateStatus) RunsOut(now time.Time) bool {
	return s.NotAfter.Sub(now) < min(runningOut, s.NotAfter.Sub(s.NotBefore)/3)
}

// Expired reports whether clients refuse the certificate for its age.
func (s CertificateStatus) Expired(now time.Time) bool { return !now.Before(s.NotAfter) }

// Trouble says in one line what is wrong with the certificate, "" if nothing is.
func (s CertificateStatus) Trouble(now time.Time) string {
	switch {
	case s.Directory == "" && s.SelfSigned:
		return "" // that is how it was asked for
	case s.Directory == "" && s.LastError != "": // which names files, and strangers read this
		return fmt.Sprintf("the API's certificate files have changed and can't be used, so the certificate from before stays, whose end is %s: the log says why", moment(s.NotAfter))
	case s.Directory == "" && s.Expired(now):
		return fmt.Sprintf("the API's certificate expired at %s: renew its files", moment(s.NotAfter))
	case s.Directory == "" && s.RunsOut(now):
		return fmt.Sprintf("the API's certificate ends at %s: renew its files", moment(s.NotAfter))
	case s.Directory == "":
		return ""
	case s.SelfSigned:
		return fmt.Sprintf("the API shows a self-signed certificate until it has the first one for %s: %s", s.Host, s.Progress())
	case s.OtherCA:
		return fmt.Sprintf("the API's certificate for %s is one of another CA (%s), whose end is %s, until it has the first one: %s", s.Host, s.Issuer, moment(s.NotAfter), s.Progress())
	case s.Expired(now):
		return fmt.Sprintf("the API's certificate for %s expired at %s: %s", s.Host, moment(s.NotAfter), s.Progress())
	case s.Failures > 0:
		return fmt.Sprintf("the API's certificate for %s ends at %s and couldn't be renewed yet: %s", s.Host, moment(s.NotAfter), s.Progress())
	case s.NotStored != "": // which names files, and strangers read this
		return fmt.Sprintf("the API's certificate for %s is in use and couldn't be stored, so a restart would lose it: the log says why", s.Host)
	}
	return ""
}

// IsCertificateTrouble reports whether a text is what Trouble says.
func IsCertificateTrouble(text string) bool {
	return strings.HasPrefix(text, "the API's certificate ") || strings.HasPrefix(text, "the API shows a self-signed certificate ")
}

// Progress says when the next try to get a certificate is, and why the last one failed.
func (s CertificateStatus) Progress() string {
	next := "the next try is at " + moment(s.NextTry)
	switch {
	case s.Renewing:
		next = "a try is under way"
	case s.NextTry.IsZero():
		next = "the first try comes when the name servers answer the zone"
	}
	if s.LastError == "" {
		return next
	}
	return fmt.Sprintf("%s; the last one, at %s, failed: %s", next, moment(s.LastTry), s.LastError)
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// OwnChallenge is where the challenge for the certificate of the API itself is
// answered (RFC 8555, section 8.4).
type OwnChallenge struct {
	Owner string // reserved, relative to the apex
	CNAME string // the record, as a zone file has it, that has to be in the zone of a host that lies elsewhere; or ""
}

// OwnChallenge finds the owner for a host: below the apex if the host is in the zone,
// at any depth, else the apex's, to which a CNAME has to lead. The error says which
// record of the zone is in the way.
func (d *Definition) OwnChallenge(host string) (OwnChallenge, error) {
	host = dns.CanonicalName(host)
	c := OwnChallenge{Owner: challengeLabel}
	switch {
	case host == d.name:
	case dns.IsSubDomain(d.name, host):
		c.Owner += "." + strings.TrimSuffix(host, "."+d.name)
	default:
		c.CNAME = fmt.Sprintf("%s.%s 3600 IN CNAME %s.%s", challengeLabel, host, challengeLabel, d.name)
	}
	if len(challengeLabel)+len(host) > maxName {
		return c, fmt.Errorf("api.hostname: %s is too long: the name of its challenge would be over 255 octets", strings.TrimSuffix(host, "."))
	}
	return c, d.inTheWay(c.Owner, host)
}

// inTheWay looks for what keeps the owner from being answered here.
func (d *Definition) inTheWay(owner, host string) error {
	name := owner + "." + d.name
	for _, rr := range d.static {
		h := rr.Header()
		at, below := h.Name == name, h.Name != d.name && h.Name != name && dns.IsSubDomain(h.Name, name)
		switch {
		case at && (h.Rrtype == dns.TypeCNAME || h.Rrtype == dns.TypeNS):
			return fmt.Errorf(`zone.records: the %s at %s stands where the challenge for the API's own certificate is answered with api.tls = "acme": take the record away, or set api.tls to "files"`,
				dns.Type(h.Rrtype), strings.TrimSuffix(name, "."))
		case below && (h.Rrtype == dns.TypeNS || h.Rrtype == dns.TypeDNAME):
			return fmt.Errorf(`api.hostname: %s can't have its challenge answered here, since zone.records has the %s of %s, which leads elsewhere: choose another name, or set api.tls to "files"`,
				strings.TrimSuffix(host, "."), dns.Type(h.Rrtype), strings.TrimSuffix(h.Name, "."))
		}
	}
	return nil
}

// OwesAddressToWildcard reports whether a host of the zone has its addresses from a
// wildcard alone: while something stands below its name, the name exists, and the
// wildcard doesn't stand for it any more (RFC 4592, 2.2.2).
func (d *Definition) OwesAddressToWildcard(host string) bool {
	host = dns.CanonicalName(host)
	if !dns.IsSubDomain(d.name, host) || d.exists(host) {
		return false
	}
	for {
		_, host, _ = strings.Cut(host, ".")
		if d.exists(host) {
			break
		}
	}
	for _, rr := range d.static {
		switch rr.Header().Rrtype {
		case dns.TypeA, dns.TypeAAAA, dns.TypeCNAME:
			if rr.Header().Name == "*."+host {
				return true
			}
		}
	}
	return false
}

// exists reports whether a static record stands at that name or below it.
func (d *Definition) exists(name string) bool {
	for _, rr := range d.static {
		if dns.IsSubDomain(name, rr.Header().Name) {
			return true
		}
	}
	return false
}
