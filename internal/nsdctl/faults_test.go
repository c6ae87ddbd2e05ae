package nsdctl

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
	"github.com/acmezone/acmezone/internal/zone"
	"github.com/acmezone/acmezone/internal/zonegen"
)

// mustSay fails unless the error holds all those words.
func mustSay(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, where it should say %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not in the error: %v", w, err)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has several lines: %q", err)
	}
}

// publishFor tries for a limited time.
func (w *writer) publishFor(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := w.nsd.Publish(ctx, w.current()); err != nil {
		return err
	}
	return w.others.Publish(ctx, w.current())
}

func TestNotRunningYet(t *testing.T) {
	server := nsdtest.Start(t, nsdtest.Options{Zones: authZone()})
	server.Stop()
	w := newWriter(t, server, 5)
	mustSay(t, w.publish(), "NSD's control channel", "NSD isn't running")
	if _, err := os.Stat(zonePath(server)); err != nil {
		t.Error("the file should be there for when NSD starts:", err)
	}
	server.Restart()
	w.mustPublish()
	server.Await(t, apex, 5)
}

func TestRestarted(t *testing.T) {
	server := nsdtest.Start(t, nsdtest.Options{Zones: authZone(), Servers: 2})
	w := newWriter(t, server, 5)
	w.mustPublish()
	server.Restart()
	if err := w.nsd.Check(t.Context(), w.current()); err != nil {
		t.Error("NSD has the file, so it serves the same after a restart:", err)
	}
	w.set("a", text(1))
	w.mustPublish()
	server.Kill()
	w.set("a", text(2))
	mustSay(t, w.publish(), "NSD isn't running")
	server.Restart()
	w.mustPublish()
	server.Await(t, apex, 7)
}

func TestFrozenControl(t *testing.T) {
	server := nsdtest.Start(t, nsdtest.Options{Zones: authZone()})
	w := newWriter(t, server, 5)
	w.mustPublish()
	server.Freeze()
	w.set("a", text(1))
	mustSay(t, w.publish(), "doesn't answer", "stuck")
	if got := server.Serial(t, apex); got != 5 {
		t.Errorf("NSD answers serial %d", got)
	}
	server.Thaw()
	w.mustPublish()
	server.Await(t, apex, 6)
}

// TestHeldControl has another client connect and say nothing, for which NSD waits.
func TestHeldControl(t *testing.T) {
	server := nsdtest.Start(t, nsdtest.Options{Zones: authZone()})
	w := newWriter(t, server, 5)
	w.mustPublish()
	var silent []net.Conn
	for range 20 {
		c, err := net.Dial("unix", server.ControlSocket)
		if err != nil {
			t.Fatal(err)
		}
		silent = append(silent, c)
	}
	w.set("a", text(1))
	mustSay(t, w.publish(), "NSD's control channel "+server.ControlSocket)
	for _, c := range silent {
		c.Close()
	}
	if err := retry(func() error { return w.publish() }); err != nil {
		t.Fatal(err)
	}
	server.Await(t, apex, 6)
}

// retry is what the pipeline does.
func retry(do func() error) (err error) {
	for begun := time.Now(); time.Since(begun) < enough; {
		if err = do(); err == nil {
			return nil
		}
	}
	return err
}

func TestControlThatNeverAnswers(t *testing.T) {
	server := nsdtest.Start(t, nsdtest.Options{Zones: authZone()})
	socket := filepath.Join(server.Dir, "deaf")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	w := newWriter(t, server, 5, func(o *Options) { o.Control = socket })
	mustSay(t, w.publish(), socket, "doesn't answer")
}

func TestControlThatIsRefused(t *testing.T) {
	server := nsdtest.Start(t, nsdtest.Options{Zones: authZone(), Control: nsdtest.Off})
	mustSay(t, newWriter(t, server, 5).publish(), "control-enable: yes", server.Config)
}

func TestZoneIsMissing(t *testing.T) {
	server := nsdtest.Start(t, nsdtest.Options{})
	w := newWriter(t, server, 5)
	mustSay(t, w.publish(), "NSD has no zone "+apex, "'acmezone nsd-conf'", server.Config, "'nsd-control reconfig'", "'nsd-control addzone "+apex+" PATTERN'")
	server.Reconfigure(nsdtest.Options{Zones: authZone()})
	mustSay(t, w.publish(), "not configured", "'nsd-control reconfig'")
	if out, err := server.Control("reconfig"); err != nil {
		t.Fatal(out, err)
	}
	if err := retry(w.publish); err != nil {
		t.Fatal(err)
	}
	server.Await(t, apex, 5)
}

