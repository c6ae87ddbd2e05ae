package acmedns

import (
	"context"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/acmezone/acmezone/internal/zone"
)

// fillWithOddities puts one account of every kind into an installation.
func fillWithOddities(i *installation) {
	i.account(1, id(1), "plain", `["192.0.2.0/24","2001:db8::/32"]`)
	i.value("plain", challenge("a"), 1700000100)
	i.value("plain", challenge("b"), 1700000200)
	i.account(2, id(2), "idle", `[]`)
	i.value("idle", "", 0)
	i.value("idle", "", 0)
	i.account(3, id(3), "nulls", nil)
	i.value("nulls", challenge("c"), 1700000300)
	i.value("nulls", "", 0)
	i.account(4, id(4), "empty", "")
	i.account(5, strings.ToUpper("abcdef00-0000-4000-8000-000000000005"), "UPPER-Case", `["", "198.51.100.7"]`)
	i.value("UPPER-Case", challenge("d"), 1700000400)
	i.account(6, "{00000000-0000-4000-8000-000000000006}", "half", `["nonsense", "203.0.113.0/24"]`)
	for n, c := range []string{"e", "f", "g"} {
		i.value("half", challenge(c), 1700000500+int64(n))
	}
	i.account(7, id(7), "bad", `["nonsense", "10.0.0.0/99"]`)
	i.value("bad", "", 0)
	i.account(8, id(8), "broken", `["10.0.0.0/8"`)
	i.value("broken", "", 0)
	i.account(9, "admin", "no-uuid", `[]`)
	i.value("orphan", challenge("h"), 1700000600)
	i.value("orphan", "", 0)
}

// wantOddities is what must be said about them, whatever the database.
var wantOddities = []string{
	`the row with user name "admin" and subdomain "no-uuid" is skipped: the user name is no UUID`,
	"account 00000000-0000-4000-8000-000000000004 (empty) has no row for its values: acme-dns has answered its updates and served none",
	`account 00000000-0000-4000-8000-000000000006 (half) has 3 rows of values instead of 2: the newest count`,
	`account 00000000-0000-4000-8000-000000000006 (half) loses entries of its allow list that are no networks: ["nonsense"]`,
	`account 00000000-0000-4000-8000-000000000007 (bad) is closed: no entry of its allow list ["nonsense" "10.0.0.0/99"] is a network, and acme-dns let everybody in`,
	"account 00000000-0000-4000-8000-000000000008 (broken) is closed: its allow list \"[\\\"10.0.0.0/8\\\"\" can't be read, and acme-dns let everybody in",
	`2 rows of values belong to no account: subdomain "orphan"`,
}

type seen struct {
	Subdomain, Bcrypt, AllowFrom string
	Updated                      int64
	Values                       []zone.Value
}

