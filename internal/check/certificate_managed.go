package check

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/acmezone/acmezone/internal/zone"
)

// judgeManaged adds what the service knows: of files, that new ones can't be used, and of
// a certificate that it gets from a CA, why the last try failed, and when the next one is.
func (c *checker) judgeManaged(ctx context.Context, f Finding, chain []*x509.Certificate, now time.Time) Finding {
	f = c.judgeCertificate(f, chain, now)
	if c.Service.TLS == "self-signed" || c.Service.Certificate == nil {
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, adminTime)
	defer cancel()
	s, err := c.Service.Certificate(ctx)
	if err != nil {
		return f // what is seen from outside is all there is
	}
	if c.Service.TLS != "acme" {
		return judgeFiles(f, s)
	}
	day := s.NotAfter.UTC().Format("2006-01-02 15:04 UTC")
	switch {
	case s.SelfSigned && s.LastError == "":
		f.Status, f.Message, f.Fix = Warning, s.Trouble(now), waitFix
	case s.SelfSigned:
		f.Status, f.Message, f.Fix = Fault, "clients refuse the API: "+s.Trouble(now), c.tryFix(s)
	case s.OtherCA:
		f = c.judgeOtherCA(f, s, now)
	case s.Expired(now):
		f.Message, f.Fix = f.Message+"; "+s.Progress(), c.tryFix(s)
	case s.Failures > 0:
		f.Status, f.Fix = Warning, c.tryFix(s)
		f.Message = fmt.Sprintf("it expires at %s, in %s, and couldn't be renewed yet: %s", day, inDays(s.NotAfter.Sub(now)), s.Progress())
	case s.NotStored != "":
		f.Status, f.Message = Warning, fmt.Sprintf("good until %s, but not stored, and a restart would lose it: %s", day, s.NotStored)
		f.Fix = "make room, or mend the folder of api.acme_storage; the service tries again every minute"
	case f.Status == OK, f.Status == Warning && !selfSigned(chain[0]):
		f.Status, f.Fix = OK, ""
		f.Message = fmt.Sprintf("good until %s; it will be renewed at %s", day, s.NextTry.UTC().Format("2006-01-02 15:04 UTC"))
	}
	return f
}

const waitFix = "wait for it, and check again"

// judgeOtherCA is for the time in which the certificate of the CA from before is shown:
// whether clients trust it, that of a staging CA for instance, has been judged already.
func (c *checker) judgeOtherCA(f Finding, s zone.CertificateStatus, now time.Time) Finding {
	if f.Status == Fault {
		f.Message = "clients refuse the API: " + s.Trouble(now)
	} else {
		f.Status, f.Message = Warning, s.Trouble(now)
	}
	if f.Fix = c.tryFix(s); s.LastError == "" {
		f.Fix = waitFix
	}
	return f
}

// judgeFiles tells of files that were renewed in vain: what is shown may be good for long
// yet.
func judgeFiles(f Finding, s zone.CertificateStatus) Finding {
	if s.LastError == "" {
		return f
	}
	if f.Status == OK {
		f.Status = Warning
	}
	f.Message += "; its files have changed since, and can't be used: " + s.LastError
	f.Fix = "mend the files, for the service's user too; they are taken up by themselves"
	return f
}

// tryFix says how the next try comes at once.
func (c *checker) tryFix(s zone.CertificateStatus) string {
	fix := "mend what the error says; the service tries again by itself, and at once after systemctl restart acmezone"
	if s.CNAME != "" {
		fix = "is this record in the zone of " + s.Host + "? " + s.CNAME + " ; " + fix
	}
	return fix
}

// checkOwnChallenge looks, for an API's host outside the zone, whether a CA is led into it.
func (c *checker) checkOwnChallenge(ctx context.Context) []Finding {
	f := Finding{Check: "challenge", Subject: c.Service.Hostname, Status: Fault}
	own, err := c.Definition.OwnChallenge(c.Service.Hostname)
	switch {
	case err != nil:
		f.Message, f.Fix = err.Error(), "mend the configuration, then: systemctl restart acmezone"
		return []Finding{f}
	case own.CNAME == "":
		return nil
	}
	chain, err := c.follow(ctx, zone.ChallengeOwner(c.Service.Hostname))
	want := own.Owner + "." + c.Definition.Name()
	switch end := chain[len(chain)-1]; {
	case end == want:
		f.Status, f.Message = OK, arrows(chain)+": the CA finds the challenge for the API's certificate"
	case err != nil:
		f.Status, f.Message = Skipped, fmt.Sprintf("%s couldn't be followed: %v", arrows(chain), err)
	case len(chain) == 1:
		f.Message = fmt.Sprintf("no CNAME stands at %s, by which a CA would be led to the challenge for the API's certificate", bare(end))
		f.Fix = "put this into the zone that " + c.Service.Hostname + " lies in: " + own.CNAME
	default:
		f.Message = fmt.Sprintf("%s: it should lead to %s, where the challenge for the API's certificate is answered", arrows(chain), bare(want))
		f.Fix = "put this into the zone that " + c.Service.Hostname + " lies in instead: " + own.CNAME
	}
	return []Finding{f}
}
