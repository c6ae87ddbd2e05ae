package cert

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheNewPairIsRefusedUntilBothFilesAreThere(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := pairIn(dir)
	writePair(t, dir, "one.test")
	s := serve(t, dir)
	s.waitFor("one.test")

	chain, key := newPair(t, "two.test")
	write(t, certFile, chain)
	until(t, "a word on the certificate without its key", func() bool {
		return s.log.has("private key does not match public key") && s.log.has("from before stays")
	})
	if host := s.host(); host != "one.test" {
		t.Errorf("in between, %s", host)
	}
	if status := s.files.Status(); !strings.Contains(status.LastError, "private key does not match public key") || status.Trouble(time.Now()) == "" {
		t.Errorf("%+v", status)
	}
	write(t, keyFile, key)
	s.waitFor("two.test")
	if status := s.files.Status(); status.LastError != "" {
		t.Errorf("%+v", status)
	}
}

func TestABrokenPairLeavesTheOneFromBefore(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := pairIn(dir)
	writePair(t, dir, "one.test")
	s := serve(t, dir)
	s.waitFor("one.test")
	write(t, certFile, []byte("broken"))
	until(t, "a word on the broken file", func() bool { return s.log.has("failed to find any PEM data") })
	if err := os.Remove(keyFile); err != nil {
		t.Fatal(err)
	}
	write(t, certFile, nil)
	until(t, "a word on the missing file", func() bool { return s.log.has("api.key_file") })
	if host := s.host(); host != "one.test" {
		t.Error(host)
	}
	writePair(t, dir, "two.test")
	s.waitFor("two.test")
}

// TestAnExpiredPairReplacesNoneThatIsGood: somebody has put back an old file.
func TestAnExpiredPairReplacesNoneThatIsGood(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := pairIn(dir)
	writePair(t, dir, "one.test")
	s := serve(t, dir)
	s.waitFor("one.test")
	chain, key := newPairAt(t, "old.test", time.Now().Add(-selfSignedFor-time.Hour))
	write(t, certFile, chain)
	write(t, keyFile, key)
	until(t, "a word on the old file", func() bool { return strings.Contains(s.files.Status().LastError, certFile+" expired at ") })
	if host := s.host(); host != "one.test" {
		t.Error(host)
	}
}

// TestAPipeIsNotWaitedFor: what comes after it is taken up, and the end is.
func TestAPipeIsNotWaitedFor(t *testing.T) {
	dir := t.TempDir()
	certFile, _ := pairIn(dir)
	writePair(t, dir, "one.test")
	s := serve(t, dir)
	s.waitFor("one.test")
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	rename(t, pipe, certFile)
	until(t, "a word on the pipe", func() bool { return s.log.has("is no regular file") })
	if err := os.Remove(certFile); err != nil {
		t.Fatal(err)
	}
	writePair(t, dir, "two.test")
	s.waitFor("two.test")
}

// TestANewChainIsTakenUp: a renewed intermediate certificate counts, though the
// certificate itself is the same.
func TestANewChainIsTakenUp(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := pairIn(dir)
	writePair(t, dir, "one.test")
	log := &transcript{}
	files, err := OpenFiles(certFile, keyFile, log.logger())
	if err != nil {
		t.Fatal(err)
	}
	chain, err := os.ReadFile(certFile)
	if err != nil {
		t.Fatal(err)
	}
	above, _ := newPair(t, "ca.test")
	write(t, certFile, append(chain, above...))
	files.reload()
	pair, err := files.GetCertificate(nil)
	if err != nil || len(pair.Certificate) != 2 {
		t.Errorf("%d certificates, %v", len(pair.Certificate), err)
	}
}

func TestOpenFilesSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	writePair(t, dir, "one.test")
	writePair(t, filepath.Join(dir, "other"), "two.test")
	certFile, keyFile := pairIn(dir)
	_, otherKey := pairIn(filepath.Join(dir, "other"))
	none := filepath.Join(dir, "none")
	for _, c := range []struct{ cert, key, say string }{
		{none, keyFile, "api.cert_file: open " + none + ": no such file or directory"},
		{certFile, none, "api.key_file: open " + none + ": no such file or directory"},
		{certFile, dir, "api.key_file: read " + dir + ": is a directory"},
		{certFile, otherKey, "the certificate " + certFile + " and the key " + otherKey + ": private key does not match public key"},
		{keyFile, certFile, "the certificate " + keyFile + " and the key " + certFile + ": failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched"},
	} {
		if _, err := OpenFiles(c.cert, c.key, (&transcript{}).logger()); err == nil || err.Error() != c.say {
			t.Errorf("said %v\nwant %s", err, c.say)
		}
	}
}

func TestTheLogNamesTheCertificateAndWarns(t *testing.T) {
	for say, now := range map[string]time.Time{
		"has expired":      time.Now().Add(-selfSignedFor - time.Hour),
		"is not valid yet": time.Now().Add(24 * time.Hour),
		"":                 time.Now(),
	} {
		certFile, keyFile := pairIn(t.TempDir())
		chain, key := newPairAt(t, "auth.test", now)
		write(t, certFile, chain)
		write(t, keyFile, key)
		log := &transcript{}
		files, err := OpenFiles(certFile, keyFile, log.logger())
		if err != nil || log.String() != "" {
			t.Fatalf("%q: %v; said before it is in use: %s", say, err, log)
		}
		files.announce()
		expires := now.Add(selfSignedFor).UTC().Format("2006-01-02")
		if !log.has("CN=auth.test") || !log.has(expires) || !log.has(say) || log.has("WARN") != (say != "") {
			t.Errorf("want %q: %s", say, log)
		}
		if strings.Contains(log.String(), "PRIVATE") {
			t.Error("the key is in the log")
		}
	}
}

// TestDaily counts days, not starts.
func TestDaily(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), 3*24*time.Hour+time.Minute)
		defer stop()
		days := 0
		daily(ctx, func() { days++ })
		if days != 3 {
			t.Error(days)
		}
	})
}

// TestLittleLeftIsSaid: a fortnight before the end, or when a third is left of less.
func TestLittleLeftIsSaid(t *testing.T) {
	for left, warns := range map[time.Duration]bool{15 * 24 * time.Hour: false, 13 * 24 * time.Hour: true, -time.Hour: true} {
		certFile, keyFile := pairIn(t.TempDir())
		chain, key := newPairAt(t, "auth.test", time.Now().Add(left-selfSignedFor))
		write(t, certFile, chain)
		write(t, keyFile, key)
		log := &transcript{}
		files, err := OpenFiles(certFile, keyFile, log.logger())
		if err != nil {
			t.Fatal(err)
		}
		files.announce()
		if log.has("WARN") != warns {
			t.Errorf("%v left: %s", left, log)
		}
		before := len(log.String())
		files.warn()
		if (len(log.String()) > before) != warns || (files.Status().Trouble(time.Now()) != "") != warns || files.Status().Host != "auth.test" {
			t.Errorf("%v left: %s", left, log)
		}
	}
}
