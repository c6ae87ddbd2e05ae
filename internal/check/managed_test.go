package check_test

import (
	"context"
	"crypto/tls"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/check"
	"github.com/acmezone/acmezone/internal/check/checktest"
	"github.com/acmezone/acmezone/internal/zone"
)

// TestManagedCertificates: what is seen from outside, and what the service knows of it.
func TestManagedCertificates(t *testing.T) {
	o := own{label: "ok"}
	b := newBed(t, bedOptions{own: []own{o}})
	a, unknown := checktest.NewCA(t, "Known"), checktest.NewCA(t, "Staging")
	now := time.Now()
	const day = 24 * time.Hour
	at := func(d time.Duration) string { return now.Add(d).UTC().Format("2006-01-02 15:04") }
	progress := "the next try is at " + now.Add(time.Hour).UTC().Format("2006-01-02 15:04:05 UTC") +
		"; the last one, at " + now.UTC().Format("2006-01-02 15:04:05 UTC") + ", failed: the CA refuses"
	issued := func(from, to time.Duration) tls.Certificate {
		return a.Issue(t, "api.ok.example", now.Add(from), now.Add(to))
	}
	signed := checktest.SelfSigned(t, "api.ok.example", now.Add(-day), now.Add(60*day))
	t.Run("files renewed in vain", func(t *testing.T) {
		opts := b.options(o.definition(t))
		opts.Service = standIn(t, issued(-day, 60*day), well)
		opts.Service.RootFile, opts.Service.TLS = a.File, "files"
		opts.Service.Certificate = func(context.Context) (zone.CertificateStatus, error) {
			return zone.CertificateStatus{LastError: "api.key_file: permission denied"}, nil
		}
		mustFind(t, only(check.Run(context.Background(), opts, nil), "certificate"), wanted{"certificate", check.Warning,
			"good until " + at(60*day) + " UTC; its files have changed since, and can't be used: api.key_file: permission denied", "mend the files"})
	})
	for name, c := range map[string]struct {
		cert   tls.Certificate
		status zone.CertificateStatus
		wanted
	}{
		"good": {issued(-day, 60*day), zone.CertificateStatus{NotAfter: now.Add(60 * day), NextTry: now.Add(40 * day)},
			wanted{"certificate", check.OK, "good until " + at(60*day) + " UTC; it will be renewed at " + at(40*day) + " UTC", ""}},
		"due": {issued(-80*day, 10*day), zone.CertificateStatus{NotAfter: now.Add(10 * day), NextTry: now.Add(day)},
			wanted{"certificate", check.OK, "good until " + at(10*day) + " UTC; it will be renewed at " + at(day) + " UTC", ""}},
		"not yet": {signed, zone.CertificateStatus{SelfSigned: true},
			wanted{"certificate", check.Warning, "the API shows a self-signed certificate until it has the first one for api.ok.example: the first try comes when the name servers answer the zone", "wait for it"}},
		"refused": {signed, zone.CertificateStatus{SelfSigned: true, NextTry: now.Add(time.Hour), LastTry: now, LastError: "the CA refuses", Failures: 1, CNAME: "a CNAME b"},
			wanted{"certificate", check.Fault, "clients refuse the API: the API shows a self-signed certificate until it has the first one for api.ok.example: " + progress, "is this record in the zone of api.ok.example? a CNAME b"}},
		"renewal fails": {issued(-80*day, 10*day), zone.CertificateStatus{NotAfter: now.Add(10*day + time.Minute), NextTry: now.Add(time.Hour), LastTry: now, LastError: "the CA refuses", Failures: 1},
			wanted{"certificate", check.Warning, "it expires at " + at(10*day+time.Minute) + " UTC, in 10 days, and couldn't be renewed yet: " + progress, "tries again by itself"}},
		"another CA's": {issued(-80*day, 10*day), zone.CertificateStatus{OtherCA: true, Issuer: "Known", NotAfter: now.Add(10 * day), NextTry: now.Add(time.Hour), LastTry: now, LastError: "the CA refuses", Failures: 1},
			wanted{"certificate", check.Warning, "the API's certificate for api.ok.example is one of another CA (Known), whose end is " + now.Add(10*day).UTC().Format("2006-01-02 15:04:05 UTC") + ", until it has the first one: " + progress, "tries again by itself"}},
		"a staging CA's": {unknown.Issue(t, "api.ok.example", now.Add(-day), now.Add(60*day)), zone.CertificateStatus{OtherCA: true, Issuer: "Staging", NotAfter: now.Add(60 * day), NextTry: now.Add(time.Hour)},
			wanted{"certificate", check.Fault, "clients refuse the API: the API's certificate for api.ok.example is one of another CA (Staging), whose end is " + now.Add(60*day).UTC().Format("2006-01-02 15:04:05 UTC") + ", until it has the first one: the next try is at " + now.Add(time.Hour).UTC().Format("2006-01-02 15:04:05 UTC"), "wait for it"}},
		"not stored": {issued(-day, 60*day), zone.CertificateStatus{NotAfter: now.Add(60 * day), NextTry: now.Add(40 * day), NotStored: "write /acme/x: no space left on device"},
			wanted{"certificate", check.Warning, "good until " + at(60*day) + " UTC, but not stored, and a restart would lose it: write /acme/x: no space left on device", "make room"}},
		"expired": {issued(-80*day, -day), zone.CertificateStatus{NotAfter: now.Add(-day), NextTry: now.Add(time.Hour), LastTry: now, LastError: "the CA refuses", Failures: 1},
			wanted{"certificate", check.Fault, "it expired at " + at(-day) + " UTC: clients refuse the API; " + progress, "tries again by itself"}},
	} {
		t.Run(name, func(t *testing.T) {
			opts := b.options(o.definition(t))
			opts.Service = standIn(t, c.cert, well)
			opts.Service.RootFile, opts.Service.TLS = a.File, "acme"
			opts.Service.Certificate = func(context.Context) (zone.CertificateStatus, error) {
				c.status.Host, c.status.Directory = "api.ok.example", "https://ca.test"
				return c.status, nil
			}
			mustFind(t, only(check.Run(context.Background(), opts, nil), "certificate"), c.wanted)
		})
	}
}
