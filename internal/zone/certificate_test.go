package zone

import (
	"strings"
	"testing"
	"time"
)

func defined(t *testing.T, records ...string) *Definition {
	t.Helper()
	def, err := Define(Spec{Name: "auth.example.org", Records: records, TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return def
}

func TestOwnChallenge(t *testing.T) {
	def := defined(t, "@ A 192.0.2.1", "other NS ns.other.example.", "_acme-challenge TXT beside", "_acme-challenge.www A 192.0.2.1")
	for host, want := range map[string]OwnChallenge{
		"auth.example.org":           {Owner: "_acme-challenge"},
		"AUTH.example.org.":          {Owner: "_acme-challenge"},
		"www.auth.example.org":       {Owner: "_acme-challenge.www"},
		"a.b.c.auth.example.org":     {Owner: "_acme-challenge.a.b.c"},
		"acme.example.net":           {Owner: "_acme-challenge", CNAME: "_acme-challenge.acme.example.net. 3600 IN CNAME _acme-challenge.auth.example.org."},
		"xauth.example.org":          {Owner: "_acme-challenge", CNAME: "_acme-challenge.xauth.example.org. 3600 IN CNAME _acme-challenge.auth.example.org."},
		"otherwise.auth.example.org": {Owner: "_acme-challenge.otherwise"},
	} {
		got, err := def.OwnChallenge(host)
		if err != nil || got != want || !Reserved(got.Owner) {
			t.Errorf("%s: %+v, %v", host, got, err)
		}
	}
}

func TestOwnChallengeSaysWhatIsInTheWay(t *testing.T) {
	for _, c := range []struct{ record, host, say string }{
		{"_acme-challenge CNAME x", "auth.example.org", "the CNAME at _acme-challenge.auth.example.org"},
		{"_acme-challenge CNAME x", "acme.example.net", "the CNAME at _acme-challenge.auth.example.org"},
		{"_acme-challenge.www NS ns.example.net.", "www.auth.example.org", "the NS at _acme-challenge.www.auth.example.org"},
		{"sub NS ns.example.net.", "a.sub.auth.example.org", "api.hostname: a.sub.auth.example.org can't have its challenge answered here, since zone.records has the NS of sub.auth.example.org"},
		{"sub NS ns.example.net.", "sub.auth.example.org", "the NS of sub.auth.example.org"},
		{"sub DNAME example.net.", "a.sub.auth.example.org", "the DNAME of sub.auth.example.org"},
		{"www A 192.0.2.1", strings.Repeat("long.", 46) + "example.net", "too long"},
	} {
		if _, err := defined(t, c.record).OwnChallenge(c.host); err == nil || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s with %s: %v", c.host, c.record, err)
		}
	}
}

func TestOwesAddressToWildcard(t *testing.T) {
	def := defined(t, "@ A 192.0.2.1", "* A 192.0.2.2", "www A 192.0.2.1", "a.b A 192.0.2.1")
	for host, want := range map[string]bool{
		"auth.example.org":       false,
		"www.auth.example.org":   false,
		"b.auth.example.org":     false, // exists, since something stands below it
		"x.b.auth.example.org":   false, // the closest name that exists is b
		"x.auth.example.org":     true,
		"x.y.z.auth.example.org": true,
		"x.example.org":          false,
	} {
		if got := def.OwesAddressToWildcard(host); got != want {
			t.Errorf("%s: %v", host, got)
		}
	}
	if defined(t, "@ A 192.0.2.1").OwesAddressToWildcard("x.auth.example.org") {
		t.Error("the idle wildcard has no address")
	}
}

func TestCertificateTrouble(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	good := CertificateStatus{Host: "auth.test", NotBefore: now.Add(-10 * day), NotAfter: now.Add(80 * day)}
	with := func(change func(*CertificateStatus)) CertificateStatus {
		s := good
		change(&s)
		return s
	}
	managed := with(func(s *CertificateStatus) { s.Directory, s.NextTry = "https://ca.test/dir", now.Add(time.Hour) })
	for _, c := range []struct {
		status CertificateStatus
		say    string
	}{
		{good, ""},
		{with(func(s *CertificateStatus) { s.SelfSigned = true }), ""},
		{with(func(s *CertificateStatus) { s.NotBefore, s.NotAfter = now.Add(-77*day), now.Add(13*day) }), "the API's certificate ends at 2026-12-10 12:00:00 UTC: renew its files"},
		{with(func(s *CertificateStatus) { s.NotAfter = now }), "the API's certificate expired at 2026-11-27 12:00:00 UTC: renew its files"},
		{with(func(s *CertificateStatus) { s.LastError = "no such file" }), "the API's certificate files have changed and can't be used, so the certificate from before stays, whose end is 2027-02-15 12:00:00 UTC: the log says why"},
		{managed, ""},
		{CertificateStatus{Host: "auth.test", Directory: "d", SelfSigned: true}, "the API shows a self-signed certificate until it has the first one for auth.test: the first try comes when the name servers answer the zone"},
		{CertificateStatus{Host: "auth.test", Directory: "d", SelfSigned: true, Renewing: true, NextTry: now, LastTry: now, LastError: "no"}, "the API shows a self-signed certificate until it has the first one for auth.test: a try is under way; the last one, at 2026-11-27 12:00:00 UTC, failed: no"},
		{CertificateStatus{Host: "auth.test", Directory: "d", NotAfter: now, Failures: 2, NextTry: now, LastTry: now, LastError: "no"}, "the API's certificate for auth.test expired at 2026-11-27 12:00:00 UTC: the next try is at 2026-11-27 12:00:00 UTC; the last one, at 2026-11-27 12:00:00 UTC, failed: no"},
		{CertificateStatus{Host: "auth.test", Directory: "d", NotAfter: now.Add(day), Failures: 2, NextTry: now, LastTry: now, LastError: "no"}, "the API's certificate for auth.test ends at 2026-11-28 12:00:00 UTC and couldn't be renewed yet: the next try is at 2026-11-27 12:00:00 UTC; the last one, at 2026-11-27 12:00:00 UTC, failed: no"},
	} {
		got := c.status.Trouble(now)
		if got != c.say {
			t.Errorf("said %s\nwant %s", got, c.say)
		}
		if IsCertificateTrouble(got) != (c.say != "") {
			t.Errorf("not recognised: %s", got)
		}
	}
}
