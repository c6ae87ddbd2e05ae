package attach

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
)

func TestSecondariesConfirm(t *testing.T) {
	b, secondaries := family(t, 2)
	result := b.attach("example.com", "www.example.com")
	if len(result.Confirmed) != 3 {
		t.Errorf("confirmed by %v", result.Confirmed)
	}
	for _, s := range secondaries {
		if got := answers(t, s, "www.example.com"); got != target {
			t.Errorf("%s answers %q", s.Addr, got)
		}
	}
	b.detach("example.com", "www.example.com")
	for _, s := range secondaries {
		if got := answers(t, s, "www.example.com"); got != "" {
			t.Errorf("%s still answers %q", s.Addr, got)
		}
	}
}

// TestNSDWithADatabase is Debian 12's default: a zone that can't be read stays as it was.
func TestNSDWithADatabase(t *testing.T) {
	b := newBed(t, nsdtest.Start(t, nsdtest.Options{Zones: zones(text(7)), Database: true}))
	b.attach("www.example.com")
	b.attach("a.example.com")
	b.detach("www.example.com")
	if got := answers(t, b.server, "a.example.com"); got != target {
		t.Errorf("NSD answers %q", got)
	}
	b.detach("a.example.com")
	if got := answers(t, b.server, "a.example.com"); got != "" {
		t.Errorf("NSD answers %q", got)
	}
}

func TestDeadSecondaryIsReported(t *testing.T) {
	b, secondaries := family(t, 2)
	secondaries[0].Stop()
	dead := secondaries[0].Addr.String()
	_, err := b.AttachAll(b.context(), bindings("www.example.com"))
	mustSay(t, err, "zone example.com: the edit is in place and NSD answers it, but not everybody does: no answer from "+dead)
	b.SkipSilent = true
	result := b.attach("www.example.com")
	if len(result.Confirmed) != 2 || len(result.Warnings) != 1 || !strings.HasPrefix(result.Warnings[0], "it isn't known whether "+dead+" has it: no answer from ") {
		t.Errorf("%+v", result)
	}
}

func TestSecondaryThatLagsIsAnError(t *testing.T) {
	b, secondaries := family(t, 1)
	secondaries[0].Freeze()
	b.Patience, b.SkipSilent = 10*time.Second, true
	_, err := b.AttachAll(b.context(), bindings("www.example.com"))
	mustSay(t, err, "but not everybody does: "+secondaries[0].Addr.String()+" still answers serial 7")
	secondaries[0].Thaw()
	b.Patience = enough
	if result := b.attach("www.example.com"); len(result.Confirmed) != 2 || len(result.Changes) != 0 {
		t.Errorf("%+v", result)
	}
}

// TestLaterSerialsAreOutdone has a secondary with a later serial than the file's, and one
// with a serial that can't be right.
func TestLaterSerialsAreOutdone(t *testing.T) {
	for serial, implausible := range map[uint32]bool{1000: false, 2_100_000_000: true} {
		var secondary *nsdtest.Server
		o := nsdtest.Options{Zones: zones(text(serial))}
		secondary = nsdtest.Start(t, o)
		o.Zones = zones(text(7))
		o.Zones[0].Extra = fmt.Sprintf("notify: %s@%d NOKEY\n", secondary.Addr.Addr(), secondary.Addr.Port())
		b := newBed(t, nsdtest.Start(t, o))
		b.Patience = 10 * time.Second
		result, err := b.AttachAll(b.context(), bindings("www.example.com"))
		soa, _ := b.parsed().SOA()
		if implausible {
			want := fmt.Sprintf("%s answers serial %d, which can't be right and is not followed: it takes no zone of 8 until 'nsd-control force_transfer example.com' is typed there", secondary.Addr, serial)
			if err != nil || soa.Serial != 8 || len(result[0].Warnings) != 1 || result[0].Warnings[0] != want {
				t.Errorf("%+v, %v", result, err)
			}
			continue
		}
		// It takes no transfers, so it isn't there in the end.
		mustSay(t, err, secondary.Addr.String()+" still answers serial 1000")
		if soa.Serial != 1001 {
			t.Errorf("the serial is %d", soa.Serial)
		}
	}
}

