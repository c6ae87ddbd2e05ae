package cert

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"github.com/acmezone/acmezone/internal/zone"
)

const testDirectory = "https://ca.test/dir"

// fakeCA is a CA that fails on command; a real one is in the module e2e.
type fakeCA struct {
	t       *testing.T
	m       *Managed
	life    time.Duration
	host    string                                       // that certificates are for; empty: as wanted
	fail    func(try int) (retryAfter string, err error) // nil: never
	waiting time.Duration                                // how long an order takes
	closed  bool

	mu    sync.Mutex
	info  acme.RenewalInfo // no window: the CA has no such resource
	tried []time.Time
	asks  []time.Time
}

// tries are when it was ordered.
func (ca *fakeCA) tries() []time.Time {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	return slices.Clone(ca.tried)
}

// asked is when it was asked for its wish.
func (ca *fakeCA) asked() []time.Time {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	return slices.Clone(ca.asks)
}

func (ca *fakeCA) wish(at, from, to time.Time) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	ca.info.SelectedTime, ca.info.SuggestedWindow.Start, ca.info.SuggestedWindow.End = at, from, to
}

func (ca *fakeCA) order(ctx context.Context) (issued, string, error) {
	ca.mu.Lock()
	ca.tried = append(ca.tried, time.Now())
	ca.mu.Unlock()
	select {
	case <-time.After(ca.waiting):
	case <-ctx.Done():
		return nil, "", ctx.Err()
	}
	if ca.fail != nil {
		if retryAfter, err := ca.fail(len(ca.tries())); err != nil {
			return nil, retryAfter, err
		}
	}
	return issue(ca.t, cmp.Or(ca.host, ca.m.Host), ca.life), "", nil
}

func (ca *fakeCA) renewalInfo(context.Context, *x509.Certificate) (acme.RenewalInfo, error) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	ca.asks = append(ca.asks, time.Now())
	if !ca.info.HasWindow() {
		return ca.info, fmt.Errorf("%w: no", acme.ErrUnsupported)
	}
	return ca.info, nil
}

func (ca *fakeCA) close() { ca.closed = true }

// store puts a certificate into a folder as certmagic does.
func store(t *testing.T, folder, host string, life time.Duration) {
	t.Helper()
	storeOf(t, folder, "ca.test-dir", host, life)
}

func storeOf(t *testing.T, folder, ca, host string, life time.Duration) {
	t.Helper()
	dir := filepath.Join(folder, "certificates", ca, host)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range issue(t, host, life) {
		write(t, filepath.Join(dir, name), content)
	}
}

// issue makes a certificate, as the files that certmagic keeps.
func issue(t *testing.T, host string, life time.Duration) issued {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<60))
	template := &x509.Certificate{SerialNumber: serial, DNSNames: []string{host}, NotBefore: time.Now(), NotAfter: time.Now().Add(life)}
	parent := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "Test CA"}}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return issued{
		host + ".crt":  pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		host + ".key":  pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}),
		host + ".json": []byte("{}"),
	}
}

