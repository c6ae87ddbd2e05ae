package cert

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// beInside is set where a test may mount what nobody else sees.
const beInside = "ACMEZONE_TEST_INSIDE"

// TestFullDisk renews on a full disk: the new certificate is shown, the old one stays
// stored, and no other is ordered until there is room.
func TestFullDisk(t *testing.T) {
	if os.Getenv(beInside) == "" {
		runInside(t)
		return
	}
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	defer syscall.Unmount(folder, 0)
	synctest.Test(t, func(t *testing.T) { renewOnFullDisk(t, folder) })
}

func renewOnFullDisk(t *testing.T, folder string) {
	log := &transcript{}
	store(t, folder, "auth.test", 24*time.Hour)
	m := open(t, folder, log)
	ballast := fill(t, folder)
	ca := &fakeCA{life: 90 * 24 * time.Hour}
	stop := running(t, m, ca)
	time.Sleep(40 * time.Hour)
	synctest.Wait()
	s := m.Status()
	if !strings.HasSuffix(s.NotStored, "no space left on device") || s.Failures != 0 || s.NotAfter.Before(time.Now().Add(24*time.Hour)) || len(ca.tries()) != 1 {
		t.Errorf("%d tries: %+v", len(ca.tries()), s)
	}
	if said := s.Trouble(time.Now()); said != "the API's certificate for auth.test is in use and couldn't be stored, so a restart would lose it: the log says why" {
		t.Error(said)
	}
	if old, err := m.stored(); err != nil || old.Leaf.NotAfter.After(time.Now()) || len(files(t, folder)) != 3 {
		t.Error(err, files(t, folder))
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	time.Sleep(keepAgain)
	synctest.Wait()
	if kept, err := m.stored(); err != nil || !kept.Leaf.NotAfter.Equal(m.Status().NotAfter) || m.Status().Trouble(time.Now()) != "" {
		t.Errorf("%v: %+v", err, m.Status())
	}
	if !log.has("can't be stored, and a restart would lose it") || !log.has("is stored now") {
		t.Error(log.String())
	}
	stop()
}

// TestKeptAtTheEnd: the end of the process is no reason to lose a certificate.
func TestKeptAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := t.TempDir()
		m := open(t, folder, &transcript{})
		inTheWay := filepath.Join(folder, certificates)
		write(t, inTheWay, nil)
		stop := running(t, m, &fakeCA{life: 24 * time.Hour})
		synctest.Wait()
		if m.Status().NotStored == "" {
			t.Errorf("%+v", m.Status())
		}
		if err := os.Remove(inTheWay); err != nil {
			t.Fatal(err)
		}
		stop()
		if _, err := m.stored(); err != nil || m.Status().NotStored != "" {
			t.Error(err)
		}
	})
}

// fill leaves no room in a file system.
func fill(t *testing.T, folder string) string {
	t.Helper()
	path := filepath.Join(folder, "ballast")
	if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err == nil {
		t.Fatal("the disk is not full")
	}
	return path
}

// files are those of certificates.
func files(t *testing.T, folder string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, certificates, "*", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func runInside(t *testing.T) {
	t.Helper()
	args := []string{"--mount"}
	if os.Geteuid() != 0 {
		args = append(args, "--user", "--map-root-user")
	}
	cmd := exec.Command("unshare", append(args, os.Args[0], "-test.run=^"+t.Name()+"$")...)
	cmd.Env = append(os.Environ(), beInside+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v (apt install util-linux, if there is no unshare): %s", err, out)
	}
}
