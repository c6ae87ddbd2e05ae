package nsdctl

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
)

// inside says that this is the process with a mount namespace of its own.
const inside = "ACMEZONE_TEST_INSIDE"

// TestFileSystems runs this test binary again where it may mount file systems that
// nobody else sees. It needs no root where the kernel lets users have namespaces.
func TestFileSystems(t *testing.T) {
	if os.Getenv(inside) != "" {
		t.Run("full disk", testFullDisk)
		t.Run("read-only", testReadOnly)
		return
	}
	args := []string{"--mount"}
	if os.Geteuid() != 0 {
		args = append(args, "--user", "--map-root-user")
	}
	args = append(args, os.Args[0], "-test.run=^TestFileSystems$", "-test.v")
	cmd := exec.Command(nsdtest.Program(t, "unshare", "util-linux"), args...)
	cmd.Env = append(os.Environ(), inside+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// smallDisk starts an NSD whose zone file is on a file system of its own, of half a
// megabyte.
func smallDisk(t *testing.T) (server *nsdtest.Server, disk string) {
	t.Helper()
	zones := authZone()
	zones[0].File = "disk/zone"
	server = nsdtest.Start(t, nsdtest.Options{Zones: zones})
	disk = filepath.Join(server.Dir, "disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=512k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(disk, unix.MNT_DETACH) })
	return server, disk
}

func testFullDisk(t *testing.T) {
	server, disk := smallDisk(t)
	w := newWriter(t, server, 5)
	w.set("a", text(1))
	w.mustPublish()
	ballast := filepath.Join(disk, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err == nil {
		t.Fatal("the disk isn't full")
	}
	w.set("a", text(2))
	mustSay(t, w.publish(), filepath.Join(disk, "zone"), "the disk is full")
	if got := server.Serial(t, apex); got != 6 {
		t.Errorf("NSD answers serial %d", got)
	}
	if err := proven(filepath.Join(disk, "zone")); err != nil {
		t.Error("the file that was there is no longer whole:", err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	w.mustPublish()
	server.Await(t, apex, 7)
}

func testReadOnly(t *testing.T) {
	server, disk := smallDisk(t)
	w := newWriter(t, server, 5)
	w.mustPublish()
	if err := unix.Mount("", disk, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	w.set("a", text(1))
	mustSay(t, w.publish(), "its file system is read-only", "ReadWritePaths="+disk)
	if got := server.Serial(t, apex); got != 5 {
		t.Errorf("NSD answers serial %d", got)
	}
	if err := unix.Mount("", disk, "", unix.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	w.mustPublish()
	server.Await(t, apex, 6)
}

// TestUnreadable has NSD run as a user that may not read the zone file.
func TestUnreadable(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("CI has to run as root: only root can start NSD as another user")
		}
		t.Skip("only root can start NSD as another user")
	}
	zones := authZone()
	zones[0].File = "closed/zone"
	server := nsdtest.Start(t, nsdtest.Options{Zones: zones, Username: "nsd"})
	folder := filepath.Join(server.Dir, "closed")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	w := newWriter(t, server, 5)
	w.mustPublish()
	server.Await(t, apex, 5)
	if info, err := os.Stat(filepath.Join(folder, "zone")); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("a new file is for NSD's group, but has %v, %v", info.Mode(), err)
	}
	w.set("a", text(1))
	if err := os.Chmod(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	mustSay(t, w.publish(), "NSD's user nsd can't get into the folder "+folder, "chmod o+x "+folder)
	if got := server.Serial(t, apex); got != 5 {
		t.Errorf("NSD answers serial %d", got)
	}
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(folder, "zone"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustSay(t, w.publish(), "NSD's user nsd can't read", "chmod o+r")
	if err := os.Chmod(filepath.Join(folder, "zone"), 0o644); err != nil {
		t.Fatal(err)
	}
	w.mustPublish()
	server.Await(t, apex, 6)
}
