package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What CAs do to an order for the API's own certificate.

// TestOwnCertificateWithTheCADown has the CA come up later, with a root that only
// acme_ca_file names.
func TestOwnCertificateWithTheCADown(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, start startFunc) {
		addr := loopback(freePorts(t, 1)[0])
		nothing := filepath.Join(t.TempDir(), "empty.pem")
		writeFile(t, nothing, "")
		o := start(zoneName, "https://"+addr+"/dir", "SSL_CERT_FILE="+nothing, "SSL_CERT_DIR=/nonexistent", "ACMEZONE_API_ACME_CA_FILE="+files.caCert)
		s := o.awaitFailure(t)
		if !s.SelfSigned || !strings.Contains(s.LastError, "the CA isn't reached at https://"+addr+"/dir") || s.NextTry.IsZero() {
			t.Errorf("%+v", s)
		}
		b := o.world(t, o.dns)
		status, message, fix := o.checked(t, b.resolver, "certificate")
		if status != "fault" || !strings.Contains(message, "failed: the CA isn't reached") || !strings.Contains(message, "the next try is at") && !strings.Contains(message, "a try is under way") || fix == "" {
			t.Errorf("check says %s: %s: %s", status, message, fix)
		}
		b.ca = startPebble(t, b.resolver)
		f := startFront(t, addr)
		f.leadTo(t, b.ca)
		o.await(t, b.ca)
		o.awaitNoTrouble(t)
		o.mustBeCleanedUp(t, o.dns)
	})
}

// TestOwnCertificateRefused shows what is said when the CA doesn't want, doesn't see
// the challenge, or has had enough.
func TestOwnCertificateRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		hostname, limited, say string
		least                  time.Duration
	}{
		"blocked":    {"www." + zoneName, "", "the CA refuses (rejectedIdentifier)", time.Minute},
		"unseen":     {"example.net", "", "is the record there: _acme-challenge.example.net. 3600 IN CNAME _acme-challenge.auth.example.org. ?", time.Minute},
		"rate limit": {zoneName, "7200", "the CA refuses (rateLimited): too many certificates already issued", 2 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachServer(t, func(t *testing.T, start startFunc) {
				f := startFront(t, "127.0.0.1:0")
				f.limit(c.limited)
				o := start(c.hostname, f.directory)
				b := o.world(t, o.dns)
				f.leadTo(t, startPebbleWith(t, b.resolver, pebbleOptions{blocklist: []string{"www." + zoneName}}))
				s := o.awaitFailure(t)
				o.mustSay(t, b.resolver, c.say)
				if s.NextTry.Sub(s.LastTry) < c.least {
					t.Errorf("%+v", s)
				}
				if c.hostname == "example.net" {
					if status, message, fix := o.checked(t, b.resolver, "challenge"); status != "fault" || !strings.Contains(fix, s.CNAME) {
						t.Errorf("check says %s: %s: %s", status, message, fix)
					}
				}
			})
		})
	}
}