// open makes a managed certificate whose name servers are ready.
func open(t *testing.T, folder string, log *transcript) *Managed {
	t.Helper()
	ready := make(chan struct{})
	close(ready)
	m, err := OpenManaged(ACME{
		Host: "auth.test", Challenge: zone.OwnChallenge{Owner: "_acme-challenge"}, Directory: testDirectory,
		Storage: folder, Ready: ready, Log: log.logger(),
	}, func() (*tls.Certificate, error) {
		return SelfSigned(filepath.Join(t.TempDir(), "self-signed.pem"), []string{"auth.test"}, time.Now())
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// running runs it with that CA; what it returns ends it.
func running(t *testing.T, m *Managed, ca *fakeCA) (stop func()) {
	t.Helper()
	ca.t, ca.m = t, m
	m.ca = func() authority { return ca }
	ctx, cancel := context.WithCancel(t.Context())
	var run sync.WaitGroup
	run.Go(func() {
		if err := m.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	return func() {
		cancel()
		run.Wait()
		if !ca.closed {
			t.Error("what certmagic started goes on")
		}
	}
}

func (ca *fakeCA) waits() (all []time.Duration) {
	tries := ca.tries()
	for i := range tries[1:] {
		all = append(all, tries[i+1].Sub(tries[i]))
	}
	return all
}

func refused(int) (string, error) {
	return "", fmt.Errorf("[auth.test] Obtain: %w", acme.Problem{Type: acme.ProblemTypeUnauthorized, Status: 403, Detail: "No TXT record\nfound.", Resource: acme.Authorization{}})
}

// between fails unless each wait is at least that long, and a tenth more at the most.
func between(t *testing.T, got []time.Duration, want ...time.Duration) {
	t.Helper()
	for i := range want {
		if i >= len(got) || got[i] < want[i] || got[i] > want[i]+want[i]/10 {
			t.Fatalf("waits %v, not %v", got, want)
		}
	}
}

func TestSelfSignedUntilTheFirstOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &transcript{}
		m := open(t, filepath.Join(t.TempDir(), "acme"), log)
		if s := m.Status(); !s.SelfSigned || s.Host != "auth.test" || !strings.Contains(s.Trouble(time.Now()), "the first try comes when") {
			t.Errorf("%+v", s)
		}
		if info, err := os.Stat(m.Storage); err != nil || info.Mode().Perm() != 0o700 {
			t.Error(info.Mode(), err)
		}
		ca := &fakeCA{life: 90 * 24 * time.Hour, waiting: time.Minute}
		stop := running(t, m, ca)
		time.Sleep(time.Second)
		synctest.Wait()
		if s := m.Status(); !s.Renewing || !s.SelfSigned {
			t.Errorf("meanwhile: %+v", s)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		s := m.Status()
		if s.SelfSigned || s.Renewing || s.Issuer != "Test CA" || s.Trouble(time.Now()) != "" {
			t.Errorf("%+v", s)
		}
		if due := s.NextTry.Sub(s.NotBefore); due != 60*24*time.Hour {
			t.Errorf("renewed after %v", due)
		}
		pair, _ := m.GetCertificate(nil)
		if pair.Leaf.Issuer.CommonName != "Test CA" || !log.has("self-signed certificate until") || !log.has("certificate in use") {
			t.Error(log.String())
		}
		stop()
	})
}

func TestNothingIsTriedBeforeTheZoneIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := open(t, t.TempDir(), &transcript{})
		ready := make(chan struct{})
		m.Ready = ready
		ca := &fakeCA{life: 90 * 24 * time.Hour}
		stop := running(t, m, ca)
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(ca.tries()) > 0 {
			t.Error(ca.tries())
		}
		close(ready)
		synctest.Wait()
		if len(ca.tries()) != 1 || m.Status().SelfSigned {
			t.Error(ca.tries())
		}
		stop()
	})
}

func TestStoredCertificateIsUsedWithoutAnOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		store(t, folder, "auth.test", 90*24*time.Hour)
		m := open(t, folder, &transcript{})
		ca := &fakeCA{}
		stop := running(t, m, ca)
		time.Sleep(59 * 24 * time.Hour)
		if len(ca.tries()) > 0 || m.Status().SelfSigned {
			t.Error(ca.tries())
		}
		stop()
	})
}

func TestRenewalAfterTwoThirds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		store(t, folder, "auth.test", 6*24*time.Hour)
		m := open(t, folder, &transcript{})
		ca := &fakeCA{life: 6 * 24 * time.Hour}
		begin := time.Now()
		stop := running(t, m, ca)
		time.Sleep(9 * 24 * time.Hour)
		synctest.Wait()
		if len(ca.tries()) != 2 || ca.tries()[0].Sub(begin) != 4*24*time.Hour || ca.waits()[0] != 4*24*time.Hour {
			t.Error(ca.tries())
		}
		stop()
	})
}

