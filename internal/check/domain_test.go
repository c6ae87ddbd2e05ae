package check_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/acmezone/acmezone/internal/check"
	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
)

// target is where the CNAME of the domain "good" leads.
const target = "good.auth.ok.example."

// timeLeft is what a resolver's answer says of how long it remembers.
var timeLeft = regexp.MustCompile(`another [0-9hms]+`)

// only are the findings of one check; what is wrong shows in others as well.
func only(findings []check.Finding, name string) []check.Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f check.Finding) bool { return f.Check != name })
}

// brokenDomains are those below cust.example: the records of their labels, and what must
// be said of them. All of them belong at a name of their own label, but for "good".
var brokenDomains = []struct {
	label   string
	records string
	wanted
}{
	{"missing", "missing A 192.0.2.1", wanted{"cname", check.Fault,
		"no server of cust.example has a CNAME at _acme-challenge.missing.cust.example",
		"put into the zone cust.example, and raise its serial: _acme-challenge.missing.cust.example. IN CNAME missing.auth.ok.example."}},
	{"other", "_acme-challenge.other CNAME " + target, wanted{"cname", check.Fault,
		"leads to good.auth.ok.example, the account of good.cust.example, and not to the account bound to this domain, other.auth.ok.example",
		"replace it: put into the zone cust.example, and raise its serial: _acme-challenge.other.cust.example. IN CNAME other.auth.ok.example."}},
	{"nobody", "_acme-challenge.nobody CNAME 1234.auth.ok.example.", wanted{"cname", check.Fault,
		"leads to 1234.auth.ok.example, which no account has, and not to the account bound to this domain, nobody.auth.ok.example",
		"_acme-challenge.nobody.cust.example. IN CNAME nobody.auth.ok.example."}},
	{"elsewhere", "_acme-challenge.elsewhere CNAME abc.acme-dns.example.", wanted{"cname", check.Fault,
		"_acme-challenge.elsewhere.cust.example leads to abc.acme-dns.example, outside of auth.ok.example: values that are set here are not found",
		"_acme-challenge.elsewhere.cust.example. IN CNAME elsewhere.auth.ok.example."}},
	{"occupied", `_acme-challenge.occupied TXT "left behind"`, wanted{"cname", check.Fault,
		"a TXT record stands at _acme-challenge.occupied.cust.example, where the CNAME belongs",
		"delete it from the zone cust.example, and then: put into the zone cust.example"}},
	{"loop", "_acme-challenge.loop CNAME loop1\nloop1 CNAME loop2\nloop2 CNAME loop1", wanted{"cname", check.Fault,
		"the CNAMEs lead in a circle: _acme-challenge.loop.cust.example -> loop1.cust.example -> loop2.cust.example -> loop1.cust.example",
		"end the circle: put into the zone cust.example"}},
	{"long", "_acme-challenge.long CNAME l1\n" + links("l", 8, "long.auth.ok.example."), wanted{"cname", check.Fault,
		"the chain of CNAMEs from _acme-challenge.long.cust.example has more than 8 links: CAs and resolvers give up",
		"lead it there directly: put into the zone cust.example"}},
	{"chain", "_acme-challenge.chain CNAME c1\n" + links("c", 7, "chain.auth.ok.example."), wanted{"cname", check.OK,
		"leads to chain.auth.ok.example on all servers of cust.example (1)", ""}},
	{"issue", point("issue") + `issue CAA 0 issue "ca.example.net"`, wanted{"caa", check.Fault,
		"the CAA records at issue.cust.example let ca.example.net issue certificates, and not letsencrypt.org",
		`add: issue.cust.example. IN CAA 0 issue "letsencrypt.org"`}},
	{"*.issuewild", point("issuewild") + `issuewild CAA 0 issue "letsencrypt.org"` + "\n" + `issuewild CAA 0 issuewild ";"`, wanted{"caa", check.Fault,
		"the CAA records at issuewild.cust.example let nobody issue wildcard certificates, and not letsencrypt.org",
		`add: issuewild.cust.example. IN CAA 0 issuewild "letsencrypt.org"`}},
	{"methods", point("methods") + `methods CAA 0 issue "letsencrypt.org; validationmethods=http-01"`, wanted{"caa", check.Fault,
		"the CAA records at methods.cust.example (issue) forbid it: validationmethods=http-01 leaves out dns-01",
		`change it to: methods.cust.example. IN CAA 0 issue "letsencrypt.org; validationmethods=dns-01"`}},
	{"account", point("account") + `account CAA 0 issue "letsencrypt.org; accounturi=https://acme.example.net/acct/1"`, wanted{"caa", check.Fault,
		"the CAA records at account.cust.example (issue) forbid it: accounturi=https://acme.example.net/acct/1 is no account of the CA at https://acme-v02.api.letsencrypt.org/directory",
		"accounturi= and the URL of your client's ACME account"}},
	{"critical", point("critical") + `critical CAA 128 tbs "unknown"`, wanted{"caa", check.Fault,
		`the CAA record at critical.cust.example with the unknown property "tbs" is critical: no CA may issue`, "clear its critical flag"}},
	{"mine", point("mine") + `mine CAA 0 issue "letsencrypt.org; validationmethods=dns-01; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/7"`, wanted{"caa", check.Warning,
		"the CAA records at mine.cust.example let letsencrypt.org issue for this ACME account only: https://acme-v02.api.letsencrypt.org/acme/acct/7", "certbot show_account"}},
}

