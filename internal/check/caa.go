package check

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// issuers are the names that CAs go by in CAA records, by the host of their directory.
var issuers = map[string]string{
	"acme-v02.api.letsencrypt.org":         "letsencrypt.org",
	"acme-staging-v02.api.letsencrypt.org": "letsencrypt.org",
}

// checkCAA does what a CA does before it issues (RFC 8659): the CAA records of the
// domain count, or those of the nearest name above it that has some.
func (c *checker) checkCAA(ctx context.Context, d Domain) []Finding {
	f := Finding{Check: "caa", Subject: d.Name}
	for name := dns.CanonicalName(d.Name); name != "."; name = parent(name) {
		set, err := c.caaSet(ctx, name)
		if err != nil {
			return []Finding{c.caaFailure(ctx, f, name, err)}
		}
		if len(set) > 0 {
			return c.judgeCAA(f, d, policy{bare(name), set})
		}
	}
	f.Status, f.Message = OK, "no CAA records: any CA may issue"
	return []Finding{f}
}

// caaSet looks records up, at the end of a chain of CNAMEs where there is one.
func (c *checker) caaSet(ctx context.Context, name string) ([]*dns.CAA, error) {
	answer, err := c.resolver.valid(ctx, name, dns.TypeCAA)
	if err != nil {
		return nil, err
	}
	var set []*dns.CAA
	for _, rr := range answer.Answer {
		if caa, ok := rr.(*dns.CAA); ok {
			set = append(set, caa)
		}
	}
	if len(set) == 0 && !nothingThere(answer) {
		return nil, c.resolver.notProven(question{name: name, rrtype: dns.TypeCAA})
	}
	return set, nil
}

// caaFailure: a CA must not issue then (RFC 8659, section 4).
func (c *checker) caaFailure(ctx context.Context, f Finding, name string, err error) Finding {
	if errors.Is(err, errUnproven) || !c.resolver.gaveUp(ctx, err) {
		f.Status, f.Message = Skipped, fmt.Sprintf("the CAA records couldn't be looked up: %v", err)
		return f
	}
	f.Status = Fault
	if _, untrusted := c.resolver.data(ctx, name, dns.TypeCAA); untrusted == nil {
		f.Message = fmt.Sprintf("%v, since the answer fails DNSSEC validation: a CA that can't look CAA records up refuses to issue", err)
		f.Fix = "mend what 'dnssec' says"
		return f
	}
	f.Message = fmt.Sprintf("%v: a CA that can't look CAA records up refuses to issue", err)
	f.Fix = fmt.Sprintf("have the name servers of %s answer questions for CAA (an empty answer will do); see: dig %s CAA", bare(name), bare(name))
	return f
}

func (c *checker) judgeCAA(f Finding, d Domain, p policy) []Finding {
	for _, caa := range p.set {
		if caa.Flag&128 != 0 && !knownTag(caa.Tag) {
			f.Status, f.Fix = Fault, "take it away, or clear its critical flag"
			f.Message = fmt.Sprintf("the CAA record at %s with the unknown property %q is critical: no CA may issue", p.at, caa.Tag)
			return []Finding{f}
		}
	}
	plain := c.judgeProperty(f, p, "issue")
	if p.property("issuewild") == "issue" {
		return []Finding{plain}
	}
	wild := c.judgeProperty(f, p, "issuewild")
	// Whoever forbids wildcards as a rule means it.
	switch {
	case d.Wildcard && plain.Status == Fault:
		plain.Status = Warning
	case !d.Wildcard && wild.Status == Fault:
		wild.Status = Warning
	}
	return slices.Compact([]Finding{plain, wild})
}

// judgeProperty says whether the CA may issue.
func (c *checker) judgeProperty(f Finding, p policy, tag string) Finding {
	what := map[string]string{"issue": "certificates", "issuewild": "wildcard certificates"}[tag]
	all := p.permissions(tag)
	if len(all) == 0 {
		f.Status, f.Message = OK, fmt.Sprintf("the CAA records at %s restrict nobody", p.at)
		return f
	}
	issuer, known := c.issuer()
	if !known {
		f.Status, f.Message = Skipped, fmt.Sprintf("the CAA records at %s let these issue %s: %s; whether your CA (%s) is one of them is for you to know", p.at, what, allowed(all), c.CA)
		return f
	}
	matching := slices.DeleteFunc(slices.Clone(all), func(q permission) bool { return q.issuer != issuer })
	if len(matching) == 0 {
		f.Status, f.Message = Fault, fmt.Sprintf("the CAA records at %s let %s issue %s, and not %s", p.at, allowed(all), what, issuer)
		f.Fix = fmt.Sprintf(`add: %s. IN CAA 0 %s "%s"`, p.at, p.property(tag), issuer)
		return f
	}
	return c.judgeParameters(f, p, tag, matching)
}

// issuer is the name of the expected CA in CAA records.
func (c *checker) issuer() (string, bool) {
	u, err := url.Parse(c.CA)
	if err != nil {
		return "", false
	}
	issuer, known := issuers[u.Hostname()]
	return issuer, known
}

// judgeParameters looks at what RFC 8657 lets a domain say: by which method, for whose
// account. One record that lets it pass is enough.
func (c *checker) judgeParameters(f Finding, p policy, tag string, all []permission) Finding {
	var errs []error
	var accounts []string
	for _, q := range all {
		if err := c.forbids(q); err != nil {
			errs = append(errs, err)
		} else {
			accounts = append(accounts, q.parameters["accounturi"])
		}
	}
	switch {
	case len(accounts) == 0:
		f.Status, f.Message = Fault, fmt.Sprintf("the CAA records at %s (%s) forbid it: %s", p.at, p.property(tag), oneLine(errors.Join(errs...)))
		f.Fix = fmt.Sprintf(`change it to: %s. IN CAA 0 %s "%s; validationmethods=dns-01"; with accounturi= and the URL of your client's ACME account, if there is to be one`, p.at, p.property(tag), all[0].issuer)
	case !slices.Contains(accounts, ""):
		f.Status, f.Message = Warning, fmt.Sprintf("the CAA records at %s let %s issue for this ACME account only: %s", p.at, all[0].issuer, strings.Join(accounts, ", "))
		f.Fix = "compare it with the account of your client; certbot tells it with: certbot show_account"
	default:
		f.Status, f.Message = OK, fmt.Sprintf("the CAA records at %s let %s issue by dns-01", p.at, all[0].issuer)
	}
	return f
}

// forbids says why a record of the right CA doesn't let an order by dns-01 pass.
func (c *checker) forbids(q permission) error {
	if methods, ok := q.parameters["validationmethods"]; ok && !slices.Contains(strings.Split(strings.ReplaceAll(methods, " ", ""), ","), "dns-01") {
		return fmt.Errorf("validationmethods=%s leaves out dns-01", methods)
	}
	account, ok := q.parameters["accounturi"]
	if !ok {
		return nil
	}
	ours, err1 := url.Parse(c.CA)
	theirs, err2 := url.Parse(account)
	if err1 != nil || err2 != nil || ours.Hostname() != theirs.Hostname() {
		return fmt.Errorf("accounturi=%s is no account of the CA at %s", account, c.CA)
	}
	return nil
}