func TestBackoff(t *testing.T) {
	unreachable := func(int) (string, error) {
		return "", fmt.Errorf("wrapped: %w", &url.Error{Op: "Get", URL: testDirectory, Err: errors.New("connection refused")})
	}
	for _, c := range []struct {
		what  string
		fail  func(int) (string, error)
		waits []time.Duration
		say   string
	}{
		{"refuses", refused, []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute, 64 * time.Minute, 128 * time.Minute, 256 * time.Minute, 6 * time.Hour, 6 * time.Hour},
			"the CA refuses (unauthorized): No TXT record found: do the CA's resolvers reach the zone? 'acmezone check' says"},
		{"is down", unreachable, []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second, 160 * time.Second, 320 * time.Second, 640 * time.Second, 1280 * time.Second, 30 * time.Minute, 30 * time.Minute},
			"the CA isn't reached at https://ca.test/dir: connection refused"},
		{"is something else", func(int) (string, error) {
			return "", errors.New("[auth.test] Obtain: registering account [] with server: provisioning client: HTTP 404: 404 page not found\n")
		}, []time.Duration{time.Minute, 2 * time.Minute}, "https://ca.test/dir isn't the directory of a CA: HTTP 404: 404 page not found: look at api.acme_directory"},
		{"limits rates", func(try int) (string, error) {
			_, err := refused(try)
			return "7200", err
		}, []time.Duration{2 * time.Hour, 2 * time.Hour}, "the CA refuses"},
	} {
		synctest.Test(t, func(t *testing.T) {
			log := &transcript{}
			m := open(t, t.TempDir(), log)
			ca := &fakeCA{fail: c.fail}
			stop := running(t, m, ca)
			time.Sleep(48 * time.Hour)
			synctest.Wait()
			stop()
			s := m.Status()
			if c.what == "limits rates" {
				if w := ca.waits()[0]; w != 2*time.Hour {
					t.Errorf("waits %v", w)
				}
			} else {
				between(t, ca.waits(), c.waits...)
			}
			if s.LastError == "" || !strings.HasPrefix(s.LastError, c.say) || strings.Contains(s.LastError, "\n") || s.Failures != len(ca.tries()) {
				t.Errorf("%s: %+v", c.what, s)
			}
			if !s.NextTry.After(time.Now()) || !s.LastTry.Equal(ca.tries()[len(ca.tries())-1]) || !log.has("no certificate for the API yet") {
				t.Errorf("%s: %+v", c.what, s)
			}
		})
	}
}

// TestASlowCA isn't one that isn't reached, and asked again in seconds: what it has been
// asked for may yet come.
func TestASlowCA(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := open(t, t.TempDir(), &transcript{})
		ca := &fakeCA{waiting: time.Hour}
		stop := running(t, m, ca)
		time.Sleep(tryTime + time.Second)
		synctest.Wait()
		if s := m.Status(); s.LastError != "the CA at https://ca.test/dir didn't finish within 15m0s" || s.NextTry.Sub(s.LastTry) < tryTime+time.Minute {
			t.Errorf("%+v", s)
		}
		time.Sleep(2 * time.Minute) // in the midst of the next one
		stop()
		if s := m.Status(); s.Failures != 1 {
			t.Errorf("the end is counted as a failure: %+v", s)
		}
	})
}

// TestNextTryIsTrue compares what the status said after each failure with what came.
func TestNextTryIsTrue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := open(t, t.TempDir(), &transcript{})
		ca := &fakeCA{fail: refused}
		stop := running(t, m, ca)
		for range 8 {
			synctest.Wait()
			tries, next := len(ca.tries()), m.Status().NextTry
			time.Sleep(time.Until(next))
			synctest.Wait()
			if len(ca.tries()) != tries+1 || ca.tries()[tries].Sub(next).Abs() > time.Millisecond {
				t.Fatalf("tried at %v, not at %v", ca.tries()[len(ca.tries())-1], next)
			}
		}
		stop()
	})
}