// point is the right CNAME of a label.
func point(label string) string {
	return fmt.Sprintf("_acme-challenge.%[1]s CNAME %[1]s.auth.ok.example.\n", label)
}

// links are n CNAMEs, the last of which leads to the end.
func links(label string, n int, end string) string {
	var all strings.Builder
	for i := 1; i < n; i++ {
		fmt.Fprintf(&all, "%s%d CNAME %s%d\n", label, i, label, i+1)
	}
	fmt.Fprintf(&all, "%s%d CNAME %s\n", label, n, end)
	return all.String()
}

// customerBed has a zone of acmezone's that is right, and one of a customer's.
func customerBed(t *testing.T, records string, more ...nsdtest.Zone) (*bed, check.Options) {
	t.Helper()
	o := own{label: "ok"}
	b := newBed(t, bedOptions{own: []own{o}, customers: append(more, handWritten("cust.example", customerAddr, 1, 3600, records))})
	return b, b.options(o.definition(t))
}

func TestBrokenDomainsAreNamed(t *testing.T) {
	records := "_acme-challenge.good CNAME " + target + "\n"
	for _, c := range brokenDomains {
		records += c.records + "\n"
	}
	b, opts := customerBed(t, records)
	b.accounts["good.cust.example"] = "good"
	for _, c := range brokenDomains {
		label := strings.TrimPrefix(c.label, "*.")
		b.accounts[label+".cust.example"] = label
	}
	for _, c := range brokenDomains {
		t.Run(c.label, func(t *testing.T) {
			name, wildcard := strings.CutPrefix(c.label+".cust.example", "*.")
			mustFind(t, check.Run(context.Background(), opts, []check.Domain{{Name: name, Wildcard: wildcard}}), c.wanted)
		})
	}
	t.Run("good", func(t *testing.T) {
		for _, f := range check.Run(context.Background(), opts, []check.Domain{{Name: "good.cust.example"}}) {
			if f.Status != check.OK {
				t.Errorf("%+v", f)
			}
		}
	})
}