func TestZoneIsAddedWithAPattern(t *testing.T) {
	server := nsdtest.Start(t, nsdtest.Options{Patterns: "pattern:\n\tname: challenges\n\tzonefile: \"%z/%s.zone\"\n"})
	if err := os.Mkdir(filepath.Join(server.Dir, "org"), 0o755); err != nil {
		t.Fatal(err)
	}
	w := newWriter(t, server, 5)
	if out, err := server.Control("addzone", apex, "challenges"); err != nil {
		t.Fatal(out, err)
	}
	if err := retry(w.publish); err != nil {
		t.Fatal(err)
	}
	server.Await(t, apex, 5)
	if _, err := os.Stat(filepath.Join(server.Dir, "org", apex+".zone")); err != nil {
		t.Error(err)
	}
}

func TestZoneIsSecondaryByMistake(t *testing.T) {
	zones := authZone()
	zones[0].Extra = "request-xfr: 127.0.0.9 NOKEY"
	server := nsdtest.Start(t, nsdtest.Options{Zones: zones})
	mustSay(t, newWriter(t, server, 5).publish(), "NSD is a secondary of "+apex, "127.0.0.9", "take request-xfr out")
	if _, err := os.Stat(zonePath(server)); err == nil {
		t.Error("a file was written where NSD writes its own")
	}
}

func TestConfigurationIsBroken(t *testing.T) {
	server := nsdtest.Start(t, nsdtest.Options{Zones: authZone()})
	w := newWriter(t, server, 5)
	w.mustPublish()
	good, err := os.ReadFile(server.Config)
	if err != nil {
		t.Fatal(err)
	}
	server.Write(t, "nsd.conf", "server: nonsense\n")
	w.set("a", text(1))
	mustSay(t, w.publish(), server.Config, "syntax error")
	server.Write(t, "nsd.conf", string(good))
	w.mustPublish()
	server.Await(t, apex, 6)
}

func TestConfigurationIsMissing(t *testing.T) {
	server := nsdtest.Start(t, nsdtest.Options{Zones: authZone()})
	mustSay(t, newWriter(t, server, 5, func(o *Options) { o.Config = "/nowhere/nsd.conf" }).publish(), "/nowhere/nsd.conf is not there")
}

func TestFileIsEditedBySomebodyElse(t *testing.T) {
	server := nsdtest.Start(t, nsdtest.Options{Zones: authZone()})
	w := newWriter(t, server, 5)
	w.set("a", text(1))
	w.mustPublish()
	own, err := os.ReadFile(zonePath(server))
	if err != nil {
		t.Fatal(err)
	}
	edited := string(own) + "by-hand 60 IN A 192.0.2.9\n"
	server.Write(t, apex+".zone", edited)
	mustSay(t, w.nsd.Check(t.Context(), w.current()), "was changed by somebody else", zonePath(server))
	w.mustPublish()
	if got, err := os.ReadFile(zonePath(server)); err != nil || string(got) != string(own) {
		t.Errorf("%v, the file holds\n%s", err, got)
	}
	if kept, err := os.ReadFile(zonePath(server) + ".before-acmezone"); err != nil || string(kept) != edited {
		t.Errorf("%v, kept was\n%s", err, kept)
	}
	if !strings.Contains(w.log.String(), ".before-acmezone") {
		t.Error("nothing was said of it")
	}
}

func TestFileOfAnotherHand(t *testing.T) {
	zones := authZone()
	zones[0].Text = "$ORIGIN " + apex + ".\n@ 60 IN SOA a b 2026112401 1 2 3 4\n@ 60 IN NS a\na 60 IN A 192.0.2.1\n"
	server := nsdtest.Start(t, nsdtest.Options{Zones: zones})
	w := newWriter(t, server, 1_795_000_000)
	if err := w.publish(); !errors.Is(err, zone.ErrOvertaken) {
		t.Fatal("a later serial in the file is not noticed:", err)
	}
	w.mustPublish()
	server.Await(t, apex, 2026112402)
	if kept, err := os.ReadFile(zonePath(server) + ".before-acmezone"); err != nil || string(kept) != zones[0].Text {
		t.Errorf("%v, kept was\n%s", err, kept)
	}
}

