package attach

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/nsdctl/nsdtest"
)

// refused wants that message exactly, and nothing to have changed. DIR stands for NSD's
// folder.
func (b *bed) refused(domain, want string) {
	b.t.Helper()
	before := b.read()
	results, err := b.AttachAll(b.context(), bindings(domain))
	if len(results) > 0 {
		b.t.Errorf("refused, and yet it says %+v", results)
	}
	want = strings.ReplaceAll(want, "DIR", b.server.Dir)
	if err == nil || err.Error() != want {
		b.t.Errorf("the error is\n  %v\nnot\n  %s", err, want)
	}
	if b.read() != before {
		b.t.Error("the file was changed")
	}
	entries, _ := os.ReadDir(b.server.Dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			b.t.Errorf("left behind: %s", e.Name())
		}
	}
}

func TestWhatIsInTheWayIsRefused(t *testing.T) {
	b := start(t, text(7)+`$ORIGIN example.com.
_acme-challenge.taken CNAME elsewhere.example.net.
_acme-challenge.data TXT "value"
cut NS ns.example.net.
moved DNAME example.net.
`)
	for domain, want := range map[string]string{
		"taken.example.com":   "zone example.com: _acme-challenge.taken.example.com. has a CNAME to elsewhere.example.net. already (DIR/example.com.zone:14): take it out first, if it is of no use any more",
		"data.example.com":    "zone example.com: _acme-challenge.data.example.com. has TXT data already (DIR/example.com.zone:15), beside which there can't be a CNAME: take it out first, if it is of no use any more",
		"www.cut.example.com": "zone example.com: cut.example.com. is delegated to ns.example.net. (DIR/example.com.zone:16), so _acme-challenge.www.cut.example.com. must be in that zone",
		"cut.example.com":     "zone example.com: cut.example.com. is delegated to ns.example.net. (DIR/example.com.zone:16), so _acme-challenge.cut.example.com. must be in that zone",
		"moved.example.com":   "zone example.com: moved.example.com. has a DNAME to example.net. (DIR/example.com.zone:17), which takes every name below it",
		"example.org":         "example.org lies in none of nsd.attach_zones (example.com): add its zone there, if this NSD is the zone's primary",
		"notexample.com":      "notexample.com lies in none of nsd.attach_zones (example.com): add its zone there, if this NSD is the zone's primary",
		"*.example.com":       `"*.example.com" is not a domain in lower case, such as "www.example.com"`,
	} {
		b.refused(domain, want)
	}
	// One that is refused keeps its zone's others from being attached.
	_, err := b.AttachAll(b.context(), bindings("www.example.com", "taken.example.com"))
	mustSay(t, err, "elsewhere.example.net")
	if got := answers(t, b.server, "www.example.com"); got != "" {
		t.Errorf("NSD answers %q", got)
	}
}

func TestAnotherAccountIsRefused(t *testing.T) {
	b := start(t, text(7))
	b.attach("www.example.com")
	_, err := b.AttachAll(b.context(), []Binding{{"www.example.com", other}})
	mustSay(t, err, "_acme-challenge.www.example.com. has a CNAME to "+target+" already ("+b.snippetPath(customer)+"): if that is of no use any more, type 'acmezone detach www.example.com' first")
	_, err = b.AttachAll(b.context(), []Binding{{"a.example.com", target}, {"a.example.com", other}})
	mustSay(t, err, "one name has one CNAME")
}

func TestForeignTargetsAreRefused(t *testing.T) {
	e := &Editor{Zones: []string{customer}, Apex: ownZone}
	for _, foreign := range []string{"", ".", "evil.example.net.", ownZone, "a.b." + ownZone, "x" + ownZone, "A." + ownZone, "a b." + ownZone, `a\.b.` + ownZone, "a." + ownZone + "..", "*." + ownZone} {
		_, err := e.AttachAll(t.Context(), []Binding{{"www.example.com", foreign}})
		mustSay(t, err, "is not a name of an account: those are one label below auth.example.org")
	}
	e.Zones = []string{"auth.example.org"}
	mustSay(t, e.Attach(t.Context(), "x.auth.example.org", target), "acmezone's own zone auth.example.org")
	e.Zones = []string{customer}
	mustSay(t, e.Attach(t.Context(), strings.Repeat("a.", 120)+customer, target), "is not a domain in lower case")
}