// TestFailedRenewalIsLoudAndGoesOn: the certificate from before stays, and tries come
// often enough while little is left of it.
func TestFailedRenewalIsLoudAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder, log := t.TempDir(), &transcript{}
		store(t, folder, "auth.test", 24*time.Hour)
		m := open(t, folder, log)
		ca := &fakeCA{life: 24 * time.Hour, fail: func(try int) (string, error) {
			if try < 9 {
				return refused(try)
			}
			return "", nil
		}}
		stop := running(t, m, ca)
		time.Sleep(17 * time.Hour)
		synctest.Wait()
		s := m.Status()
		if s.SelfSigned || s.Failures == 0 || !strings.Contains(s.Trouble(time.Now()), "couldn't be renewed yet") || !log.has("the API's certificate couldn't be renewed") {
			t.Errorf("%+v", s)
		}
		time.Sleep(7 * time.Hour) // to its end
		synctest.Wait()
		if s := m.Status(); s.Failures != 0 || s.LastError != "" || s.Trouble(time.Now()) != "" || len(ca.tries()) != 9 {
			t.Errorf("%d tries: %+v", len(ca.tries()), s)
		}
		stop()
	})
}

func TestAnExpiredCertificateIsLoud(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder, log := t.TempDir(), &transcript{}
		store(t, folder, "auth.test", time.Hour)
		time.Sleep(2 * time.Hour)
		m := open(t, folder, log)
		if !log.has("the stored certificate has expired and clients refuse it") || log.has("certificate in use") {
			t.Error(log.String())
		}
		stop := running(t, m, &fakeCA{fail: refused})
		synctest.Wait()
		if !log.has("has expired and couldn't be renewed: clients refuse it") {
			t.Error(log.String())
		}
		stop()
	})
}

func TestTheCAsWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		store(t, folder, "auth.test", 90*24*time.Hour)
		m := open(t, folder, &transcript{})
		begin := time.Now()
		again := begin.Add(12 * time.Hour)
		ca := &fakeCA{life: 90 * 24 * time.Hour, info: acme.RenewalInfo{RetryAfter: &again}}
		ca.wish(begin.Add(30*24*time.Hour), begin.Add(29*24*time.Hour), begin.Add(31*24*time.Hour))
		stop := running(t, m, ca)
		synctest.Wait()
		if s := m.Status(); s.NextTry.Sub(begin) != 30*24*time.Hour {
			t.Errorf("%+v", s)
		}
		time.Sleep(12*time.Hour + time.Minute)
		synctest.Wait()
		if len(ca.asked()) != 2 || ca.asked()[1].Sub(begin) != 12*time.Hour {
			t.Error(ca.asked())
		}
		// The certificate is to be revoked: renew it at once, and once in six hours, even
		// where the CA says the same of the new one.
		ca.wish(begin.Add(12*time.Hour), begin.Add(11*time.Hour), begin.Add(90*24*time.Hour))
		time.Sleep(13 * time.Hour)
		synctest.Wait()
		if len(ca.tries()) != 3 || ca.waits()[0] != askEvery || ca.waits()[1] != askEvery {
			t.Error(ca.tries())
		}
		stop()
	})
}

// TestAWindowPastTheEndIsNotBelieved: a CA may err.
func TestAWindowPastTheEndIsNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		store(t, folder, "auth.test", 60*24*time.Hour)
		m := open(t, folder, &transcript{})
		begin := time.Now()
		ca := &fakeCA{}
		ca.wish(begin.Add(100*24*time.Hour), begin.Add(99*24*time.Hour), begin.Add(101*24*time.Hour))
		stop := running(t, m, ca)
		synctest.Wait()
		if s := m.Status(); s.NextTry.Sub(begin).Round(time.Minute) != 50*24*time.Hour {
			t.Errorf("%v", s.NextTry.Sub(begin))
		}
		stop()
	})
}

// TestAWindowBeforeTheBeginningIsNotBelieved: else one order would come after the other,
// from which nobody has anything.
func TestAWindowBeforeTheBeginningIsNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		store(t, folder, "auth.test", 60*24*time.Hour)
		m := open(t, folder, &transcript{})
		begin := time.Now()
		ca := &fakeCA{}
		ca.wish(begin.Add(-time.Hour), begin.Add(-2*time.Hour), begin.Add(-time.Hour))
		stop := running(t, m, ca)
		synctest.Wait()
		if s := m.Status(); s.NextTry.Sub(begin) != 40*24*time.Hour || len(ca.tries()) > 0 {
			t.Errorf("%v, %v", s.NextTry.Sub(begin), ca.tries())
		}
		stop()
	})
}

