package acmedns

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx", to fill a database with
	"go.uber.org/goleak"

	"github.com/acmezone/acmezone/internal/zone"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The tables of acme-dns 0.8 to 2.0 (db_version 1), and those from before.
const (
	versionsV1 = `CREATE TABLE IF NOT EXISTS acmedns(Name TEXT, Value TEXT)`
	recordsV1  = `CREATE TABLE IF NOT EXISTS records(
		Username TEXT UNIQUE NOT NULL PRIMARY KEY, Password TEXT UNIQUE NOT NULL,
		Subdomain TEXT UNIQUE NOT NULL, AllowFrom TEXT)`
	txtV1       = `CREATE TABLE IF NOT EXISTS txt(Subdomain TEXT NOT NULL, Value TEXT NOT NULL DEFAULT '', LastUpdate INT)`
	txtPostgres = `CREATE TABLE IF NOT EXISTS txt(rowid SERIAL, Subdomain TEXT NOT NULL, Value TEXT NOT NULL DEFAULT '', LastUpdate INT)`
	recordsV0   = `CREATE TABLE IF NOT EXISTS records(
		Username TEXT UNIQUE NOT NULL PRIMARY KEY, Password TEXT UNIQUE NOT NULL,
		Subdomain TEXT UNIQUE NOT NULL, Value TEXT, LastActive INT, AllowFrom TEXT)`
)

// bcryptOf is a hash in the right form; each is another.
func bcryptOf(i int) string { return fmt.Sprintf("$2a$10$%053d", i) }

func id(i int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", i) }

func challenge(c string) string { return strings.Repeat(c, 43) }

// installation is an acme-dns database that a test makes.
type installation struct {
	t      *testing.T
	source string // what Open takes
	db     *sql.DB
	blob   bool // passwords are bound as bytes, as acme-dns does
}

func (i *installation) exec(statement string, args ...any) {
	i.t.Helper()
	if _, err := i.db.Exec(statement, args...); err != nil {
		i.t.Fatalf("%s: %v", statement, err)
	}
}

func (i *installation) account(n int, username, subdomain string, allowFrom any) {
	i.t.Helper()
	var password any = bcryptOf(n)
	if i.blob {
		password = []byte(bcryptOf(n))
	}
	i.exec("INSERT INTO records (Username, Password, Subdomain, AllowFrom) VALUES ($1, $2, $3, $4)", username, password, subdomain, allowFrom)
}

func (i *installation) value(subdomain, value string, at int64) {
	i.t.Helper()
	i.exec("INSERT INTO txt (Subdomain, Value, LastUpdate) VALUES ($1, $2, $3)", subdomain, value, at)
}

// newSQLite makes an empty database with those tables.
func newSQLite(t *testing.T, tables ...string) *installation {
	t.Helper()
	path := filepath.Join(t.TempDir(), "acme-dns.db")
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	i := &installation{t, path, db, true}
	for _, table := range tables {
		i.exec(table)
	}
	return i
}

func newV1(t *testing.T) *installation {
	i := newSQLite(t, versionsV1, recordsV1, txtV1)
	i.exec("INSERT INTO acmedns (Name, Value) VALUES ('db_version', '1')")
	return i
}

// newPostgres starts a PostgreSQL of its own, as acme-dns' layout.
func newPostgres(t *testing.T) *installation {
	t.Helper()
	address := startPostgres(t)
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	i := &installation{t, address, db, false}
	for _, table := range []string{versionsV1, recordsV1, txtPostgres} {
		i.exec(table)
	}
	i.exec("INSERT INTO acmedns (Name, Value) VALUES ('db_version', '1')")
	return i
}

// startPostgres runs a server on a socket in a folder and returns its URL. It refuses
// to run as root, so then it runs as its own user.
func startPostgres(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	credential := postgresUser(t, dir)
	data := filepath.Join(dir, "data")
	program := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(postgresProgram(t, name), args...)
		cmd.Dir = dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
		return cmd
	}
	if out, err := program("initdb", "-D", data, "-U", "acmedns", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	server := program("postgres", "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off")
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	server.Stdout, server.Stderr = log, log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGINT) // "fast" shutdown
		_ = server.Wait()
		log.Close()
	})
	address := "postgres://acmedns:secret-word@/postgres?host=" + dir
	awaitPostgres(t, address, log.Name())
	return address
}

func awaitPostgres(t *testing.T, address, log string) {
	t.Helper()
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	deadline := time.Now().Add(time.Minute)
	for db.Ping() != nil {
		if time.Now().After(deadline) {
			said, _ := os.ReadFile(log)
			t.Fatalf("PostgreSQL doesn't answer: %s", said)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// postgresProgram finds a program of PostgreSQL, which Debian keeps off the path.
func postgresProgram(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	if len(found) == 0 {
		t.Fatalf("%s is missing: apt-get install postgresql", name)
	}
	return found[len(found)-1]
}

func postgresUser(t *testing.T, dir string) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Fatalf("PostgreSQL doesn't run as root: %v; apt-get install postgresql makes its user", err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// readAll reads a source to its end.
func readAll(t testing.TB, source string) (*Source, Summary, []zone.ImportRow) {
	t.Helper()
	s, err := Open(context.Background(), source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	var sum Summary
	var rows []zone.ImportRow
	for row, err := range s.Rows(context.Background(), &sum) {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return s, sum, rows
}
