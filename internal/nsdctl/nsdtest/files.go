package nsdtest

import (
	"os"
	"os/user"
	"strconv"
	"testing"
	"time"
)

// Write replaces a file, whose name may be relative to the folder, in one step. The
// new one is the newer by its time too, however soon after the old one it comes:
// NSD passes over a zone file whose time is that of the one it has loaded.
func (s *Server) Write(t testing.TB, file, text string) {
	t.Helper()
	path := s.path(file)
	modified := time.Now()
	if old, err := os.Stat(path); err == nil && !modified.After(old.ModTime()) {
		modified = old.ModTime().Add(time.Microsecond)
	}
	fresh := path + ".new"
	if err := os.WriteFile(fresh, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(fresh, modified, modified); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fresh, path); err != nil {
		t.Fatal(err)
	}
}

// giveAway lets the user that NSD is to run as use the folder.
func (s *Server) giveAway() {
	s.t.Helper()
	if s.options.Username == "" {
		return
	}
	if err := s.chown(s.options.Username); err != nil {
		s.t.Fatal(err)
	}
}

func (s *Server) chown(username string) error {
	account, err := user.Lookup(username)
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(account.Uid)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(account.Gid)
	if err != nil {
		return err
	}
	if err := os.Chmod(s.Dir, 0o755); err != nil {
		return err
	}
	return os.Chown(s.Dir, uid, gid)
}