// TestACertificateForSomebodyElseTakesNobodysPlace, neither at the clients nor on the disk.
func TestACertificateForSomebodyElseTakesNobodysPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		store(t, folder, "auth.test", 24*time.Hour)
		m := open(t, folder, &transcript{})
		ca := &fakeCA{life: 24 * time.Hour, host: "other.test"}
		stop := running(t, m, ca)
		time.Sleep(16*time.Hour + time.Minute)
		synctest.Wait()
		stop()
		s := m.Status()
		if s.Failures == 0 || !strings.HasPrefix(s.LastError, "the certificate that came can't be used: ") {
			t.Errorf("%+v", s)
		}
		pair, _ := m.GetCertificate(nil)
		if kept, err := m.stored(); err != nil || !kept.Leaf.Equal(pair.Leaf) || pair.Leaf.VerifyHostname("auth.test") != nil {
			t.Error(err)
		}
	})
}

// TestAnotherCA: who goes over from one CA to another, from a staging one as a rule, gets
// the certificate of the new one at once, and keeps that of the old one until then.
func TestAnotherCA(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder, log := t.TempDir(), &transcript{}
		storeOf(t, folder, "staging.test-dir", "auth.test", 90*24*time.Hour)
		storeOf(t, folder, "older.test-dir", "auth.test", time.Hour)
		storeOf(t, folder, "staging.test-dir", "other.test", 91*24*time.Hour)
		m := open(t, folder, log)
		s := m.Status()
		if s.SelfSigned || !s.OtherCA || time.Until(s.NotAfter) < 89*24*time.Hour || !log.has("the certificate of another CA until") {
			t.Errorf("%+v", s)
		}
		if said := s.Trouble(time.Now()); !strings.HasPrefix(said, "the API's certificate for auth.test is one of another CA (Test CA), whose end is ") {
			t.Error(said)
		}
		ca := &fakeCA{life: 60 * 24 * time.Hour, fail: func(try int) (string, error) {
			if try == 1 {
				return refused(try)
			}
			return "", nil
		}}
		stop := running(t, m, ca)
		synctest.Wait()
		if s := m.Status(); len(ca.tries()) != 1 || !s.OtherCA || !log.has("clients are shown that of another one") {
			t.Errorf("%d tries: %+v", len(ca.tries()), s)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if s := m.Status(); s.OtherCA || s.Trouble(time.Now()) != "" || time.Until(s.NotAfter) > 60*24*time.Hour {
			t.Errorf("%+v", s)
		}
		stop()
		if again := open(t, folder, log); again.Status().OtherCA {
			t.Error("after a restart the other CA's is shown")
		}
	})
}

// TestACertificateThatIsDueAtOnceIsNoReasonToHurry: a clock that is wrong would have
// one order come after the other.
func TestACertificateThatIsDueAtOnceIsNoReasonToHurry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := open(t, t.TempDir(), &transcript{})
		ca := &fakeCA{life: -time.Hour}
		stop := running(t, m, ca)
		time.Sleep(8 * time.Minute)
		synctest.Wait()
		between(t, ca.waits(), time.Minute, 2*time.Minute, 4*time.Minute)
		if s := m.Status(); !strings.Contains(s.LastError, "is the clock of this machine right?") {
			t.Errorf("%+v", s)
		}
		stop()
	})
}

func TestBrokenStorageIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder, log := t.TempDir(), &transcript{}
		store(t, folder, "auth.test", 90*24*time.Hour)
		write(t, filepath.Join(folder, "certificates", "ca.test-dir", "auth.test", "auth.test.crt"), []byte("broken"))
		m := open(t, folder, log)
		if !m.Status().SelfSigned || !log.has("the stored certificate can't be used") {
			t.Error(log.String())
		}
		ca := &fakeCA{life: 90 * 24 * time.Hour}
		stop := running(t, m, ca)
		synctest.Wait()
		if m.Status().SelfSigned {
			t.Errorf("%+v", m.Status())
		}
		stop()
	})
}

func TestOpenManagedSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	write(t, file, []byte("no certificate"))
	none := filepath.Join(dir, "none")
	for _, c := range []struct {
		want ACME
		say  string
	}{
		{ACME{Storage: file}, "api.acme_storage: " + file + " is no folder"},
		{ACME{Host: "192.0.2.1"}, `api.hostname: 192.0.2.1 is an address, for which no CA gives a certificate by DNS: choose another name, or set api.tls to "files" or "self-signed"`},
		{ACME{Host: "a_b.auth.test"}, `api.hostname: a_b.auth.test has an underscore, and no CA gives a certificate for such a name: choose another name, or set api.tls to "files" or "self-signed"`},
		{ACME{Directory: "http://ca.example.org/dir"}, "api.acme_directory: http://ca.example.org/dir has to begin with https://, since this CA isn't in a private network"},
		{ACME{Directory: "http://127.0.0.1/dir", Email: "me"}, `api.acme_email: "me" is no mail address such as "hostmaster@example.org"`},
		{ACME{Email: "Me <me@example.org>"}, `api.acme_email: "Me <me@example.org>" is no mail address such as "hostmaster@example.org"`},
		{ACME{Storage: dir, RootFile: none}, "api.acme_ca_file: open " + none + ": no such file or directory"},
		{ACME{Storage: dir, RootFile: file}, "api.acme_ca_file: " + file + " holds no certificate in PEM form"},
	} {
		c.want.Log = (&transcript{}).logger()
		if _, err := OpenManaged(c.want, nil); err == nil || err.Error() != c.say {
			t.Errorf("said %v\nwant %s", err, c.say)
		}
	}
}

func TestInOurWords(t *testing.T) {
	m := &Managed{ACME: ACME{Host: "auth.test", Directory: testDirectory, Storage: "/acme"}}
	for text, want := range map[string]string{
		"failed storage check: write /acme/1: no space left on device - storage is probably misconfigured": "the folder /acme (api.acme_storage) can't be written to: write /acme/1: no space left on device",
		"[auth.test] Obtain: saving assets: write /acme/x: no space left on device":                        "saving assets: write /acme/x: no space left on device",
		"[auth.test] Renew: no": "no",
		"something":             "something",
		"[auth.test] Obtain: getting ACME account: unexpected end of JSON input": "the account in /acme/acme/ca.test-dir/users/default/default.json can't be used: unexpected end of JSON input: take the file away to have another one registered",
	} {
		if got := m.why(errors.New(text)); got != want {
			t.Errorf("said %s\nwant %s", got, want)
		}
	}
}

// TestClockIsTurnedBack: a machine whose clock was ahead doesn't wait until it is as late
// again.
func TestClockIsTurnedBack(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	ahead := now.Add(1000 * time.Hour)
	s := schedule{failedAt: ahead, retryAt: ahead.Add(time.Minute), askAt: ahead}
	s.turnedBack(now)
	if !s.retryAt.Equal(now.Add(time.Minute)) || !s.askAt.Equal(now) {
		t.Errorf("%+v", s)
	}
	before := s
	s.turnedBack(now.Add(time.Second))
	if s.retryAt != before.retryAt || s.askAt != before.askAt {
		t.Errorf("%+v", s)
	}
	var none schedule
	if none.turnedBack(now); !none.retryAt.IsZero() || !none.askAt.IsZero() {
		t.Errorf("%+v", none)
	}
}

// TestPutOff reads Retry-After in both forms, and leaves aside what is neither.
func TestPutOff(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, "-1": 0, "soon": 0, "99999999999": 0,
		"Fri, 27 Nov 2026 13:00:00 GMT": time.Hour,
	} {
		if got := putOff(text, now); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