// TestLaterSerialComesWhileRunning: somebody else's file may be ahead at any time.
func TestLaterSerialComesWhileRunning(t *testing.T) {
	server := nsdtest.Start(t, nsdtest.Options{Zones: authZone()})
	w := newWriter(t, server, 1_795_000_000)
	w.mustPublish()
	server.Write(t, apex+".zone", "@ 60 IN SOA a b 1795000100 1 2 3 4\n@ 60 IN NS a.test.\n")
	if out, err := server.Control("reload", apex); err != nil {
		t.Fatal(out, err)
	}
	server.Await(t, apex, 1_795_000_100)
	if err := w.publish(); !errors.Is(err, zone.ErrOvertaken) {
		t.Fatal("a later serial in the file is not noticed:", err)
	}
	w.mustPublish()
	server.Await(t, apex, 1_795_000_101)
}

func TestImplausibleSerialIsNotFollowed(t *testing.T) {
	zones := authZone()
	zones[0].Text = "$ORIGIN " + apex + ".\n@ 60 IN SOA a b 3900000000 1 2 3 4\n@ 60 IN NS a\n"
	server := nsdtest.Start(t, nsdtest.Options{Zones: zones})
	w := newWriter(t, server, 1_795_000_000)
	w.mustPublish()
	server.Await(t, apex, 1_795_000_000)
	if !strings.Contains(w.log.String(), "serial=3900000000") {
		t.Error("nothing was said of it")
	}
}

// TestStaticRecordsChange needs a new serial, or no other server comes for them.
func TestStaticRecordsChange(t *testing.T) {
	server := nsdtest.Start(t, nsdtest.Options{Zones: authZone()})
	w := newWriter(t, server, 5)
	w.set("a", text(1))
	w.mustPublish()
	same := newWriter(t, server, 6)
	same.snap = w.current()
	same.mustPublish()
	if got := server.Serial(t, apex); got != 6 {
		t.Errorf("a restart without a change leads to serial %d", got)
	}
	next := newWriter(t, server, 6, func(o *Options) { o.Definition = definition(t, "www A 192.0.2.8") })
	next.snap = w.current()
	if err := next.publish(); !errors.Is(err, zone.ErrOvertaken) {
		t.Fatal("the change is not noticed:", err)
	}
	next.mustPublish()
	if got := server.Serial(t, apex); got != 7 {
		t.Errorf("new static records lead to serial %d", got)
	}
}

// TestRecordThatNSDCannotRead takes a type that the DNS library knows and NSD doesn't.
func TestRecordThatNSDCannotRead(t *testing.T) {
	server := nsdtest.Start(t, nsdtest.Options{Zones: authZone()})
	w := newWriter(t, server, 5)
	w.mustPublish()
	next := newWriter(t, server, 6, func(o *Options) { o.Definition = definition(t, `x NINFO "text"`) })
	mustSay(t, next.publish(), "nsd-checkzone says", "NINFO", "zone.records")
	if got := server.Serial(t, apex); got != 5 {
		t.Errorf("NSD answers serial %d", got)
	}
}

// TestServfailGoesBack hands NSD a file that it can't read: it must not stay.
func TestServfailGoesBack(t *testing.T) {
	server := nsdtest.Start(t, nsdtest.Options{Zones: authZone()})
	w := newWriter(t, server, 5)
	w.set("a", text(1))
	w.mustPublish()
	honest := w.nsd.opts.Write
	w.nsd.opts.Write = unreadable
	w.set("a", text(2))
	mustSay(t, w.publish(), "SERVFAIL", "nsd-checkzone says", "the last good file is back")
	server.Await(t, apex, 6)
	mustSay(t, w.publish(), "isn't handed over", "nsd-checkzone says")
	server.Await(t, apex, 6)
	w.nsd.opts.Write = honest
	w.mustPublish()
	server.Await(t, apex, 7)
}

// unreadable writes a file that is whole, and yet no zone.
func unreadable(out io.Writer, snap *zone.Snapshot) error {
	text := fmt.Sprintf("@ 1 IN SOA a b %d 1 1 1 1\nthis is no record\n", snap.Serial())
	_, err := fmt.Fprintf(out, "%s; end of zone: 1 records, checksum %08x\n", text, crc32.Checksum([]byte(text), crc32.MakeTable(crc32.Castagnoli)))
	return err
}

// TestDatabase has NSD use nsd.db, with which it keeps old data rather than lose them.
func TestDatabase(t *testing.T) {
	server := nsdtest.Start(t, nsdtest.Options{Zones: authZone(), Database: true, Servers: 2})
	w := newWriter(t, server, 5)
	for i := range 5 {
		w.set("a", text(i))
		w.mustPublish()
		if got := server.Serial(t, apex); got != uint32(w.current().Serial()) {
			t.Errorf("NSD answers serial %d after %d was published", got, w.current().Serial())
		}
	}
	honest := w.nsd.opts.Write
	w.nsd.opts.Write = unreadable
	w.set("a", text(9))
	mustSay(t, w.publishFor(5*time.Second), w.nsd.place.listener)
	w.nsd.opts.Write = honest
	w.mustPublish()
	server.Await(t, apex, uint32(w.current().Serial()))
}

