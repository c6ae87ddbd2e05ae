package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/client"
	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
	"github.com/acmezone/acmezone/internal/zone"
	"github.com/nrdcg/goacmedns"
)

// fromCA is the API's way with a certificate that acmezone gets for itself.
const fromCA = "acme"

// own is a service that gets its own certificate, stopped and started at will.
type own struct {
	*service
	hostname string
	running  *process
	env      []string
}

// startOwn starts it with the embedded server, or, with a section, with whoever that
// names.
func startOwn(t *testing.T, hostname, directory, section string, env ...string) *own {
	t.Helper()
	dir, ports := t.TempDir(), freePorts(t, 2)
	o := &own{hostname: hostname, env: env, service: &service{
		config: filepath.Join(dir, "acmezone.toml"), host: loopback(ports[0]), dns: loopback(ports[1]), url: "https://" + loopback(ports[0]),
	}}
	if section == "" {
		section = fmt.Sprintf("[dns]\nlisten = [%q]\n", o.dns)
	}
	writeFile(t, o.config, configuration(dir, fromCA, []string{"127.0.0.0/8"}, ports[0])+
		fmt.Sprintf("hostname = %q\nacme_directory = %q\n", hostname, directory)+section)
	t.Cleanup(func() { o.running.finish(t) })
	o.start(t)
	return o
}

func (o *own) start(t *testing.T) {
	t.Helper()
	o.running = start(t, "acmezone", command{program: binaries.acmezone, args: []string{"serve", "--config", o.config}, env: o.env, graceful: true})
	if err := poll(startTime, o.running.ended, func() error { return healthy(fromCA, o.host) }); err != nil {
		t.Fatalf("acmezone did not get ready: %v\n%s", err, &o.running.log)
	}
}

func (o *own) restart(t *testing.T) {
	t.Helper()
	o.running.stop(t)
	o.start(t)
}

// shown is the certificate that a client gets; roots nil: whoever signed it.
func (o *own) shown(roots *x509.CertPool) (*x509.Certificate, error) {
	dialer := &net.Dialer{Timeout: startTime}
	conn, err := tls.DialWithDialer(dialer, "tcp", o.host, &tls.Config{ServerName: o.hostname, RootCAs: roots, InsecureSkipVerify: roots == nil})
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	return conn.ConnectionState().PeerCertificates[0], nil
}