// mustSay fails unless everybody who is asked says why there is no certificate, and when
// the next try is: the log, the admin socket, /health and the check.
func (o *own) mustSay(t *testing.T, resolver, why string) {
	t.Helper()
	// They say the same unless there is another try meanwhile.
	s := o.status(t)
	if until := time.Until(s.NextTry); until < startTime/2 {
		err := poll(2*startTime, o.running.ended, func() error {
			if again := o.status(t); again.NextTry.Equal(s.NextTry) || again.LastError == "" {
				return errors.New("no other try has ended")
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		s = o.status(t)
	}
	if !s.SelfSigned || !strings.Contains(s.LastError, why) {
		t.Errorf("the status is %+v", s)
	}
	next := "the next try is at " + s.NextTry.UTC().Format("2006-01-02 15:04:05")
	if said := o.health(t); !strings.Contains(said, why) || !strings.Contains(said, next) {
		t.Errorf("/health says %q", said)
	}
	if status, message, _ := o.checked(t, resolver, "certificate"); status != "fault" || !strings.Contains(message, why) || !strings.Contains(message, next) {
		t.Errorf("check says %s: %s", status, message)
	}
	if text := o.running.log.String(); !strings.Contains(text, "no certificate for the API yet") || !strings.Contains(text, why) {
		t.Errorf("the log doesn't say %q", why)
	}
}

const (
	firstKey  = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
	secondKey = "HjudV5qnbreN-n9WyFSH-t4HXuEx_XFen45zuxY-G1h6fr74V3cUM_dVlwQZBWmc"
)

// TestOwnAccountIsBound has a CA that takes only accounts bound to a customer's: without
// a binding, with a wrong key, with the right one, and with the one of another customer.
func TestOwnAccountIsBound(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "key")
	f := startFront(t, "127.0.0.1:0")
	o := startOwn(t, zoneName, f.directory, "", "ACMEZONE_LOG_LEVEL=debug")
	b := o.world(t, o.dns)
	b.ca = startPebbleWith(t, b.resolver, pebbleOptions{bound: map[string]string{"kid-1": firstKey, "kid-2": secondKey}})
	f.leadTo(t, b.ca)
	s := o.awaitFailure(t)
	o.mustSay(t, b.resolver, "set api.acme_eab_kid to the key ID, and api.acme_eab_hmac_key_file to a file with the HMAC key")
	if s.NextTry.Sub(s.LastTry) < time.Minute || f.count(newAccount) != 0 {
		t.Errorf("%d accounts, %+v", f.count(newAccount), s)
	}

	writeFile(t, key, secondKey)
	o.env = append(o.env, "ACMEZONE_API_ACME_EAB_KID=kid-1", "ACMEZONE_API_ACME_EAB_HMAC_KEY_FILE="+key)
	o.restart(t)
	o.awaitFailure(t)
	o.mustSay(t, b.resolver, "are api.acme_eab_kid and the HMAC key in api.acme_eab_hmac_key_file as the CA gave them")

	writeFile(t, key, " "+firstKey+"==\n")
	o.restart(t)
	o.await(t, b.ca)
	if f.count(newAccount) != 2 || f.count(newOrder) != 1 {
		t.Errorf("%d accounts, %d orders", f.count(newAccount), f.count(newOrder))
	}

	writeFile(t, key, secondKey)
	o.env = append(o.env, "ACMEZONE_API_ACME_EAB_KID=kid-2")
	o.forgetCertificate(t)
	o.await(t, b.ca)
	o.forgetCertificate(t)
	o.await(t, b.ca)
	if f.count(newAccount) != 3 || f.count(newOrder) != 3 {
		t.Errorf("%d accounts, %d orders", f.count(newAccount), f.count(newOrder))
	}
	o.mustNotTell(t, firstKey, secondKey)
}

// forgetCertificate restarts without the certificate, which has another one ordered.
func (o *own) forgetCertificate(t *testing.T) {
	t.Helper()
	o.running.stop(t)
	if err := os.RemoveAll(filepath.Join(filepath.Dir(o.config), "acme", "certificates")); err != nil {
		t.Fatal(err)
	}
	o.start(t)
}

// mustNotTell looks for what nobody may know in the log and in all that is kept.
func (o *own) mustNotTell(t *testing.T, secrets ...string) {
	t.Helper()
	kept := o.running.log.String()
	err := filepath.WalkDir(filepath.Dir(o.config), func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		kept += string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range secrets {
		if strings.Contains(kept, secret) {
			t.Errorf("%q is told", secret)
		}
	}
}

// TestOwnAccountIsForgotten has the CA lose all that it knows: with the next renewal there
// is another account, one, and the certificate.
func TestOwnAccountIsForgotten(t *testing.T) {
	t.Parallel()
	f := startFront(t, "127.0.0.1:0")
	o := startOwn(t, zoneName, f.directory, "")
	b := o.world(t, o.dns)
	before := startPebbleWith(t, b.resolver, pebbleOptions{validity: 15})
	f.leadTo(t, before)
	o.await(t, before)
	after := startPebble(t, b.resolver)
	f.leadNextTo(t, after)
	o.await(t, after)
	if f.count(newAccount) != 2 || strings.Contains(o.running.log.String(), "couldn't be renewed") {
		t.Errorf("%d accounts", f.count(newAccount))
	}
}

// TestOwnCertificateOfAnotherCA is the way that operators go: first a staging CA, and, when
// that works, the real one, whose certificate is wanted at once. That of the first is shown
// until then.
func TestOwnCertificateOfAnotherCA(t *testing.T) {
	t.Parallel()
	staging, production := startFront(t, "127.0.0.1:0"), startFront(t, "127.0.0.1:0")
	o := startOwn(t, zoneName, staging.directory, "")
	b := o.world(t, o.dns)
	first := startPebble(t, b.resolver)
	staging.leadTo(t, first)
	leaf := o.await(t, first)
	o.env = append(o.env, "ACMEZONE_API_ACME_DIRECTORY="+production.directory)
	o.restart(t)
	if !o.mustShow(t, nil).Equal(leaf) || !strings.Contains(o.health(t), "is one of another CA") {
		t.Errorf("%+v, %s", o.status(t), o.health(t))
	}
	if status, message, _ := o.checked(t, b.resolver, "certificate"); status != "fault" || !strings.Contains(message, "clients refuse the API: the API's certificate for "+zoneName+" is one of another CA") {
		t.Errorf("check says %s: %s", status, message)
	}
	second := startPebble(t, b.resolver)
	production.leadTo(t, second)
	o.await(t, second)
	o.awaitNoTrouble(t)
}

// awaitNoTrouble: a certificate is shown a moment before it is said to be.
func (o *own) awaitNoTrouble(t *testing.T) {
	t.Helper()
	err := poll(startTime, o.running.ended, func() error {
		if said := o.health(t); said != "" {
			return fmt.Errorf("/health says %q", said)
		}
		return nil
	})
	if s := o.status(t); err != nil || s.Failures != 0 || s.LastError != "" || s.OtherCA || s.NotStored != "" {
		t.Errorf("%v: %+v", err, s)
	}
}

// TestOwnChallengeOutlivesTheProcess kills acmezone while the CA is to look at the
// challenge: the next process, which knows nothing of it, answers it, and takes it away
// when it has got a certificate.
func TestOwnChallengeOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	f := startFront(t, "127.0.0.1:0")
	o := startOwn(t, zoneName, f.directory, "")
	b := o.world(t, o.dns)
	b.ca = startPebble(t, b.resolver)
	f.hold(challengePath)
	f.leadTo(t, b.ca)
	value := o.awaitChallenge(t, f)
	_ = o.running.cmd.Process.Kill()
	<-o.running.ended
	f.limit("3600") // so that nothing is tried again
	o.start(t)
	mustServe(t, o.dns, challengeName(zoneName), value)
	f.limit("")
	f.hold("")
	o.restart(t)
	o.await(t, b.ca)
	o.mustBeCleanedUp(t, o.dns)
}

// TestOwnChallengeIsTakenAwayAtTheEnd stops acmezone while the CA is to look at the
// challenge.
func TestOwnChallengeIsTakenAwayAtTheEnd(t *testing.T) {
	t.Parallel()
	f := startFront(t, "127.0.0.1:0")
	o := startOwn(t, zoneName, f.directory, "")
	b := o.world(t, o.dns)
	f.hold(challengePath)
	f.leadTo(t, startPebble(t, b.resolver))
	o.awaitChallenge(t, f)
	f.limit("3600")
	o.restart(t)
	o.mustBeCleanedUp(t, o.dns)
}

// awaitChallenge waits until the CA is told to look, and returns what it would see.
func (o *own) awaitChallenge(t *testing.T, f *front) string {
	t.Helper()
	var values []string
	err := poll(startTime, o.running.ended, func() (err error) {
		if f.count(challengePath) == 0 {
			return errors.New("the challenge isn't accepted yet")
		}
		values, err = texts(o.dns, challengeName(zoneName))
		return err
	})
	if err != nil || len(values) != 1 {
		t.Fatal(values, err)
	}
	return values[0]
}