func TestWaysOfControl(t *testing.T) {
	for _, c := range []struct {
		name, control string
		command       bool
	}{{"unix socket", nsdtest.Unix, false}, {"TLS", nsdtest.TLS, false}, {"TLS with keys of before 4.4.0", nsdtest.OldTLS, false}, {"a command", nsdtest.Unix, true}} {
		t.Run(c.name, func(t *testing.T) {
			server := nsdtest.Start(t, nsdtest.Options{Zones: authZone(), Control: c.control})
			w := newWriter(t, server, 5, func(o *Options) {
				if c.command {
					o.ControlCommand = []string{nsdtest.Program(t, "nsd-control", "nsd"), "-c", server.Config}
				}
			})
			for i := range 3 {
				w.set("a", text(i))
				w.mustPublish()
				if got := server.Serial(t, apex); got != uint32(w.current().Serial()) {
					t.Errorf("NSD answers serial %d after %d was published", got, w.current().Serial())
				}
			}
			if !w.nsd.place.processes.ok {
				t.Error("NSD's processes were not found")
			}
		})
	}
}

func TestWrongControlCommand(t *testing.T) {
	server := nsdtest.Start(t, nsdtest.Options{Zones: authZone()})
	for _, c := range []struct{ words, say []string }{
		{[]string{"/nowhere/nsd-control"}, []string{"nsd.control_command", "no such file"}},
		{[]string{"sh", "-c", "echo error: no; exit 1"}, []string{"nsd.control_command", "error: no"}},
		{[]string{"sh", "-c", "exit 0"}, []string{"NSD refuses 'reload " + apex + "'"}},
	} {
		mustSay(t, newWriter(t, server, 5, func(o *Options) { o.ControlCommand = c.words }).publish(), c.say...)
	}
}

func TestSymbolicLinkIsWrittenThrough(t *testing.T) {
	server := nsdtest.Start(t, nsdtest.Options{Zones: authZone()})
	target := filepath.Join(server.Dir, "elsewhere")
	server.Write(t, "elsewhere", "")
	if err := os.Symlink(target, zonePath(server)); err != nil {
		t.Fatal(err)
	}
	w := newWriter(t, server, 5)
	w.mustPublish()
	if info, err := os.Lstat(zonePath(server)); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Error("the link is gone", err)
	}
	if err := proven(target); err != nil {
		t.Error(err)
	}
}

func TestModeAndGroupStay(t *testing.T) {
	server := nsdtest.Start(t, nsdtest.Options{Zones: authZone()})
	w := newWriter(t, server, 5)
	w.mustPublish()
	if err := os.Chmod(zonePath(server), 0o604); err != nil {
		t.Fatal(err)
	}
	w.set("a", text(1))
	w.mustPublish()
	if info, err := os.Stat(zonePath(server)); err != nil || info.Mode().Perm() != 0o604 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

// anything inspects nothing.
func anything(string) error { return nil }

// TestNoTimeOfChangeTwice publishes faster than the clock of a file system ticks.
func TestNoTimeOfChangeTwice(t *testing.T) {
	f := openZoneFile(filepath.Join(t.TempDir(), "zone"))
	def := definition(t)
	var last time.Time
	for i := range 200 {
		serial := zone.Serial(i)
		if _, err := f.keepForeign(); err != nil {
			t.Fatal(err)
		}
		err := f.replace(serial, -1, anything, func(w io.Writer) error { return zonegen.Write(w, def, zone.NewSnapshot(serial, 0)) })
		if err != nil {
			t.Fatal(err)
		}
		if !f.left.ModTime().After(last) {
			t.Fatalf("file %d has the time %v, not later than %v", i, f.left.ModTime(), last)
		}
		last = f.left.ModTime()
	}
	future := time.Now().Add(24 * time.Hour)
	if err := os.Chtimes(f.path, future, future); err != nil {
		t.Fatal(err)
	}
	if _, err := f.keepForeign(); err != nil {
		t.Fatal(err)
	}
	if err := f.replace(1000, -1, anything, func(w io.Writer) error { return zonegen.Write(w, def, zone.NewSnapshot(1000, 0)) }); err != nil {
		t.Fatal(err)
	}
	if !f.left.ModTime().After(future) {
		t.Errorf("after the clock was set back the time is %v", f.left.ModTime())
	}
}
