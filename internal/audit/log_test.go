package audit

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// bed is a log whose time the test sets.
type bed struct {
	*Log
	t    *testing.T
	path string
	said *bytes.Buffer
	now  time.Time
}

func start(t *testing.T) *bed {
	t.Helper()
	b := &bed{t: t, path: filepath.Join(t.TempDir(), "audit.log"), said: &bytes.Buffer{}, now: time.Date(2026, 11, 27, 16, 0, 0, 0, time.FixedZone("", 3600))}
	b.open()
	t.Cleanup(func() { b.Close() })
	return b
}

func (b *bed) open() {
	b.t.Helper()
	l, err := Open(Options{
		Path: b.path, Database: b.path, Log: slog.New(slog.NewTextHandler(b.said, nil)),
		Now: func() time.Time { return b.now },
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.Log = l
}

func (b *bed) text() string {
	b.t.Helper()
	text, err := os.ReadFile(b.path)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

func TestLine(t *testing.T) {
	b := start(t)
	uid := uint32(1000)
	b.Write(Entry{Event: "remove_value", Result: OK, Owner: "x", Who: Who{UID: &uid, User: "anna", PID: 7}, Via: ViaDatabase})
	want := `{"time":"2026-11-27T15:00:00.000Z","event":"remove_value","result":"ok","owner":"x","uid":1000,"user":"anna","pid":7,"via":"database"}` + "\n"
	if got := b.text(); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// TestLineIsOneLine whatever strangers have a say in.
func TestLineIsOneLine(t *testing.T) {
	b := start(t)
	nasty := "x\n{\"event\":\"update\"}\r\x1b[2J\x00\xff\u2028</script>" + strings.Repeat("é", 1000)
	b.Write(Entry{Event: "bind", Domain: nasty, Account: nasty}.Fail(Refused, "forbidden", errors.New(nasty)))
	text := b.text()
	if strings.Count(text, "\n") != 1 || strings.ContainsAny(text, "\r\x1b\x00\u2028") {
		t.Errorf("%q", text)
	}
	lines := readLog(t, b.path)
	if len(lines) != 1 || len(lines[0]["detail"].(string)) > maxDetail+len("…") {
		t.Errorf("%v", lines)
	}
}

func TestRotation(t *testing.T) {
	b := start(t)
	b.Write(Entry{Event: "first"})
	if err := os.Rename(b.path, b.path+".1"); err != nil {
		t.Fatal(err)
	}
	b.Write(Entry{Event: "second"})
	if err := os.Remove(b.path); err != nil {
		t.Fatal(err)
	}
	b.Write(Entry{Event: "third"})
	if lines := readLog(t, b.path+".1"); len(lines) != 1 || lines[0]["event"] != "first" {
		t.Errorf("the old file: %v", lines)
	}
	if lines := readLog(t, b.path); len(lines) != 1 || lines[0]["event"] != "third" {
		t.Errorf("the new file: %v", lines)
	}
	if err := os.Truncate(b.path, 0); err != nil { // copytruncate
		t.Fatal(err)
	}
	b.Write(Entry{Event: "fourth"})
	if lines := readLog(t, b.path); len(lines) != 1 {
		t.Errorf("after a truncation: %v", lines)
	}
	if b.said.Len() > 0 {
		t.Errorf("it said %s", b.said)
	}
}

// TestUnwritable: work goes on, it is said once, and it is over by itself.
func TestUnwritable(t *testing.T) {
	b := start(t)
	if err := os.Rename(b.path, b.path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(b.path, 0o700); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		b.Write(Entry{Event: "update", Result: OK})
	}
	if err := b.Fault(); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("fault: %v", err)
	}
	if err := os.Remove(b.path); err != nil {
		t.Fatal(err)
	}
	b.Write(Entry{Event: "update", Result: OK})
	if err := b.Fault(); err != nil {
		t.Errorf("fault: %v", err)
	}
	if s := b.Stats(); s.Failed != 3 || s.Written != 1 {
		t.Errorf("%+v", s)
	}
	said := b.said.String()
	if strings.Count(said, "takes no lines") != 1 || strings.Count(said, "takes lines again") != 1 {
		t.Errorf("it said %s", said)
	}
}

// TestTornLine is what a full disk leaves: the next line begins anew.
func TestTornLine(t *testing.T) {
	b := start(t)
	b.Close()
	if err := os.WriteFile(b.path, []byte(`{"time":"2026-11`), 0o600); err != nil {
		t.Fatal(err)
	}
	b.open()
	b.Write(Entry{Event: "update", Result: OK})
	if text := b.text(); !strings.HasPrefix(text, "{\"time\":\"2026-11\n{\"time\"") || !strings.HasSuffix(text, "}\n") {
		t.Errorf("%q", text)
	}
}

// TestFloodOfRefusals fills no disk, hides nothing else, and says how much is missing.
func TestFloodOfRefusals(t *testing.T) {
	b := start(t)
	const seconds, each = 100, 1000
	for range seconds {
		for range each {
			b.Write(Entry{Event: "login_failed", Result: Refused})
		}
		b.now = b.now.Add(time.Second)
	}
	b.Write(Entry{Event: "update", Result: OK})
	b.Close()
	count := map[any]int{}
	leftOut := 0.0
	lines := readLog(t, b.path)
	for _, line := range lines {
		count[line["event"]]++
		if line["event"] == "left_out" {
			leftOut += line["count"].(float64)
		}
	}
	refused := count["login_failed"]
	if most := refusedBurst + 2*seconds; refused > most || refused < most-10 {
		t.Errorf("%d lines of refusals, want %d", refused, most)
	}
	if count["update"] != 1 || refused+int(leftOut) != seconds*each || count["left_out"] > seconds/10+1 {
		t.Errorf("%v, %v left out", count, leftOut)
	}
}

// TestOwner: what root makes belongs to who owns the database's folder.
func TestOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		return // it is about root alone
	}
	b := start(t)
	b.Close()
	const service = 12345
	if err := errors.Join(os.Remove(b.path), os.Chown(filepath.Dir(b.path), service, service)); err != nil {
		t.Fatal(err)
	}
	b.open()
	info, err := os.Stat(b.path)
	if err != nil {
		t.Fatal(err)
	}
	if stat := info.Sys().(*syscall.Stat_t); stat.Uid != service || stat.Gid != service || info.Mode() != fileMode {
		t.Errorf("user %d, group %d, mode %v", stat.Uid, stat.Gid, info.Mode())
	}
}

// TestRootFollowsNobody: the folder may be the service's, which must not lead root's
// lines elsewhere.
func TestRootFollowsNobody(t *testing.T) {
	if os.Geteuid() != 0 {
		return // it is about root alone
	}
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	for what, trap := range map[string]func(path string) error{
		"a symbolic link":        func(path string) error { return os.Symlink(victim, path) },
		"a second name":          func(path string) error { return os.Link(victim, path) },
		"a pipe":                 func(path string) error { return syscall.Mkfifo(path, 0o666) },
		"a symbolic link before": func(path string) error { return os.Symlink(dir, filepath.Dir(path)) },
	} {
		if err := os.WriteFile(victim, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		sub := filepath.Join(dir, "sub")
		if !strings.HasSuffix(what, "before") {
			if err := os.MkdirAll(sub, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(sub, "audit.log")
		if err := trap(path); err != nil {
			t.Fatal(err)
		}
		l, err := Open(Options{Path: path, Database: path, Log: slog.Default()})
		l.Write(Entry{Event: "update"})
		l.Close()
		if text, _ := os.ReadFile(victim); err == nil || len(text) > 0 {
			t.Errorf("%s: %v, %s", what, err, text)
		}
		if err := os.RemoveAll(sub); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpenSaysWhatToDo(t *testing.T) {
	_, err := Open(Options{Path: filepath.Join(t.TempDir(), "none", "audit.log")})
	if err == nil || !strings.Contains(err.Error(), "make its folder") {
		t.Error(err)
	}
}

// TestMove: each line is in the file that was the log's when it was written.
func TestMove(t *testing.T) {
	b := start(t)
	b.Write(Entry{Event: "first"})
	for range refusedBurst + 7 {
		b.Write(Entry{Event: "login_failed", Result: Refused})
	}
	other := filepath.Join(t.TempDir(), "other.log")
	b.move(other)
	b.Write(Entry{Event: "second"})
	b.move("")
	b.Write(Entry{Event: "nobody wants it"})
	b.move(b.path)
	b.Write(Entry{Event: "third"})
	lines := readLog(t, b.path)
	if n := len(lines); n != refusedBurst+3 || lines[n-2]["count"] != 7.0 || lines[n-1]["event"] != "third" {
		t.Errorf("%d lines, %v", n, lines[max(0, n-2):])
	}
	if lines := readLog(t, other); len(lines) != 1 || lines[0]["event"] != "second" {
		t.Errorf("%v", lines)
	}
	if b.Stats().Written != refusedBurst+4 || b.said.Len() > 0 {
		t.Errorf("%+v; it said %s", b.Stats(), b.said)
	}
}

func (b *bed) move(path string) {
	b.t.Helper()
	to, err := b.Prepare(path)
	if err != nil {
		b.t.Fatal(err)
	}
	b.Move(to)
	to.Close()
}

// TestMoveFromAFault: that the old file couldn't be written says nothing of the new one.
func TestMoveFromAFault(t *testing.T) {
	b := start(t)
	if err := errors.Join(os.Remove(b.path), os.Mkdir(b.path, 0o700)); err != nil {
		t.Fatal(err)
	}
	b.Write(Entry{Event: "update", Result: OK})
	if _, err := b.Prepare(b.path); err == nil || b.Fault() == nil {
		t.Error("a folder takes lines")
	}
	b.move(b.path + ".new")
	if err := b.Fault(); err != nil {
		t.Error(err)
	}
	b.Write(Entry{Event: "update", Result: OK})
	if lines := readLog(t, b.path+".new"); len(lines) != 1 {
		t.Errorf("%v", lines)
	}
}

func TestMoveWhileWriting(t *testing.T) {
	b := start(t)
	paths := []string{b.path, b.path + ".2"}
	var writing sync.WaitGroup
	for range 4 {
		writing.Go(func() {
			for range 100 {
				b.Write(Entry{Event: "update", Result: OK})
			}
		})
	}
	for i := range 50 {
		b.move(paths[i%2])
	}
	writing.Wait()
	if n := len(readLog(t, paths[0])) + len(readLog(t, paths[1])); n != 400 || b.Stats().Failed > 0 {
		t.Errorf("%d lines; %+v", n, b.Stats())
	}
}

func TestNoLog(t *testing.T) {
	var none *Log
	none.Write(Entry{})
	if none.Fault() != nil || none.Close() != nil || none.Stats() != (Stats{}) {
		t.Error("a log that isn't wanted says something")
	}
}

func TestPeer(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	who, self := Peer(server), Self()
	if who.UID == nil || *who.UID != *self.UID || who.PID != self.PID || who.User != self.User {
		t.Errorf("%v, want %v", who, self)
	}
}

func BenchmarkWrite(b *testing.B) {
	l, err := Open(Options{Path: filepath.Join(b.TempDir(), "audit.log"), Log: slog.Default()})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	entry := Entry{
		Event: "update", Result: OK, Account: "74903346-ec15-46aa-86f7-b110220c619a", Subdomain: "3e3945ac-de82-4049-a10e-97edcb837b51",
		Value: "hnD2HPvhkz5NZnZvVL9yiBhdp4M7y5btDJTiGKlQ3IM", Client: "127.0.0.1",
	}
	for b.Loop() {
		l.Write(entry)
	}
}