func TestZonesThatAreNotTouched(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"signed":     {text(7) + "$ORIGIN example.com.\n@ DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==\n", "zone example.com: it is signed (DNSKEY at example.com. (DIR/example.com.zone:14)), so an edit here would break the signatures: put the CNAME into the zone that is signed, 'acmezone cname' prints it"},
		"$GENERATE":  {text(7) + "$GENERATE 1-2 host$ A 192.0.2.$\n", "zone example.com: it uses $GENERATE (DIR/example.com.zone:13), which NSD reads in some versions only: it isn't touched; write the records out, or put the CNAME in by hand"},
		"no SOA":     {"$TTL 60\n@ NS ns1\n", "zone example.com: DIR/example.com.zone: there is no SOA record in it"},
		"no include": {text(7) + "$INCLUDE gone\n", "zone example.com: DIR/example.com.zone:13: $INCLUDE: lstat DIR/gone: no such file or directory: it isn't touched"},
	} {
		t.Run(name, func(t *testing.T) { start(t, c.text).refused("www.example.com", c.want) })
	}
	t.Run("BOM", func(t *testing.T) {
		b := start(t, "\xef\xbb\xbf"+text(7))
		_, err := b.AttachAll(b.context(), bindings("www.example.com"))
		mustSay(t, err, b.path+":1: ", "byte order mark", "it isn't touched")
	})
}

// TestFileThatNSDCouldNotRead shows NSD's own complaint, of the file's own name.
func TestFileThatNSDCouldNotRead(t *testing.T) {
	b := start(t, text(7))
	b.server.Write(t, b.path, text(8)+"$ORIGIN example.com.\na CNAME www\na CNAME ns1\n")
	results, err := b.AttachAll(b.context(), bindings("www.example.com"))
	if len(results) > 0 {
		t.Errorf("it failed, and yet it says %+v", results)
	}
	mustSay(t, err, "zone example.com: NSD can't read the zone as it is, so nothing was changed: mend it first: nsd-checkzone says: "+b.path+":", "CNAME")
	if strings.Contains(err.Error(), "acmezone-new") {
		t.Error("the error names a file that is gone:", err)
	}
	if _, err := os.Stat(b.snippetPath(customer)); err == nil {
		t.Error("the snippet is left behind")
	}
}

func TestSecondaryIsRefused(t *testing.T) {
	_, secondaries := nsdtest.Family(t, nsdtest.Options{Zones: zones(text(7))}, 1)
	secondaries[0].Await(t, customer, 7)
	_, err := editorOf(t, secondaries[0]).AttachAll(t.Context(), bindings("www.example.com"))
	mustSay(t, err, "zone example.com: NSD here is a secondary of example.com (request-xfr: ", "so what is written into its zone file is lost: attach on the primary, or take it out of nsd.attach_zones")
}

func TestZoneThatNSDDoesNotHaveIsRefused(t *testing.T) {
	b := start(t, text(7))
	b.Zones = []string{"example.net", "www.example.com"}
	_, err := b.AttachAll(b.context(), bindings("www.example.net"))
	mustSay(t, err, "zone example.net: NSD has no zone example.net: add a zone: clause for it to "+b.server.Config+" and type 'nsd-control reconfig', or take it out of nsd.attach_zones")
}

func TestClosestZoneIsEdited(t *testing.T) {
	deep := strings.ReplaceAll(text(3), "example.com", "deep.example.com")
	o := nsdtest.Options{Zones: append(zones(text(7)), nsdtest.Zone{Name: "deep.example.com", File: "deep.zone", Text: deep})}
	b := newBed(t, nsdtest.Start(t, o))
	b.refused("www.deep.example.com", "zone example.com: NSD has the zone deep.example.com, which _acme-challenge.www.deep.example.com. lies in: add that one to nsd.attach_zones")
	for _, order := range [][]string{{"deep.example.com", customer}, {customer, "Deep.Example.com."}} {
		b.Zones = order
		if result := b.attach("www.deep.example.com"); result.Zone != "deep.example.com" {
			t.Errorf("%s was edited", result.Zone)
		}
	}
	results, err := b.AttachAll(b.context(), bindings("deep.example.com", "example.com"))
	if err != nil || len(results) != 2 {
		t.Errorf("%+v, %v", results, err)
	}
}

func TestStoppedNSDIsRefused(t *testing.T) {
	b := start(t, text(7))
	b.server.Stop()
	b.refused("www.example.com", "zone example.com: nothing was changed: NSD's control channel DIR/control is refused: NSD isn't running, or its nsd.conf has another control-interface (dial unix DIR/control: connect: connection refused)")
	b.DryRun = true
	if result := b.attach("www.example.com"); len(result.Changes) != 2 {
		t.Errorf("%+v", result)
	}
}