func TestBoundDomains(t *testing.T) {
	b, opts := customerBed(t, "_acme-challenge CNAME good.auth.ok.example.\n_acme-challenge.b CNAME gone.auth.ok.example.\n_acme-challenge.a CNAME good.auth.ok.example.")
	b.accounts["cust.example"] = "good"
	b.accounts["not.cust.example"] = "not"
	t.Run("are checked where none is named", func(t *testing.T) {
		findings := check.Run(context.Background(), opts, nil)
		mustFind(t, findings, wanted{"cname", check.Fault,
			"no server of cust.example has a CNAME at _acme-challenge.not.cust.example",
			"_acme-challenge.not.cust.example. IN CNAME not.auth.ok.example."})
		mustFind(t, only(findings, "cache"), wanted{"cache", check.OK, "the resolver " + b.resolver + " sees it too", ""})
	})
	t.Run("a CNAME that a deployment took away", func(t *testing.T) {
		attached := opts
		attached.AttachZones = []string{"cust.example"}
		mustFind(t, check.Run(context.Background(), attached, []check.Domain{{Name: "not.cust.example"}}), wanted{"cname", check.Fault,
			"no server of cust.example has a CNAME at _acme-challenge.not.cust.example; a deployment of the zone file may have taken it away again",
			"acmezone attach not.cust.example"})
	})
	t.Run("one that isn't bound, with somebody's account", func(t *testing.T) {
		mustFind(t, check.Run(context.Background(), opts, []check.Domain{{Name: "a.cust.example"}}), wanted{"cname", check.OK,
			"leads to good.auth.ok.example, the account of cust.example; no account is bound to this domain itself", ""})
	})
	t.Run("one that isn't bound, with nobody's", func(t *testing.T) {
		mustFind(t, check.Run(context.Background(), opts, []check.Domain{{Name: "b.cust.example"}}), wanted{"cname", check.Fault,
			"leads to gone.auth.ok.example, which no account has: nobody can set a value there",
			"replace it: this prints the record for the zone cust.example, and registers the domain if it isn't yet: acmezone cname b.cust.example"})
	})
}

func TestServersOfTheCustomersZoneDisagree(t *testing.T) {
	ns := "@ NS ns2\nns2 A " + parentAddr + "\n"
	o := own{label: "ok"}
	b := newBed(t, bedOptions{
		own:       []own{o},
		customers: []nsdtest.Zone{handWritten("split.example", customerAddr, 2, 3600, ns+"_acme-challenge CNAME good.auth.ok.example.")},
		parents:   []nsdtest.Zone{handWritten("split.example", customerAddr, 1, 3600, ns)},
	})
	b.accounts["split.example"] = "good"
	mustFind(t, check.Run(context.Background(), b.options(o.definition(t)), []check.Domain{{Name: "split.example"}}), wanted{"cname", check.Fault,
		"ns2.split.example (127.0.1.1) has no CNAME at _acme-challenge.split.example yet (serial 1), ns.split.example (127.0.3.1) has it (serial 2): a CA may ask either",
		"on the one that is behind type: nsd-control transfer split.example"})
}

// TestStaleAnswers: a client asks too early, and the resolver remembers.
func TestStaleAnswers(t *testing.T) {
	b, opts := customerBed(t, "",
		handWritten("stale.example", customerAddr, 1, 86400, ""),
		handWritten("older.example", customerAddr, 1, 300, "_acme-challenge CNAME old.acme-dns.example."))
	early(t, b, "stale.example")
	early(t, b, "older.example")
	for _, c := range []struct {
		domain  string
		minimum int
		wanted
	}{
		// Unbound remembers for an hour at the most that there was nothing.
		{"stale.example", 86400, wanted{"cache", check.Fault,
			"the name servers have the CNAME, but the resolver " + b.resolver + " remembers NXDOMAIN for _acme-challenge.stale.example for another TIME, since it was asked too early; stale.example lets that be remembered for 24h",
			"wait 60 minutes, or flush it on the resolver: unbound-control flush_zone stale.example; lower the last number of the SOA record of stale.example (MINIMUM) to 300"}},
		{"older.example", 300, wanted{"cache", check.Fault,
			"the resolver " + b.resolver + " remembers an older CNAME, to old.acme-dns.example, for another TIME",
			"wait 60 minutes, or flush it on the resolver: unbound-control flush_zone older.example"}},
	} {
		t.Run(c.domain, func(t *testing.T) {
			b.accounts[c.domain] = "good"
			b.customer.Write(t, c.domain+".hand", handWritten(c.domain, customerAddr, 2, c.minimum, "_acme-challenge CNAME "+target).Text)
			if _, err := b.customer.Control("reload", c.domain); err != nil {
				t.Fatal(err)
			}
			b.customer.Await(t, c.domain, 2)
			findings := check.Run(context.Background(), opts, []check.Domain{{Name: c.domain}})
			for i := range findings { // the time that is left is what it is
				findings[i].Message = timeLeft.ReplaceAllString(findings[i].Message, "another TIME")
			}
			mustFind(t, findings, c.wanted)
		})
	}
}