// TestLostZoneComesBack has NSD lose the zone over a snippet that it may not read.
func TestLostZoneComesBack(t *testing.T) {
	o := nsdtest.Options{Zones: zones(text(7)), Username: "nobody"}
	b := newBed(t, nsdtest.Start(t, o))
	if err := os.Mkdir(b.SnippetDir, 0o755); err != nil {
		t.Fatal(err)
	}
	b.hook = func(step string) error {
		if step == "checked" {
			return os.Chmod(b.snippetPath(customer), 0o600)
		}
		return nil
	}
	_, err := b.AttachAll(b.context(), bindings("www.example.com"))
	mustSay(t, err, "zone example.com: "+b.server.Addr.String()+" answers SERVFAIL after the edit, though nsd-checkzone found no fault: see NSD's log; the old files are back, and served")
	if b.read() != text(7) || b.server.Serial(t, customer) != 7 {
		t.Errorf("serial %d, file %q", b.server.Serial(t, customer), b.read())
	}
	if left, _ := os.ReadDir(b.SnippetDir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	b.hook = nil
	b.attach("www.example.com")
}

// TestFolderThatNSDCannotEnterIsRefused tells what to type before anything is changed.
func TestFolderThatNSDCannotEnterIsRefused(t *testing.T) {
	b := newBed(t, nsdtest.Start(t, nsdtest.Options{Zones: zones(text(7)), Username: "nobody"}))
	if err := os.Mkdir(b.SnippetDir, 0o700); err != nil {
		t.Fatal(err)
	}
	b.refused("www.example.com", "zone example.com: NSD's user nobody can't get into the folder DIR/snippets (mode 0700), where the file is: type 'chmod o+x DIR/snippets', or 'chgrp nobody DIR/snippets' and 'chmod g+x DIR/snippets'")
}

// TestUnloadedChangesAreSaid has somebody edit the file and leave the reload to us.
func TestUnloadedChangesAreSaid(t *testing.T) {
	b := start(t, text(7))
	b.server.Write(t, b.path, text(9))
	result := b.attach("www.example.com")
	if result.Serial != 10 || len(result.Warnings) != 1 || result.Warnings[0] != "NSD answered serial 7, and the zone file had 9: what else was changed in it since NSD read it is served now as well" {
		t.Errorf("%+v", result)
	}
}

// TestNSDHasReadTheSnippetWithoutASerial is what a reload between two steps leaves: the
// secondaries never come for the same serial.
func TestNSDHasReadTheSnippetWithoutASerial(t *testing.T) {
	b, secondaries := family(t, 1)
	b.attach("a.example.com")
	b.server.Write(t, b.snippetPath(customer), b.snippetText()+"_acme-challenge.b.example.com.\t3600\tIN\tCNAME\t"+target+"\n")
	b.server.Write(t, b.path, b.read())
	if _, err := b.server.Control("reload", customer); err != nil {
		t.Fatal(err)
	}
	result := b.attach("b.example.com")
	if result.Serial != 9 || answers(t, secondaries[0], "b.example.com") != target {
		t.Errorf("%+v", result)
	}
}

func TestManyAtOnce(t *testing.T) {
	b := start(t, text(7))
	b.LockWait = enough
	var running sync.WaitGroup
	errs := make(chan error, 8)
	for i := range 8 {
		running.Go(func() {
			e := editorOf(t, b.server)
			e.LockWait = enough
			errs <- e.Attach(context.Background(), fmt.Sprintf("host%d.example.com", i), target)
		})
	}
	running.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	if n := strings.Count(b.snippetText(), "CNAME\t"); n != 8 {
		t.Errorf("%d records", n)
	}
	if n := strings.Count(b.read(), "$INCLUDE"); n != 1 {
		t.Errorf("%d includes", n)
	}
}

func TestLockedZoneSaysWhoHasIt(t *testing.T) {
	b := start(t, text(7))
	dir, err := os.Open(filepath.Dir(b.path))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	b.LockWait = 10 * time.Millisecond
	b.refused("www.example.com", fmt.Sprintf("zone example.com: DIR is locked by process %d, which edits a zone there: wait until it has ended", os.Getpid()))
}
