package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/acmezone/acmezone/internal/client"
	"github.com/acmezone/acmezone/internal/flock"
	"github.com/acmezone/acmezone/internal/zone"
)

func mustCommand(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, code := command(t, args...)
	if code != exitDone {
		t.Fatalf("%v: exit code %d: %s", args, code, stderr)
	}
	return stdout
}

func accountsIn(t *testing.T, path string) map[string]client.Stored {
	t.Helper()
	text, err := os.ReadFile(path)
	var all map[string]client.Stored
	if err := errors.Join(err, json.Unmarshal(text, &all)); err != nil {
		t.Fatal(err)
	}
	return all
}

// makeToken makes the token "elsewhere" at the service that runs in that folder.
func makeToken(t *testing.T, dir string, domains ...string) string {
	t.Helper()
	text := zone.NewToken()
	token := zone.Token{ID: "elsewhere", Secret: zone.SecretOf(text), Uses: -1, Domains: domains}
	service, err := client.Dial(t.Context(), filepath.Join(dir, "admin.sock"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(service.Do(t.Context(), zone.CreateToken{Token: token}), service.Close()); err != nil {
		t.Fatal(err)
	}
	return text
}

// TestCNAMEsThreeWaysIn has the same domain from the database, from the running
// service, and from another machine.
func TestCNAMEsThreeWaysIn(t *testing.T) {
	dir := t.TempDir()
	config, storage := writeTestConfig(t, dir), filepath.Join(dir, "accounts.json")
	first := mustCommand(t, "cname", "a.test", "--config", config, "--storage", storage)
	p := start(t, config)
	if second := mustCommand(t, "cname", "a.test", "--config", config); second != first {
		t.Errorf("from the service: %s", cmp.Diff(first, second))
	}
	token := makeToken(t, dir, "*.test")
	remote := func(args ...string) []string {
		return append(args, "--server", "http://"+p.api, "--token", token)
	}
	if third := mustCommand(t, remote("cname", "a.test")...); third != first {
		t.Errorf("from elsewhere: %s", cmp.Diff(first, third))
	}
	fresh := mustCommand(t, remote("cname", "b.test", "--storage", storage)...)
	if again := mustCommand(t, "cname", "b.test", "--config", config); again != fresh {
		t.Errorf("made from elsewhere: %s", cmp.Diff(fresh, again))
	}
	for domain, a := range accountsIn(t, storage) {
		if status := p.update(registered{Username: a.Username, Password: a.Password, Subdomain: a.Subdomain}, newValue()); status != 200 {
			t.Errorf("the credentials of %s: %d", domain, status)
		}
	}
	for _, c := range []struct{ args, want string }{
		{"cname a.example", "not good for that domain"},
		{"token list", "flag provided but not defined"},
	} {
		_, stderr, code := command(t, remote(strings.Fields(c.args)...)...)
		if code == exitDone || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit code %d: %s", c.args, code, stderr)
		}
	}
}

func TestServerGivesThePasswordOfWhatItKnows(t *testing.T) {
	dir := t.TempDir()
	config, storage := writeTestConfig(t, dir), filepath.Join(dir, "elsewhere.json")
	p := start(t, config)
	mustCommand(t, "cname", "a.test", "--config", config)
	token := makeToken(t, dir, "a.test")
	mustCommand(t, "cname", "a.test", "--server", "http://"+p.api, "--token", token, "--storage", storage)
	a := accountsIn(t, storage)["a.test"]
	credentials := registered{Username: a.Username, Password: a.Password, Subdomain: a.Subdomain}
	if status := p.update(credentials, newValue()); status != 200 {
		t.Errorf("the password that the token gives out: %d", status)
	}
	mustCommand(t, "token", "revoke", "elsewhere", "--config", config)
	if status := p.update(credentials, newValue()); status != 401 {
		t.Errorf("after the token's end: %d", status)
	}
}

// stubborn is a directory that fails to make the accounts of some domains.
type stubborn struct {
	here
	refuses string
}

func (s stubborn) find(context.Context, string) (zone.Account, *credentials, error) {
	return zone.Account{}, nil, zone.ErrNoAccount
}

func (s stubborn) prepare(ctx context.Context, domain string) (credentials, error) {
	return credentials{domain, client.Stored{Username: "user-" + domain, FullDomain: domain + ".auth.test"}}, nil
}

func (s stubborn) enroll(_ context.Context, new credentials, _ string) (bool, error) {
	if new.domain == s.refuses {
		return false, zone.ErrNotStored
	}
	return false, nil
}

// TestStorageOfAnotherCommandIsNotWaitedForForEver: Ctrl-C ends it.
func TestStorageOfAnotherCommandIsNotWaitedForForEver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "accounts.json")
	file, err := openAccountFile(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.close()
	interrupted, interrupt := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := openAccountFile(interrupted, path)
		ended <- err
	}()
	interrupt()
	select {
	case err := <-ended:
		if !errors.Is(err, flock.ErrHeld) {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it waits on")
	}
}

func TestCredentialsOfWhatWasNotMadeAreDropped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "accounts.json")
	file, err := openAccountFile(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.close()
	n := &cnames{directory: stubborn{refuses: "b.test"}, stderr: &bytes.Buffer{}}
	done, fresh, err := n.enrollSome(t.Context(), []string{"a.test", "b.test", "c.test"}, &keeper{file}, "")
	if !errors.Is(err, zone.ErrNotStored) || len(done) != 1 || done[0].domain != "a.test" || len(fresh) != 1 {
		t.Errorf("%+v, %+v, %v", done, fresh, err)
	}
	if all := accountsIn(t, path); len(all) != 1 || all["a.test"].Username != "user-a.test" {
		t.Errorf("%+v", all)
	}
}