func TestSnippetOfSomebodyElseIsRefused(t *testing.T) {
	b := start(t, text(7))
	b.attach("www.example.com")
	path := b.snippetPath(customer)
	if err := os.WriteFile(path, []byte(b.snippetText()+"mine.example.com. 60 IN A 192.0.2.1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	b.refused("a.example.com", `zone example.com: DIR/snippets/example.com.acmezone holds "mine.example.com.\t60\tIN\tA\t192.0.2.1", which acmezone didn't write: move it to the zone file`)
}

func TestDetachLeavesWhatOthersWrote(t *testing.T) {
	b := start(t, text(7)+"$ORIGIN example.com.\n_acme-challenge CNAME "+target+"\n_acme-challenge.www CNAME elsewhere.example.net.\n")
	b.attach("example.com") // is in place
	for _, domain := range []string{"example.com", "www.example.com"} {
		mustSay(t, b.Detach(b.context(), domain), "already (", "which acmezone didn't write: take it out by hand")
	}
	if b.server.Serial(t, customer) != 7 {
		t.Error("the zone was changed")
	}
}

// TestWildcardIsNoMatter has a CNAME answered at every name.
func TestWildcardIsNoMatter(t *testing.T) {
	b := start(t, text(7)+"$ORIGIN example.com.\n* CNAME www.example.net.\n")
	if result := b.detach("new.example.com"); len(result.Changes) > 0 {
		t.Errorf("%+v", result)
	}
	b.attach("new.example.com")
	b.detach("new.example.com")
	if got := answers(t, b.server, "new.example.com"); got != "www.example.net." {
		t.Errorf("NSD answers %q", got)
	}
}

func TestChrootTakesLinesOnly(t *testing.T) {
	o := nsdtest.Options{Zones: zones(text(7))}
	b := newBed(t, nsdtest.Start(t, o))
	o.ExtraServer = "chroot: " + b.server.Dir
	b.server.Reconfigure(o)
	b.refused("www.example.com", `zone example.com: NSD shuts itself into DIR (chroot:) and wouldn't find what its zones include: set nsd.attach_mode = "inline"`)
}

// TestChangedUnderneathIsRefused has an editor at work at the same time.
func TestChangedUnderneathIsRefused(t *testing.T) {
	for name, change := range map[string]func(b *bed){
		"another file": func(b *bed) { b.server.Write(t, b.path, text(2026010101)) },
		"in place": func(b *bed) {
			info, _ := os.Stat(b.path)
			if err := os.WriteFile(b.path, []byte(strings.Replace(text(7), "192.0.2.1", "192.0.2.9", 1)), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(b.path, time.Time{}, info.ModTime()); err != nil {
				t.Fatal(err)
			}
		},
		"gone": func(b *bed) {
			if err := os.Rename(b.path, b.path+"~"); err != nil {
				t.Fatal(err)
			}
		},
		"a link": func(b *bed) {
			if err := os.Rename(b.path, b.path+"~"); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(b.path+"~", b.path); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, text(7))
			var theirs []byte
			b.hook = func(step string) error {
				if step == "zone file prepared" {
					change(b)
					theirs, _ = os.ReadFile(b.path)
				}
				return nil
			}
			_, err := b.AttachAll(b.context(), bindings("www.example.com"))
			mustSay(t, err, "zone example.com: "+b.path+": ", "was changed by somebody else just now", "type the command again")
			if now, _ := os.ReadFile(b.path); string(now) != string(theirs) {
				t.Error("theirs was written over")
			}
			if left, _ := filepath.Glob(b.server.Dir + "/.*"); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			if _, err := os.Stat(b.snippetPath(customer)); err == nil {
				t.Error("the snippet is left behind")
			}
		})
	}
}

// TestBrokenOffEarlyIsSaid has the operator press Ctrl-C.
func TestBrokenOffEarlyIsSaid(t *testing.T) {
	b := start(t, text(7))
	ctx, cancel := context.WithCancel(t.Context())
	b.hook = func(step string) error {
		if step == "check prepared" {
			cancel()
		}
		return nil
	}
	for range 2 { // the second time it is before the beginning
		_, err := b.AttachAll(ctx, bindings("www.example.com"))
		mustSay(t, err, "zone example.com: nothing was changed: context canceled")
	}
	if _, err := os.Stat(b.snippetPath(customer)); err == nil || b.read() != text(7) {
		t.Error("something was changed")
	}
}

// TestMountedZoneFileIsExplained is of a file that is mounted by itself, as containers
// have them.
func TestMountedZoneFileIsExplained(t *testing.T) {
	o := &original{path: "/zones/a", real: "/zones/a"}
	mustSay(t, o.explain(&os.LinkError{Op: "rename", Old: "/zones/.a", New: "/zones/a", Err: syscall.EBUSY}), "/zones/a: it is mounted here as a file of its own (a bind mount), so no new one can take its place: mount its folder instead; the file is as it was")
}

// TestFolderThatIsSwappedIsNotWrittenTo has the owner of a zone file's folder put a
// symbolic link in its place, after it was read, to have root write elsewhere.
func TestFolderThatIsSwappedIsNotWrittenTo(t *testing.T) {
	dir := t.TempDir()
	zones, elsewhere := filepath.Join(dir, "zones"), filepath.Join(dir, "elsewhere")
	for _, folder := range []string{zones, elsewhere} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(zones, "a"), []byte("a zone"), 0o644); err != nil {
		t.Fatal(err)
	}
	o, err := readOriginal(filepath.Join(zones, "a"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(zones, zones+"~"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, zones); err != nil {
		t.Fatal(err)
	}
	mustSay(t, o.prepare([]byte("another")), filepath.Join(zones, "a")+": its folder is another one by now: nothing of theirs is written over; type the command again")
	if left, _ := os.ReadDir(elsewhere); len(left) > 0 {
		t.Errorf("written elsewhere: %v", left)
	}
}