func allowFrom(t *testing.T, r zone.ImportRow) string {
	t.Helper()
	text, err := r.Account.AllowFrom.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func checkOddities(t *testing.T, sum Summary, rows []zone.ImportRow) {
	t.Helper()
	got := make(map[string]seen)
	for _, r := range rows {
		var updated int64
		if !r.Account.Updated.IsZero() {
			updated = r.Account.Updated.Unix()
		}
		got[r.Account.Username] = seen{r.Account.Subdomain, r.Account.Bcrypt, allowFrom(t, r), updated, r.Values}
	}
	v := func(c string, at int64) zone.Value { return zone.Value{Text: challenge(c), SetAt: at} }
	want := map[string]seen{
		id(1):                                  {"plain", bcryptOf(1), `["192.0.2.0/24","2001:db8::/32"]`, 1700000200, []zone.Value{v("b", 1700000200), v("a", 1700000100)}},
		id(2):                                  {"idle", bcryptOf(2), "[]", 0, nil},
		id(3):                                  {"nulls", bcryptOf(3), "[]", 1700000300, []zone.Value{v("c", 1700000300)}},
		id(4):                                  {"empty", bcryptOf(4), "[]", 0, nil},
		"abcdef00-0000-4000-8000-000000000005": {"upper-case", bcryptOf(5), `["198.51.100.7/32"]`, 1700000400, []zone.Value{v("d", 1700000400)}},
		id(6):                                  {"half", bcryptOf(6), `["203.0.113.0/24"]`, 1700000502, []zone.Value{v("g", 1700000502), v("f", 1700000501)}},
		id(7):                                  {"bad", bcryptOf(7), "null", 0, nil},
		id(8):                                  {"broken", bcryptOf(8), "null", 0, nil},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	odd := make(map[string]bool)
	for _, o := range sum.Odd {
		odd[o] = true
	}
	for _, o := range wantOddities {
		if !odd[o] {
			t.Errorf("not said: %s", o)
		}
		delete(odd, o)
	}
	for o := range odd {
		t.Errorf("said without a reason: %s", o)
	}
	sum.Odd = nil
	wantSum := Summary{Accounts: 9, Unusable: 1, Open: 3, NeverUsed: 4, BadLists: 3, Oldest: time.Unix(1700000200, 0), Newest: time.Unix(1700000502, 0)}
	if diff := cmp.Diff(wantSum, sum); diff != "" {
		t.Error(diff)
	}
}

func TestEveryKindOfRowFromSQLite(t *testing.T) {
	i := newV1(t)
	fillWithOddities(i)
	before := folderState(t, filepath.Dir(i.source))
	s, sum, rows := readAll(t, i.source)
	checkOddities(t, sum, rows)
	if n, err := s.Count(context.Background()); err != nil || n != 9 {
		t.Errorf("%d, %v", n, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(before, folderState(t, filepath.Dir(i.source))); diff != "" {
		t.Errorf("the source was touched: %s", diff)
	}
}

func TestEveryKindOfRowFromPostgres(t *testing.T) {
	i := newPostgres(t)
	fillWithOddities(i)
	s, sum, rows := readAll(t, i.source)
	checkOddities(t, sum, rows)
	if strings.Contains(s.Name, "secret-word") {
		t.Errorf("the password is shown: %s", s.Name)
	}
	var before, after int
	if err := i.db.QueryRow("SELECT count(*) FROM txt").Scan(&before); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := i.db.QueryRow("SELECT count(*) FROM txt").Scan(&after); err != nil || before != after {
		t.Errorf("%d rows, were %d, %v", after, before, err)
	}
	i.exec("CREATE ROLE stranger LOGIN PASSWORD 'secret-word'")
	stranger := strings.Replace(i.source, "acmedns:", "stranger:", 1)
	if _, err := Open(t.Context(), stranger); err == nil || !strings.Contains(err.Error(), "permission denied for table records") || strings.Contains(err.Error(), "secret-word") {
		t.Error(err)
	}
	i.exec("DROP TABLE records")
	if _, err := Open(t.Context(), i.source); err == nil || !strings.Contains(err.Error(), "it holds no table 'records'") {
		t.Error(err)
	}
}

func TestEveryKindOfRowFromCSV(t *testing.T) {
	i := newV1(t)
	fillWithOddities(i)
	dir := t.TempDir()
	writeCSV(t, i.db, "SELECT username, password, subdomain, allowfrom FROM records", filepath.Join(dir, "records.csv"))
	writeCSV(t, i.db, "SELECT rowid, subdomain, value, lastupdate FROM txt", filepath.Join(dir, "txt.csv"))
	for _, source := range []string{dir, filepath.Join(dir, "records.csv")} {
		_, sum, rows := readAll(t, source)
		checkOddities(t, sum, rows)
	}
}

// writeCSV writes a query's rows as psql's \copy does: NULL as an empty field.
func writeCSV(t *testing.T, db *sql.DB, query, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, _ := rows.Columns()
	w := csv.NewWriter(f)
	w.Write(columns)
	for rows.Next() {
		fields := make([]sql.NullString, len(columns))
		into := make([]any, len(columns))
		for i := range fields {
			into[i] = &fields[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		var record []string
		for _, f := range fields {
			record = append(record, f.String)
		}
		w.Write(record)
	}
	w.Flush()
	if err := w.Error(); err != nil {
		t.Fatal(err)
	}
}

type fileState struct {
	Content string
	At      time.Time
}

func folderState(t *testing.T, dir string) map[string]fileState {
	t.Helper()
	all := make(map[string]fileState)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			all[path] = fileState{string(content), info.ModTime()}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestVersion0: the value of an account stood in records then, and acme-dns had no
// table that says its version.
func TestVersion0(t *testing.T) {
	i := newSQLite(t, recordsV0)
	i.exec("INSERT INTO records (Username, Password, Subdomain, Value, LastActive, AllowFrom) VALUES (?, ?, 'old', ?, 1500000000, NULL)",
		id(1), []byte(bcryptOf(1)), challenge("a"))
	i.exec("INSERT INTO records (Username, Password, Subdomain) VALUES (?, ?, 'older')", id(2), []byte(bcryptOf(2)))
	_, sum, rows := readAll(t, i.source)
	if len(rows) != 2 || rows[0].Values[0] != (zone.Value{Text: challenge("a"), SetAt: 1500000000}) || len(rows[1].Values) != 0 {
		t.Errorf("%+v", rows)
	}
	if len(sum.Odd) != 0 || sum.NeverUsed != 1 {
		t.Errorf("%+v", sum)
	}
}

// TestUpgradedFromVersion0: the old column stays in an upgraded database, and means
// nothing.
func TestUpgradedFromVersion0(t *testing.T) {
	i := newSQLite(t, versionsV1, recordsV0, txtV1)
	i.exec("INSERT INTO acmedns (Name, Value) VALUES ('db_version', '1')")
	i.exec("INSERT INTO records (Username, Password, Subdomain, Value, LastActive) VALUES (?, ?, 'x', ?, 1500000000)",
		id(1), []byte(bcryptOf(1)), challenge("a"))
	i.value("x", challenge("b"), 1600000000)
	i.value("x", "", 0)
	_, _, rows := readAll(t, i.source)
	if len(rows) != 1 || len(rows[0].Values) != 1 || rows[0].Values[0].Text != challenge("b") {
		t.Errorf("%+v", rows)
	}
}

func TestRefusedSources(t *testing.T) {
	dir := t.TempDir()
	newer := newV1(t)
	newer.exec("UPDATE acmedns SET Value = '2'")
	other := newSQLite(t, "CREATE TABLE records (id INT)")
	none := newSQLite(t, "CREATE TABLE something (id INT)")
	ours := newSQLite(t, "PRAGMA application_id = 1633906042", "CREATE TABLE accounts (id INT)")
	text := filepath.Join(dir, "text.db")
	noHeader := filepath.Join(dir, "empty.csv")
	wrongHeader := filepath.Join(dir, "wrong.csv")
	for path, content := range map[string]string{text: "hello\n", noHeader: "", wrongHeader: "a,b\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for source, want := range map[string]string{
		filepath.Join(dir, "none"):               "there is no such file",
		text:                                     "it is no SQLite database",
		newer.source:                             `its db_version is "2", and the latest that is known is 1`,
		other.source:                             "has no column username",
		none.source:                              "it holds no table 'records'",
		ours.source:                              "it is a database of acmezone",
		noHeader:                                 "it has no header",
		wrongHeader:                              "its header has no column username",
		dir:                                      "it is a folder without a records.csv",
		"postgres://u:secret-word@127.0.0.1:1/x": "psql with the same URL must get in",
		"postgres://u:secret-word@host:port/database": "it can't be read",
	} {
		_, err := Open(context.Background(), source)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret-word") {
			t.Errorf("%s: %v, want %q", source, err, want)
		}
	}
}

// TestSourceWithAWriteAheadLog: reading it would make a -shm file, so a copy is read,
// with what only the log holds.
func TestSourceWithAWriteAheadLog(t *testing.T) {
	i := newV1(t)
	i.exec("PRAGMA journal_mode = WAL")
	i.db.SetMaxOpenConns(1)
	fillWithOddities(i)
	dir := snapshotOf(t, i.source)
	before := folderState(t, dir)
	s, sum, rows := readAll(t, filepath.Join(dir, "acme-dns.db"))
	checkOddities(t, sum, rows)
	if len(s.Notes) != 1 || !strings.Contains(s.Notes[0], "a copy of") {
		t.Errorf("%q", s.Notes)
	}
	if diff := cmp.Diff(before, folderState(t, dir)); diff != "" {
		t.Errorf("the source was touched: %s", diff)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.folder); !os.IsNotExist(err) {
		t.Errorf("the copy is left: %v", err)
	}
}

// TestSourceThatCrashed: a transaction that acme-dns hadn't finished is taken back in
// a copy, and the journal stays where it is.
func TestSourceThatCrashed(t *testing.T) {
	i := newV1(t)
	fillWithOddities(i)
	i.db.SetMaxOpenConns(1)
	i.exec("PRAGMA cache_size = 1; PRAGMA cache_spill = 1")
	i.exec("BEGIN IMMEDIATE")
	for n := range 2000 { // more than the cache holds, so that it is written before its end
		i.value("plain", fmt.Sprintf("%043d", n), 1800000000+int64(n))
	}
	dir := snapshotOf(t, i.source)
	i.exec("ROLLBACK")
	if !exists(filepath.Join(dir, "acme-dns.db-journal")) {
		t.Fatal("no journal was left: this test shows nothing")
	}
	before := folderState(t, dir)
	_, sum, rows := readAll(t, filepath.Join(dir, "acme-dns.db"))
	checkOddities(t, sum, rows)
	if diff := cmp.Diff(before, folderState(t, dir)); diff != "" {
		t.Errorf("the source was touched: %s", diff)
	}
}

// snapshotOf copies a database as a crash would leave it.
func snapshotOf(t *testing.T, path string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, suffix := range []string{"", "-wal", "-journal"} {
		content, err := os.ReadFile(path + suffix)
		if os.IsNotExist(err) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(path)+suffix), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestSourceNobodyMayWrite: neither the file nor its folder.
func TestSourceNobodyMayWrite(t *testing.T) {
	i := newV1(t)
	fillWithOddities(i)
	dir := filepath.Dir(i.source)
	if err := os.Chmod(i.source, 0o400); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700)
	before, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, sum, rows := readAll(t, i.source)
	checkOddities(t, sum, rows)
	after, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if before.Sys().(*syscall.Stat_t).Ctim != after.Sys().(*syscall.Stat_t).Ctim {
		t.Error("the folder was touched")
	}
}

func TestCSVNamesLinesOfTheWrongLength(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{
		"records.csv": "\ufeffUsername,Password,Subdomain,AllowFrom\n" + id(1) + "," + bcryptOf(1) + ",one,[]\n" + id(2) + "," + bcryptOf(2) + "\n",
		"txt.csv":     "Subdomain,Value,LastUpdate\none,,0\none," + challenge("a") + ",never\n",
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, sum, rows := readAll(t, dir)
	want := []string{"line 3 of records is skipped: it has 2 fields instead of 4"}
	if diff := cmp.Diff(want, sum.Odd); diff != "" || len(rows) != 1 || rows[0].Values[0].SetAt != 0 {
		t.Error(diff, rows)
	}
}

// FuzzCSV: whatever the files hold, what comes out is an account or a reason, and the
// text of a row can be carried to a running service and back. Each input is a database
// in files: fuzztime 5000x.
func FuzzCSV(f *testing.F) {
	f.Add("username,password,subdomain,allowfrom\n"+id(1)+","+bcryptOf(1)+",One,\"[\"\"10.0.0.0/8\"\"]\"\n", "subdomain,value,lastupdate\nOne,"+challenge("a")+",1700000000\n")
	f.Add("username,password,subdomain\n{"+id(1)+"},\\x24,a.b\n", "subdomain,value,lastupdate\n,,\n")
	f.Add("Subdomain,Username,Password,AllowFrom,Value\n\"\",\"\",\"\",null,\"x\ny\"\n", "x")
	f.Fuzz(func(t *testing.T, records, values string) {
		dir := t.TempDir()
		for name, content := range map[string]string{"records.csv": records, "txt.csv": values} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, err := Open(context.Background(), dir)
		if err != nil {
			if strings.Contains(err.Error(), "\x00") {
				t.Errorf("%q", err)
			}
			return
		}
		defer s.Close()
		var sum Summary
		var n int
		for row, err := range s.Rows(context.Background(), &sum) {
			if err != nil {
				t.Fatal(err)
			}
			n++
			text, err := json.Marshal(row)
			if err != nil {
				t.Fatal(err)
			}
			var back zone.ImportRow
			if err := json.Unmarshal(text, &back); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if row.Account.Subdomain != strings.ToLower(row.Account.Subdomain) || len(row.Values) > served {
				t.Errorf("%+v", row)
			}
		}
		if n+sum.Unusable != sum.Accounts || sum.Open+sum.Unusable > sum.Accounts {
			t.Errorf("%d rows, %+v", n, sum)
		}
	})
}