// TestAnOutdatedAccountInTheFileIsNamed: a client would go on being refused with it.
func TestAnOutdatedAccountInTheFileIsNamed(t *testing.T) {
	dir := t.TempDir()
	config, storage := writeTestConfig(t, dir), filepath.Join(dir, "accounts.json")
	mustCommand(t, "cname", "a.test", "--config", config, "--storage", storage)
	if _, stderr, _ := command(t, "cname", "a.test", "--config", config, "--storage", storage); stderr != "" {
		t.Error(stderr)
	}
	mustCommand(t, "account", "remove", "a.test", "--yes", "--config", config)
	_, _, _ = command(t, "cname", "a.test", "--config", config)
	_, stderr, code := command(t, "cname", "a.test", "--config", config, "--storage", storage)
	if code != exitDone || !strings.Contains(stderr, "'acmezone account rotate a.test --storage ") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// deaf makes accounts, but no answer comes back.
type deaf struct {
	stubborn
	made   map[string]string // domain to user name
	ending error             // of looking for them
}

func (d deaf) find(_ context.Context, domain string) (zone.Account, *credentials, error) {
	if name, ok := d.made[domain]; ok {
		return zone.Account{Username: name}, nil, d.ending
	}
	return zone.Account{}, nil, zone.ErrNoAccount
}

func (d deaf) enroll(_ context.Context, new credentials, _ string) (bool, error) {
	d.made[new.domain] = new.Username
	return false, context.Canceled
}

// TestCredentialsSurviveALostAnswer: the service completes what was asked of it, also
// when the command was interrupted or the connection broke.
func TestCredentialsSurviveALostAnswer(t *testing.T) {
	for _, ending := range []error{nil, errors.New("no service any more")} {
		path := filepath.Join(t.TempDir(), "accounts.json")
		file, err := openAccountFile(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		n := &cnames{directory: deaf{made: map[string]string{}, ending: ending}, stderr: &bytes.Buffer{}}
		_, fresh, err := n.enrollSome(t.Context(), []string{"a.test", "b.test"}, &keeper{file}, "")
		if !errors.Is(err, context.Canceled) || len(fresh) != 1 || fresh[0].domain != "a.test" {
			t.Errorf("%+v, %v", fresh, err)
		}
		if all := accountsIn(t, path); len(all) != 1 || all["a.test"].Username != "user-a.test" {
			t.Errorf("%+v", all)
		}
		if err := file.close(); err != nil {
			t.Error(err)
		}
	}
}

// TestAccountFileIsAnOrdinaryOne: a device would be replaced, and a pipe read for ever.
func TestAccountFileIsAnOrdinaryOne(t *testing.T) {
	dir := t.TempDir()
	pipe, dangling := filepath.Join(dir, "pipe"), filepath.Join(dir, "dangling")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.Symlink("nowhere", dangling)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, pipe, dangling} {
		before, _ := os.Lstat(path)
		_, err := openAccountFile(t.Context(), path)
		var usage usageError
		if !errors.As(err, &usage) {
			t.Errorf("%s: %v", path, err)
		}
		if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
			t.Errorf("%s is another one: %v", path, err)
		}
	}
}

// TestAccountFileForgetsWhatItCouldNotWrite: the next account's credentials don't take
// along those of one that came to nothing.
func TestAccountFileForgetsWhatItCouldNotWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "accounts.json")
	file, err := openAccountFile(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.close()
	blocked := path + ".part"
	if err := os.MkdirAll(filepath.Join(blocked, "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := file.put([]credentials{{domain: "a.test"}}); err == nil {
		t.Fatal("it was written")
	}
	if err := errors.Join(os.RemoveAll(blocked), file.put([]credentials{{domain: "b.test"}})); err != nil {
		t.Fatal(err)
	}
	if all := accountsIn(t, path); len(all) != 1 || file.holds("a.test", "") {
		t.Errorf("%+v", all)
	}
}

func TestAccountFileKeepsOwnerModeAndLink(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "real.json"), filepath.Join(dir, "link.json")
	owner := os.Geteuid()
	if owner == 0 {
		owner = 65534 // only root can give a file away
	}
	err := errors.Join(os.WriteFile(path, []byte("{}"), 0o640), os.Chown(path, owner, -1), os.Symlink(path, link))
	if err != nil {
		t.Fatal(err)
	}
	file, err := openAccountFile(t.Context(), link)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(file.put([]credentials{{domain: "a.test"}}), file.close()); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o640 || int(info.Sys().(*syscall.Stat_t).Uid) != owner {
		t.Errorf("%+v, %v", info, err)
	}
	if target, err := os.Readlink(link); target != path || err != nil {
		t.Error(target, err)
	}
}

// TestNoFolderForTheCredentials: it is said how to make it, and nothing is registered.
func TestNoFolderForTheCredentials(t *testing.T) {
	dir := t.TempDir()
	config, folder := writeTestConfig(t, dir), filepath.Join(dir, "lego")
	_, errs, code := command(t, "cname", "a.test", "--config", config, "--storage", filepath.Join(folder, "acmezone.json"))
	if want := "there is no folder " + folder + ": type 'install -d -m 0700 " + folder + "'"; code != exitFailed || !strings.Contains(errs, want) {
		t.Errorf("exit code %d, %s", code, errs)
	}
	if list := mustCommand(t, "account", "list", "--json", "--config", config); strings.TrimSpace(list) != "[]" {
		t.Error(list)
	}
}
