package e2e

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/acmezone/acmezone/internal/logtest"
)

const (
	startTime = time.Minute // for a server to be ready, on a busy machine
	stopTime  = time.Minute // for one to end after SIGTERM
)

// command is what to start.
type command struct {
	program  string
	args     []string
	env      []string // on top of this process' own
	graceful bool     // it has a way to end well, and takes it on SIGTERM
}

// process is a running server.
type process struct {
	command
	name  string
	cmd   *exec.Cmd
	log   logtest.Buffer
	ended chan struct{} // closed when it has ended, after err is set
	err   error
}

// start starts a server that stop is to end.
func start(t *testing.T, name string, c command) *process {
	t.Helper()
	p := &process{command: c, name: name, cmd: exec.Command(c.program, c.args...), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), c.env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	return p
}

// launch starts a server on n free ports and waits until it is ready. Another
// program may take a port between the look and the start: then it tries again.
func launch(t *testing.T, name string, n int, prepare func(ports []int) command, ready func(ports []int) error) []int {
	t.Helper()
	for try := 1; ; try++ {
		ports := freePorts(t, n)
		p := start(t, name, prepare(ports))
		err := poll(startTime, p.ended, func() error { return ready(ports) })
		if err == nil {
			t.Cleanup(func() { p.finish(t) })
			return ports
		}
		p.stop(t)
		if try == 5 || !strings.Contains(strings.ToLower(p.log.String()), "in use") {
			t.Fatalf("%s did not get ready: %v\n%s", name, err, &p.log)
		}
	}
}

// finish stops the server at the end of a test, and shows its log if that failed.
func (p *process) finish(t *testing.T) {
	select {
	case <-p.ended:
		t.Errorf("%s ended by itself: %v", p.name, p.err)
	default:
	}
	p.stop(t)
	if p.graceful && p.err != nil {
		t.Errorf("%s after SIGTERM: %v", p.name, p.err)
	}
	if t.Failed() {
		t.Logf("log of %s:\n%s", p.name, &p.log)
	}
}

// stop asks the server to end, and makes it end if it doesn't.
func (p *process) stop(t *testing.T) {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case <-p.ended:
	case <-time.After(stopTime):
		_ = p.cmd.Process.Kill()
		<-p.ended
		t.Errorf("%s took no notice of SIGTERM for %v", p.name, stopTime)
	}
}
