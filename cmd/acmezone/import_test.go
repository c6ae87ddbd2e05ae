package main

import (
	"bytes"
	"database/sql"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/acmezone/acmezone/internal/zone"
)

// acmeDNS makes an acme-dns database (1.1 and 2.0, db_version 1) of that many accounts,
// the first of which have real hashes: those are returned. Each has one live value.
func acmeDNS(t testing.TB, path string, accounts, real int) []registered {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	exec := func(statement string, args ...any) {
		t.Helper()
		if _, err := tx.Exec(statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE TABLE acmedns(Name TEXT, Value TEXT)")
	exec("INSERT INTO acmedns VALUES ('db_version', '1')")
	exec("CREATE TABLE records(Username TEXT UNIQUE NOT NULL PRIMARY KEY, Password TEXT UNIQUE NOT NULL, Subdomain TEXT UNIQUE NOT NULL, AllowFrom TEXT)")
	exec("CREATE TABLE txt(Subdomain TEXT NOT NULL, Value TEXT NOT NULL DEFAULT '', LastUpdate INT)")
	var known []registered
	for i := range accounts {
		a := registered{
			Username: fmt.Sprintf("%08x-0000-4000-8000-000000000000", i), Subdomain: fmt.Sprintf("%08x-0000-4000-8000-111111111111", i),
			Password: zone.NewPassword(),
		}
		a.FullDomain = a.Subdomain + ".auth.test"
		hash := []byte(fmt.Sprintf("$2a$10$%053d", i))
		if i < real {
			if hash, err = bcrypt.GenerateFromPassword([]byte(a.Password), 10); err != nil {
				t.Fatal(err)
			}
			known = append(known, a)
		}
		exec("INSERT INTO records VALUES (?, ?, ?, '[]')", a.Username, hash, a.Subdomain)
		exec("INSERT INTO txt VALUES (?, ?, ?)", a.Subdomain, importedValue(i), time.Now().Unix()-60)
		exec("INSERT INTO txt VALUES (?, '', 0)", a.Subdomain)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	return known
}

func importedValue(i int) string { return fmt.Sprintf("%043d", i) }

// TestImportIsTheSameEitherWay: through a running service and on the database, word for
// word, and clients go on with what they have.
func TestImportIsTheSameEitherWay(t *testing.T) {
	source := filepath.Join(t.TempDir(), "acme-dns.db")
	known := acmeDNS(t, source, 50, 2)
	var said [2]string
	for way, running := range []bool{true, false} {
		config := writeTestConfig(t, filepath.Join(t.TempDir(), "s"))
		var p *process
		if running {
			p = start(t, config)
		}
		for _, args := range [][]string{{"--dry-run"}, {}, {}, {"--json"}} {
			out, errs, code := command(t, append([]string{"import", source, "--config", config}, args...)...)
			if code != exitDone || errs != "" {
				t.Fatalf("%q, exit code %d", errs, code)
			}
			said[way] += out
		}
		if !running {
			p = start(t, config)
		}
		for i, a := range known {
			eventually(t, "the value of acme-dns is answered", func() bool {
				return slices.Contains(p.texts(a.FullDomain), importedValue(i))
			})
			wrong := a
			wrong.Password = zone.NewPassword()
			if status := p.update(wrong, newValue()); status != http.StatusUnauthorized {
				t.Errorf("a wrong password: %d", status)
			}
			for range 2 { // by the hash that came, and by the fast one
				txt := newValue()
				if status := p.update(a, txt); status != http.StatusOK || !slices.Contains(p.texts(a.FullDomain), txt) {
					t.Errorf("the client of %s doesn't go on: %d", a.Username, status)
				}
			}
		}
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	}
	if said[0] != said[1] || !strings.Contains(said[0], "accounts: 50 new, 0 already there, 0 skipped\n") {
		t.Errorf("through the service:\n%s\non the database:\n%s", said[0], said[1])
	}
}

func TestRunningServiceTakesNoMoreThanItCan(t *testing.T) {
	config := writeTestConfig(t, t.TempDir())
	source := filepath.Join(t.TempDir(), "acme-dns.db")
	acmeDNS(t, source, 50_001, 0)
	p := start(t, config)
	_, errs, code := command(t, "import", source, "--config", config)
	if code != exitFailed || !strings.HasPrefix(errs, "acmezone: 50001 accounts would keep updates waiting: stop the service, import, and start it again") {
		t.Errorf("%d: %s", code, errs)
	}
	if err := p.stop(); err != nil {
		t.Error(err)
	}
}

// TestSourceThatBreaksOff: what can't be read to its end changes nothing, through a
// running service either.
func TestSourceThatBreaksOff(t *testing.T) {
	source := filepath.Join(t.TempDir(), "acme-dns.db")
	acmeDNS(t, source, 3000, 0)
	db, err := sql.Open("sqlite", "file:"+source)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// A value in the midst of them that fails when it is read.
	if _, err := db.Exec(`ALTER TABLE txt RENAME TO stored;
		CREATE VIEW txt AS SELECT Subdomain, Value, CASE WHEN Subdomain LIKE '00000800%' THEN abs(-9223372036854775808) ELSE LastUpdate END AS LastUpdate
		FROM stored`); err != nil {
		t.Fatal(err)
	}
	config := writeTestConfig(t, t.TempDir())
	for _, running := range []bool{false, true} {
		if running {
			start(t, config)
		}
		_, errs, code := command(t, "import", source, "--config", config)
		if code != exitFailed || !strings.HasPrefix(errs, "acmezone: nothing was imported: "+source+": ") || strings.Count(errs, "\n") != 1 {
			t.Errorf("running %v: %d %s", running, code, errs)
		}
		if n := importedInto(t, config); n != 0 {
			t.Errorf("running %v: %d accounts", running, n)
		}
	}
}

// TestKillDuringImport: all accounts are there afterwards or none, and the same command
// again makes it whole.
func TestKillDuringImport(t *testing.T) {
	source := filepath.Join(t.TempDir(), "acme-dns.db")
	const accounts = 3000
	acmeDNS(t, source, accounts, 0)
	dir := t.TempDir()
	config := writeTestConfig(t, dir)
	seen := make(map[int]int)
	for range crashRounds(t) / 2 {
		for _, f := range []string{"", "-wal", "-shm"} {
			os.Remove(filepath.Join(dir, "acmezone.db"+f))
		}
		killAfter(t, time.Duration(20+mathrand.IntN(600))*time.Millisecond, "import", source, "--config", config)
		checkIntegrity(t, dir)
		n := importedInto(t, config)
		if n != 0 && n != accounts {
			t.Fatalf("%d accounts of %d", n, accounts)
		}
		seen[n]++
		if _, errs, code := command(t, "import", source, "--config", config); code != exitDone {
			t.Fatal(errs)
		}
		if n := importedInto(t, config); n != accounts {
			t.Fatalf("%d accounts after the second time", n)
		}
	}
	t.Logf("%v", seen)
}

// TestInterruptedImport says that nothing was imported, and it wasn't.
func TestInterruptedImport(t *testing.T) {
	source := filepath.Join(t.TempDir(), "acme-dns.db")
	acmeDNS(t, source, 20_000, 0)
	config := writeTestConfig(t, t.TempDir())
	for after := 10 * time.Millisecond; ; after += 20 * time.Millisecond {
		out := signalAfter(t, after, os.Interrupt, "import", source, "--config", config)
		if out == "acmezone: interrupted: nothing was imported\n" {
			break
		}
		if strings.Contains(out, "20000 new") {
			t.Fatalf("it got through after %v: %s", after, out)
		}
	}
	if n := importedInto(t, config); n != 0 {
		t.Errorf("%d accounts", n)
	}
}

// killAfter runs the program and kills it, unless it ends before.
func killAfter(t *testing.T, after time.Duration, args ...string) {
	t.Helper()
	signalAfter(t, after, os.Kill, args...)
}

// signalAfter runs the program, sends it a signal unless it ends before, and returns what
// it printed.
func signalAfter(t *testing.T, after time.Duration, signal os.Signal, args ...string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), beAcmezone+"=1")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Signal(signal) })
	defer timer.Stop()
	_ = cmd.Wait()
	return out.String()
}

// importedInto opens the database as a service would and counts.
func importedInto(t *testing.T, config string) int {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "counted.db")
	out, errs, code := command(t, "backup", copied, "--json", "--config", config)
	if code != exitDone {
		t.Fatal(errs)
	}
	var n int
	if _, err := fmt.Sscanf(out, `{"accounts":%d,`, &n); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	return n
}