// early asks the resolver for a domain's value, which isn't there yet.
func early(t *testing.T, b *bed, domain string) {
	t.Helper()
	client := dns.Client{Timeout: 20 * time.Second}
	question := new(dns.Msg).SetQuestion("_acme-challenge."+domain+".", dns.TypeTXT)
	answer, _, err := client.Exchange(question, b.resolver)
	if err != nil || answer.Rcode != dns.RcodeNameError {
		t.Fatal(answer, err)
	}
}

func TestDNSSEC(t *testing.T) {
	parent, good, old := newKey(t, "ds.example"), newKey(t, "good.ds.example"), newKey(t, "old.ds.example")
	next, last := time.Now().Add(15*24*time.Hour), time.Now().Add(-5*24*time.Hour)
	records := delegate("auth", primaryAddr) + digest("auth") + delegate("cust", customerAddr) + digest("cust") +
		delegate("good", customerAddr) + good.ds() + "\n" + delegate("old", customerAddr) + old.ds() + "\n"
	above := parent.sign(t, handWritten("ds.example", parentAddr, 1, 3600, records), next)
	o := own{label: "ds", above: &above}
	cname := "_acme-challenge CNAME good.auth.ds.example."
	b := newBed(t, bedOptions{
		own: []own{o},
		customers: []nsdtest.Zone{
			handWritten("cust.ds.example", customerAddr, 1, 3600, cname),
			good.sign(t, handWritten("good.ds.example", customerAddr, 1, 3600, cname), next),
			old.sign(t, handWritten("old.ds.example", customerAddr, 1, 3600, cname), last),
		},
		anchors: []string{parent.ds()},
	})
	b.accounts["good.ds.example"] = "good"
	opts := b.options(o.definition(t))
	t.Run("acmezone's zone", func(t *testing.T) {
		mustFind(t, check.Run(context.Background(), withoutAccounts(opts), nil), wanted{"dnssec", check.Fault,
			"its parent has a DS record, but ns1.auth.ds.example (127.0.2.1) answers without signatures: validating resolvers, CAs' among them, answer SERVFAIL",
			"delete the DS records of auth.ds.example at its parent zone"})
	})
	for _, c := range []struct {
		name string
		wanted
	}{
		{"cust.ds.example", wanted{"dnssec", check.Fault,
			"its parent has a DS record, but ns.cust.ds.example (127.0.3.1) answers without signatures: validating resolvers, CAs' among them, answer SERVFAIL",
			"sign cust.ds.example again, or delete its DS records at the parent"}},
		{"old.ds.example", wanted{"dnssec", check.Fault,
			"it is signed, but the signatures don't hold (expired, or made with a key that the DS record isn't for): validating resolvers, CAs' among them, answer SERVFAIL",
			"sign it again, or delete its DS records at the parent; 'delv @127.0.0.1 -p "}},
		{"old.ds.example", wanted{"caa", check.Fault,
			"the resolver " + b.resolver + " answers SERVFAIL to old.ds.example CAA, since the answer fails DNSSEC validation: a CA that can't look CAA records up refuses to issue",
			"mend what 'dnssec' says"}},
		{"good.ds.example", wanted{"dnssec", check.OK, "signed, and the signatures hold", ""}},
	} {
		t.Run(c.check+" "+c.name, func(t *testing.T) {
			mustFind(t, only(check.Run(context.Background(), opts, []check.Domain{{Name: c.name}}), c.check), c.wanted)
		})
	}
}

// delegate gives a name below the zone to the server at the address.
func delegate(label, addr string) string {
	return fmt.Sprintf("%[1]s NS ns1.%[1]s\nns1.%[1]s A %[2]s\n", label, addr)
}

// digest is a DS record of a key that nobody has.
func digest(label string) string {
	return label + " 3600 DS 12345 13 2 " + strings.Repeat("0A", 32) + "\n"
}

func withoutAccounts(o check.Options) check.Options {
	o.Accounts = nil
	return o
}