func (o *own) mustShow(t *testing.T, roots *x509.CertPool) *x509.Certificate {
	t.Helper()
	leaf, err := o.shown(roots)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

// await waits for the CA's certificate, and returns it.
func (o *own) await(t *testing.T, ca *pebble) *x509.Certificate {
	t.Helper()
	err := poll(2*startTime, o.running.ended, func() error {
		_, err := o.shown(ca.roots)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return o.mustShow(t, ca.roots)
}

// status is what the admin socket says of the certificate.
func (o *own) status(t *testing.T) zone.CertificateStatus {
	t.Helper()
	operator, err := client.Dial(limited(t), filepath.Join(filepath.Dir(o.config), "admin.sock"), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = operator.Close() }()
	status, err := operator.Certificate(limited(t))
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// awaitFailure waits until a try has failed.
func (o *own) awaitFailure(t *testing.T) zone.CertificateStatus {
	t.Helper()
	var status zone.CertificateStatus
	err := poll(2*startTime, o.running.ended, func() error {
		if status = o.status(t); status.Failures == 0 {
			return errors.New("no try has failed")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// checked is what 'acmezone check' finds of one kind, through that resolver.
func (o *own) checked(t *testing.T, resolver, kind string) (status, message, fix string) {
	t.Helper()
	cmd := exec.CommandContext(limited(t), binaries.acmezone, "check", "--json", "--resolver", resolver, "--config", o.config)
	out, _ := cmd.Output() // there may be faults: there is no parent zone
	var findings []struct{ Check, Status, Message, Fix string }
	if err := json.Unmarshal(out, &findings); err != nil {
		t.Fatalf("check --json: %v: %s", err, out)
	}
	for _, f := range findings {
		if f.Check == kind {
			return f.Status, f.Message, f.Fix
		}
	}
	return "", "", ""
}

func (o *own) health(t *testing.T) string {
	t.Helper()
	body, err := fetchWith(unverified, o.url+"/health")
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// world is what a CA needs to look at the zone.
func (o *own) world(t *testing.T, dns string) *bed {
	t.Helper()
	b := &bed{service: o.service, customers: startNSD(t)}
	b.resolver = startUnbound(t, b.zones(dns))
	return b
}

// TestOwnCertificate gets the first certificate: for the apex, for a name deep in the
// zone, and for one in somebody else's zone, from which a CNAME leads here.
func TestOwnCertificate(t *testing.T) {
	t.Parallel()
	for _, hostname := range []string{zoneName, "api.at.depth." + zoneName, "example.com"} {
		t.Run(hostname, func(t *testing.T) {
			t.Parallel()
			f := startFront(t, "127.0.0.1:0")
			o := startOwn(t, hostname, f.directory, "")
			o.obtainFirst(t, f, o.dns)
		})
	}
}

// TestOwnCertificateBesideNSD has the CA's resolver ask a secondary.
func TestOwnCertificateBesideNSD(t *testing.T) {
	t.Parallel()
	for _, hostname := range []string{zoneName, "api.at.depth." + zoneName} {
		t.Run(hostname, func(t *testing.T) {
			t.Parallel()
			primary, secondaries := nsdtest.Family(t, nsdtest.Options{Zones: []nsdtest.Zone{{Name: zoneName, File: zoneName + ".zone"}}}, 1)
			f := startFront(t, "127.0.0.1:0")
			o := startOwn(t, hostname, f.directory, fmt.Sprintf("[nsd]\nconfig = %q\n", primary.Config))
			o.obtainFirst(t, f, secondaries[0].Addr.String())
		})
	}
}

func (o *own) obtainFirst(t *testing.T, f *front, dns string) {
	t.Helper()
	if own := o.mustShow(t, nil); own.CheckSignatureFrom(own) != nil {
		t.Errorf("at first %s is shown", own.Issuer)
	}
	if said := o.health(t); !strings.Contains(said, "the API shows a self-signed certificate until it has the first one for "+o.hostname) {
		t.Errorf("/health says %q", said)
	}
	b := o.world(t, dns)
	if status, message, _ := o.checked(t, b.resolver, "certificate"); status != "warning" || !strings.Contains(message, "self-signed certificate until it has the first one") {
		t.Errorf("check says %s: %s", status, message)
	}
	if o.hostname == "example.com" {
		b.point(t, o.hostname, challengeName(zoneName))
		if status, message, _ := o.checked(t, b.resolver, "challenge"); status != "ok" {
			t.Errorf("check says %s: %s", status, message)
		}
	}
	b.ca = startPebble(t, b.resolver)
	f.leadTo(t, b.ca)
	first := o.await(t, b.ca)
	if s := o.status(t); s.SelfSigned || s.LastError != "" || !s.NotAfter.Equal(first.NotAfter) || s.Issuer != first.Issuer.CommonName {
		t.Errorf("%+v", s)
	}
	if said := o.health(t); said != "" {
		t.Errorf("/health says %q", said)
	}
	o.mustBeCleanedUp(t, dns)
	o.registerOver(t, b.ca, dns)
	o.restart(t)
	if again := o.mustShow(t, b.ca.roots); !again.Equal(first) || f.count(newOrder) != 1 || f.count(newAccount) != 1 {
		t.Errorf("after a restart: %d orders, %d accounts", f.count(newOrder), f.count(newAccount))
	}
}

func (o *own) mustBeCleanedUp(t *testing.T, dns string) {
	t.Helper()
	name := challengeName(zoneName)
	if strings.HasSuffix(o.hostname, "."+zoneName) {
		name = challengeName(o.hostname)
	}
	err := poll(startTime, nil, func() error {
		values, err := texts(dns, name)
		if err == nil && len(values) > 0 {
			err = fmt.Errorf("%s still has %q", name, values)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// registerOver registers and updates as lego does, with its own client, which trusts
// the CA and knows the API by its name.
func (o *own) registerOver(t *testing.T, ca *pebble, dns string) {
	t.Helper()
	_, port, _ := net.SplitHostPort(o.host)
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: ca.roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, o.host)
		},
	}
	defer transport.CloseIdleConnections()
	lego, err := goacmedns.NewClient("https://"+net.JoinHostPort(o.hostname, port), goacmedns.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		t.Fatal(err)
	}
	a, err := lego.RegisterAccount(limited(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	value := newValue()
	if err := lego.UpdateTXTRecord(limited(t), a, value); err != nil {
		t.Fatal(err)
	}
	mustServe(t, dns, a.FullDomain, value)
}

// TestOwnCertificateIsRenewed has certificates live for seconds while clients connect:
// none of them sees one that has expired, or none at all.
func TestOwnCertificateIsRenewed(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, start startFunc) {
		f := startFront(t, "127.0.0.1:0")
		o := start(zoneName, f.directory)
		o.renewTwice(t, f)
	})
}

// startFunc is startOwn with a name server.
type startFunc func(hostname, directory string, env ...string) *own

// eachServer runs a test with the embedded server, and with NSD.
func eachServer(t *testing.T, test func(t *testing.T, start startFunc)) {
	t.Helper()
	t.Run("embedded server", func(t *testing.T) {
		t.Parallel()
		test(t, func(hostname, directory string, env ...string) *own {
			return startOwn(t, hostname, directory, "", env...)
		})
	})
	t.Run("NSD", func(t *testing.T) {
		t.Parallel()
		test(t, func(hostname, directory string, env ...string) *own {
			nsd := nsdtest.Start(t, nsdtest.Options{Zones: []nsdtest.Zone{{Name: zoneName, File: zoneName + ".zone"}}})
			o := startOwn(t, hostname, directory, fmt.Sprintf("[nsd]\nconfig = %q\n", nsd.Config), env...)
			o.dns = nsd.Addr.String()
			return o
		})
	})
}

func (o *own) renewTwice(t *testing.T, f *front) {
	t.Helper()
	b := o.world(t, o.dns)
	b.ca = startPebbleWith(t, b.resolver, pebbleOptions{validity: 30})
	f.leadTo(t, b.ca)
	o.await(t, b.ca)
	var seen sync.Map
	var clients sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	for range 4 {
		clients.Go(func() {
			for ctx.Err() == nil {
				leaf, err := o.shown(b.ca.roots)
				if err != nil {
					t.Error(err)
					return
				}
				seen.Store(leaf.SerialNumber.String(), true)
				<-time.After(5 * time.Millisecond) // the processors are others', too
			}
		})
	}
	err := poll(2*startTime, o.running.ended, func() error {
		certificates := 0
		seen.Range(func(any, any) bool { certificates++; return true })
		if certificates < 3 {
			return fmt.Errorf("%d certificates", certificates)
		}
		return nil
	})
	stop()
	clients.Wait()
	if err != nil {
		t.Error(err, o.status(t))
	}
}

// post sends JSON to a CA's own management.
func post(t *testing.T, url string, body any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(url, "application/json", strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if answer, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s", url, resp.Status, answer)
	}
}
