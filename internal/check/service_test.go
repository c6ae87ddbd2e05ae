package check_test

import (
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/check"
	"github.com/acmezone/acmezone/internal/check/checktest"
	"github.com/acmezone/acmezone/internal/zone"
)

// standIn is a service that shows a certificate and says how it is.
func standIn(t *testing.T, cert tls.Certificate, health http.HandlerFunc) *check.Service {
	t.Helper()
	server := httptest.NewUnstartedServer(health)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	dir, err := os.MkdirTemp("", "check-") // a short path, for the socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "admin.sock")
	admin, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close() })
	return &check.Service{Socket: socket, Listen: server.Listener.Addr().String(), Hostname: "api.ok.example", TLS: "files"}
}

func well(http.ResponseWriter, *http.Request) {}

func TestCertificates(t *testing.T) {
	o := own{label: "ok"}
	b := newBed(t, bedOptions{own: []own{o}})
	a, stranger := checktest.NewCA(t, "Known"), checktest.NewCA(t, "Stranger")
	now := time.Now()
	in := func(d time.Duration) string { return now.Add(d).UTC().Format("2006-01-02 15:04 UTC") }
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		cert tls.Certificate
		wanted
	}{
		"good": {a.Issue(t, "api.ok.example", now.Add(-day), now.Add(60*day)), wanted{"certificate", check.OK, "good until " + in(60*day), ""}},
		"expired": {a.Issue(t, "api.ok.example", now.Add(-90*day), now.Add(-day)), wanted{"certificate", check.Fault,
			"it expired at " + in(-day) + ": clients refuse the API", "renew the files of api.cert_file and api.key_file"}},
		"expires soon": {a.Issue(t, "api.ok.example", now.Add(-80*day), now.Add(10*day+time.Hour)), wanted{"certificate", check.Warning,
			"it expires at " + in(10*day+time.Hour) + ", in 10 days", "renew the files"}},
		"short-lived": {a.Issue(t, "api.ok.example", now.Add(-2*day), now.Add(4*day)), wanted{"certificate", check.OK, "good until " + in(4*day), ""}},
		"wrong name": {a.Issue(t, "www.ok.example", now.Add(-day), now.Add(60*day)), wanted{"certificate", check.Fault,
			"it is for www.ok.example, and not for api.ok.example: clients refuse the API", "get one for api.ok.example, or set api.hostname"}},
		"self-signed": {checktest.SelfSigned(t, "api.ok.example", now.Add(-day), now.Add(60*day)), wanted{"certificate", check.Warning,
			"it is signed by itself: each client must be told to trust it", "curl: --cacert"}},
		"unknown CA": {stranger.Issue(t, "api.ok.example", now.Add(-day), now.Add(60*day)), wanted{"certificate", check.Fault,
			"clients don't trust it: x509: certificate signed by unknown authority; only the certificate itself is shown, without those that lead to its root", "use fullchain.pem, not cert.pem"}},
	} {
		t.Run(name, func(t *testing.T) {
			opts := b.options(o.definition(t))
			opts.Service = standIn(t, c.cert, well)
			opts.Service.RootFile = a.File
			findings := check.Run(context.Background(), opts, nil)
			mustFind(t, findings, c.wanted)
			mustFind(t, only(findings, "health"), wanted{"health", check.OK, "the service does its work", ""})
		})
	}
}

func TestServiceThatIsUnwell(t *testing.T) {
	o := own{label: "ok"}
	b := newBed(t, bedOptions{own: []own{o}})
	a := checktest.NewCA(t, "Known")
	cert := a.Issue(t, "api.ok.example", time.Now().Add(-time.Hour), time.Now().Add(1000*time.Hour))
	for name, c := range map[string]struct {
		health http.HandlerFunc
		wanted
	}{
		"unhealthy": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"error":"unhealthy","reason":"NSD's control channel /run/nsd.sock is not there"}`)
		}, wanted{"health", check.Fault, "the service says (503): NSD's control channel /run/nsd.sock is not there", "journalctl -u acmezone"}},
		"unhealthy and degraded": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"error":"unhealthy","reason":"the disk is full","degraded":["the configuration waits"]}`)
		}, wanted{"health", check.Fault, "the service says (503): the disk is full; the configuration waits", "journalctl -u acmezone"}},
		"degraded": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"degraded":["passed over: no answer from 192.0.2.2:53"]}`)
		}, wanted{"health", check.Warning, "passed over: no answer from 192.0.2.2:53", "mend what is passed over"}},
		"degraded for its certificate": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"degraded":["the API shows a self-signed certificate until it has the first one for api.ok.example: wait"]}`)
		}, wanted{"health", check.OK, "the service does its work; its certificate has a finding of its own", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			opts := b.options(o.definition(t))
			opts.Service = standIn(t, cert, c.health)
			opts.Service.RootFile = a.File
			mustFind(t, check.Run(context.Background(), opts, nil), c.wanted)
		})
	}
	t.Run("hanging", func(t *testing.T) {
		opts := b.options(o.definition(t))
		opts.Service = standIn(t, cert, well)
		opts.Service.RootFile = a.File
		opts.Service.Serial = func(ctx context.Context) (zone.Serial, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		}
		mustFind(t, check.Run(context.Background(), opts, nil), wanted{"service", check.Fault,
			"the service runs and doesn't answer at its admin socket: context deadline exceeded", "systemctl restart acmezone"})
	})
	t.Run("not running", func(t *testing.T) {
		opts := b.options(o.definition(t))
		opts.Service = &check.Service{Socket: filepath.Join(t.TempDir(), "admin.sock"), Listen: "[::]:443", Hostname: "api.ok.example", TLS: "files"}
		findings := check.Run(context.Background(), opts, nil)
		mustFind(t, findings, wanted{"service", check.Warning, "no service runs on this machine: nothing takes requests here", "systemctl start acmezone"})
		mustFind(t, findings, wanted{"certificate", check.Skipped, "no service runs", ""})
	})
}

// TestEverythingIsDead: it ends in time, and nothing is said to be right.
func TestEverythingIsDead(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	o := own{label: "ok"}
	opts := check.Options{
		Definition: o.definition(t), Resolver: silent.LocalAddr().String(), Deadline: 2500 * time.Millisecond,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "udp", silent.LocalAddr().String())
		},
		Service: &check.Service{Socket: "/none", Listen: "127.0.0.1:443", Hostname: "api.ok.example", TLS: "files"},
	}
	begun := time.Now()
	findings := check.Run(context.Background(), opts, nil)
	if took := time.Since(begun); took > time.Minute {
		t.Errorf("it took %v", took)
	}
	if len(findings) == 0 || check.Count(findings, check.OK) > 0 {
		show(t, findings)
		t.Error("something is ok")
	}
	for _, f := range findings {
		if f.Check == "delegation" && (f.Status != check.Skipped || f.Message != "not finished within 2.5s") {
			t.Errorf("%+v", f)
		}
	}
}

// TestResolverThatKnowsNothing: some boxes answer NXDOMAIN to everything.
func TestResolverThatKnowsNothing(t *testing.T) {
	o := own{label: "ok"}
	opts := check.Options{Definition: o.definition(t), Resolver: checktest.KnowsNothing(t)}
	for _, f := range check.Run(context.Background(), opts, []check.Domain{{Name: "cust.example"}}) {
		if f.Check != "resolver" && (f.Status != check.Skipped || f.Message == "") {
			t.Errorf("%+v", f)
		}
	}
}
