package cert

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestAFolderOfSomebodyElsesIsNamed: what can't be read would be ordered anew.
func TestAFolderOfSomebodyElsesIsNamed(t *testing.T) {
	folder := t.TempDir()
	locked := filepath.Join(folder, "certificates")
	if err := os.Mkdir(locked, 0); err != nil {
		t.Fatal(err)
	}
	said := make(chan error)
	go func() {
		// The thread ends with the goroutine, since it is never unlocked.
		runtime.LockOSThread()
		dropRootsRights(t)
		said <- ACME{Storage: folder}.checkStorage()
	}()
	err := <-said
	if err == nil || !strings.Contains(err.Error(), "api.acme_storage: access "+locked+": permission denied") {
		t.Error(err)
	}
	if err == nil || !strings.Contains(err.Error(), "chown -R "+runAs()) {
		t.Error(err)
	}
}

// TestWhatRootWritesIsTheFoldersOwners: who tries the service as root must not keep its
// own user from the folder.
func TestWhatRootWritesIsTheFoldersOwners(t *testing.T) {
	const owner = 65534
	above := t.TempDir()
	if err := os.Chown(above, owner, owner); err != nil {
		t.Fatal(err) // tests run as root
	}
	folder := filepath.Join(above, "acme")
	if err := makeFolder(folder); err != nil {
		t.Fatal(err)
	}
	s := newStorage(&Managed{ACME: ACME{Directory: "https://ca", Storage: folder}})
	if err := s.Store(t.Context(), "acme/ca/users/default/default.key", []byte("key")); err != nil {
		t.Fatal(err)
	}
	pem := filepath.Join(above, "self-signed.pem")
	if _, err := SelfSigned(pem, []string{"auth.test"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Stat(pem, &st); err != nil || st.Uid != owner {
		t.Errorf("%s is %d's, %v", pem, st.Uid, err)
	}
	for path := s.Filename("acme/ca/users/default/default.key"); path != above; path = filepath.Dir(path) {
		if err := unix.Stat(path, &st); err != nil || st.Uid != owner || st.Gid != owner {
			t.Errorf("%s is %d:%d's, %v", path, st.Uid, st.Gid, err)
		}
	}
}

func TestCanMake(t *testing.T) {
	folder := t.TempDir()
	for path, want := range map[string]string{
		folder:                              "",
		filepath.Join(folder, "acme"):       "",
		filepath.Join(folder, "none", "it"): "no such file or directory: type 'install -d -m 0700 -o " + strings.TrimSuffix(runAs(), ":"),
	} {
		err := CanMake(path)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// dropRootsRights takes from this thread the right to read what isn't its own.
func dropRootsRights(t *testing.T) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		t.Error(err)
	}
	for _, right := range []uint{unix.CAP_DAC_OVERRIDE, unix.CAP_DAC_READ_SEARCH} {
		sets[0].Effective &^= 1 << right
		sets[0].Permitted &^= 1 << right
	}
	if err := unix.Capset(&header, &sets[0]); err != nil {
		t.Error(err)
	}
}
