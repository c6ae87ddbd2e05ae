package nsdtest

import (
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	startTime = time.Minute // to be ready, on a busy machine
	stopTime  = time.Minute // to end after a signal
)

// Server is an NSD. What changes it is for one goroutine; Control and the questions
// may come from any number.
type Server struct {
	Dir           string // its folder, and its zonesdir
	Config        string // its nsd.conf
	ControlSocket string // path or host:port; empty without control
	Addr          netip.AddrPort

	t       testing.TB
	options Options
	cmd     *exec.Cmd
	wanted  bool          // it is to run
	ended   chan struct{} // closed when xfrd has ended, after err is set
	err     error
}

// Start starts an NSD and waits until it answers something, be it SERVFAIL. At the
// end of the test the NSD is stopped, and its log shown if the test failed.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	for try := 1; ; try++ {
		s := prepare(t, o)
		err := s.start()
		if err == nil {
			t.Cleanup(s.finish)
			return s
		}
		s.end()
		if try == 5 || !strings.Contains(s.Log(), "in use") {
			t.Fatalf("NSD did not get ready: %v\n%s", err, s.Log())
		}
	}
}

// prepare makes the folder with all that is to be in it.
func prepare(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{Dir: newDir(t), t: t, options: o}
	s.Config = filepath.Join(s.Dir, "nsd.conf")
	s.Addr = reserved(t, o.Addr)
	switch {
	case o.tls():
		s.ControlSocket = Reserve(t, "127.0.0.1").String()
		s.makeKeys()
	case o.Control != Off:
		s.ControlSocket = filepath.Join(s.Dir, "control")
	}
	s.Reconfigure(o)
	s.giveAway()
	return s
}

// newDir has a short path: that of a socket must be under 108 octets, which those
// of t.TempDir often are not. Links are resolved since processes is to compare it.
func newDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "nsd-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		t.Fatal(err)
	}
	if len(dir) > 90 {
		t.Fatalf("%s is too long for a socket in it: set TMPDIR to a shorter path", dir)
	}
	return dir
}

// Reconfigure writes nsd.conf anew, with the address and the control that it had,
// and the zone files that don't exist yet. NSD takes it up when it is told:
// Control("reconfig"), or Restart.
func (s *Server) Reconfigure(o Options) {
	s.t.Helper()
	o.Addr, o.Control = s.options.Addr, s.options.Control
	s.options = o
	for _, z := range o.Zones {
		if _, err := os.Stat(s.path(z.File)); z.Text != "" && errors.Is(err, os.ErrNotExist) {
			s.Write(s.t, z.File, z.Text)
		}
	}
	s.Write(s.t, s.Config, s.configuration())
}

// start starts the processes. What NSD writes before it opens its log is appended
// to the same file.
func (s *Server) start() error {
	s.t.Helper()
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	s.cmd = exec.Command(Program(s.t, "nsd", "nsd"), "-d", "-c", s.Config)
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = s.Dir, log, log
	s.release()
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.wanted, s.ended = true, make(chan struct{})
	go s.wait(s.cmd, s.ended)
	return poll(startTime, s.ended, s.ready)
}

func (s *Server) wait(cmd *exec.Cmd, ended chan struct{}) {
	s.err = cmd.Wait()
	close(ended)
}

// ready asks over the control socket as well: only that shows that what answers at
// the address isn't somebody else's.
func (s *Server) ready() error {
	if _, err := s.ask("."); err != nil {
		return err
	}
	if s.options.Control == Off {
		return nil
	}
	_, err := s.Control("status")
	return err
}

// PID is the id of the process that was started: xfrd, which does the control
// socket, NOTIFY and transfers. The end of it is the end of all.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Restart stops NSD and starts it again, at the same address.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	if err := s.start(); err != nil {
		s.t.Fatalf("NSD did not get ready again: %v", err)
	}
}

// Stop ends NSD with SIGTERM and waits until all its processes are gone.
func (s *Server) Stop() {
	s.t.Helper()
	if !s.wanted {
		return
	}
	s.end()
	if s.err != nil {
		s.t.Errorf("NSD after SIGTERM: %v", s.err)
	}
}

// end leaves nothing behind, not even of an NSD that takes no notice.
func (s *Server) end() {
	s.t.Helper()
	s.wanted = false
	s.Thaw()
	s.signal(syscall.SIGTERM)
	if err := poll(stopTime, nil, s.gone); err != nil {
		s.t.Errorf("NSD after SIGTERM: %v", err)
		s.Kill()
	}
}

// Kill ends all of NSD's processes with SIGKILL.
func (s *Server) Kill() {
	s.t.Helper()
	s.wanted = false
	err := poll(stopTime, nil, func() error {
		for _, pid := range s.Processes() {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by now
		}
		return s.gone()
	})
	if err != nil {
		s.t.Fatalf("NSD after SIGKILL: %v", err)
	}
}

// Freeze stops xfrd, as a client does that connects to the control socket and says
// nothing: DNS is answered, all else waits. Thaw lets it go on.
func (s *Server) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw undoes Freeze.
func (s *Server) Thaw() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig os.Signal) { _ = s.cmd.Process.Signal(sig) } // it may have ended

// finish is the end of the test.
func (s *Server) finish() {
	if s.wanted {
		select {
		case <-s.ended:
			s.t.Errorf("NSD ended by itself: %v", s.err)
			s.end()
		default:
			s.Stop()
		}
	}
	if s.t.Failed() {
		s.t.Logf("log of the NSD at %s:\n%s", s.Addr, s.Log())
	}
}

// Log is what NSD has written so far.
func (s *Server) Log() string {
	text, err := os.ReadFile(s.logFile())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (s *Server) logFile() string { return s.path("nsd.log") }

// path is that of a file as NSD sees it.
func (s *Server) path(file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(s.Dir, file)
}
